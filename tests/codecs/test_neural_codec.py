"""The codec that ships, on real speech: hibari speaks, the codec encodes, decodes and streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import resample
from antiphon.audio.waveform import Waveform
from antiphon.codecs import Codec, TokenGrid, stream
from antiphon.codecs.neural import NeuralCodec, load
from antiphon.codecs.neural import codec as serving
from antiphon.codecs.neural.measures import stoi
from antiphon.engines.hibari import HibariEngine
from antiphon.errors import InputError, ModelError
from antiphon.services import SpeechRequest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def codec() -> NeuralCodec:
    return load()


@pytest.fixture(scope="module")
def speech() -> Waveform:
    request = SpeechRequest(text="A gentle breeze moved the paper boats across the pond.", voice="hibari")
    chunks = [chunk.samples for chunk in HibariEngine().generate(request, 1)]
    return resample(Waveform(np.concatenate(chunks, axis=1), 24_000), 16_000)


@pytest.fixture(scope="module")
def grid(codec: NeuralCodec, speech: Waveform) -> TokenGrid:
    return codec.encode(speech)


def test_it_is_a_codec_of_two_kilobits_a_second(codec: NeuralCodec) -> None:
    assert isinstance(codec, Codec)
    assert codec.config.bits_per_s == 2_000
    assert (codec.rate_hz, codec.frame_rate_hz, codec.vocabulary) == (16_000, 50.0, (1_024,) * 4)


def test_speech_survives(codec: NeuralCodec, speech: Waveform, grid: TokenGrid) -> None:
    decoded = codec.decode(grid)
    assert grid.frames == -(-speech.samples.shape[1] // 320)
    assert decoded.samples.shape == (1, grid.frames * 320)
    cut = Waveform(decoded.samples[:, : speech.samples.shape[1]], 16_000)
    assert stoi(speech, cut) > 0.9


def test_the_same_audio_gives_the_same_tokens_and_the_same_tokens_the_same_audio(
    codec: NeuralCodec, speech: Waveform, grid: TokenGrid
) -> None:
    assert np.array_equal(codec.encode(speech).tokens, grid.tokens)
    assert np.array_equal(codec.decode(grid).samples, codec.decode(grid).samples)


@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 45), min_size=1, max_size=12))
def test_streamed_equals_whole_bit_for_bit(codec: NeuralCodec, grid: TokenGrid, lengths: list[int]) -> None:
    decoder, pieces, start = codec.decoder(), [], 0
    for length in [*lengths, grid.frames]:
        pieces.append(decoder.push(grid.tokens[:, start : start + length]).samples)
        start = min(grid.frames, start + length)
    pieces.append(decoder.finish().samples)
    assert np.array_equal(np.concatenate(pieces, axis=1), codec.decode(grid).samples)


def test_audio_comes_before_the_last_token(codec: NeuralCodec, grid: TokenGrid) -> None:
    pieces = list(stream(codec, grid, 10))
    assert len(pieces) > grid.frames // serving.BLOCK // 2
    decoder = codec.decoder()
    first = decoder.push(grid.tokens[:, : serving.BLOCK + codec.config.lookahead])
    assert first.samples.shape[1] == serving.BLOCK * 320 - 3 * codec.config.step


def test_what_is_to_come_changes_nothing_before_the_lookahead(codec: NeuralCodec, grid: TokenGrid) -> None:
    other = grid.tokens.copy()
    other[:, 40:] = (other[:, 40:] + 500) % 1_024
    one, two = (codec.decode(TokenGrid(tokens, codec.name, 50.0)).samples for tokens in (grid.tokens, other))
    same = (40 - codec.config.lookahead) * 320 - 3 * codec.config.step
    assert np.array_equal(one[:, :same], two[:, :same])
    assert not np.array_equal(one, two)


def test_windows_of_the_encoder_join_without_a_trace(
    codec: NeuralCodec, speech: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = codec.encode(speech).tokens
    monkeypatch.setattr(serving, "WINDOW", 60)
    cut = codec.encode(speech).tokens
    assert cut.shape == whole.shape
    assert np.mean(cut == whole) > 0.97  # the pitch path may choose otherwise where nothing is voiced


def test_any_rate_and_channels_come_in(codec: NeuralCodec, speech: Waveform, grid: TokenGrid) -> None:
    stereo = resample(Waveform(np.repeat(speech.samples, 2, axis=0), 16_000), 44_100)
    assert abs(codec.encode(stereo).frames - grid.frames) <= 1


def test_silence_and_a_single_sample_can_be_encoded(codec: NeuralCodec) -> None:
    silent = codec.decode(codec.encode(Waveform(np.zeros((1, 16_000), np.float32), 16_000)))
    assert np.abs(silent.samples).max() < 0.02
    assert codec.encode(Waveform(np.ones((1, 1), np.float32), 16_000)).frames == 1


def test_no_tokens_are_no_audio(codec: NeuralCodec) -> None:
    assert codec.decode(TokenGrid(np.zeros((4, 0), np.uint16), codec.name, 50.0)).samples.shape == (1, 0)


@pytest.mark.parametrize(
    ("samples", "told"),
    [(np.zeros((1, 0)), "no audio"), (np.array([[0.0, np.nan]]), "not numbers"), (np.array([[np.inf]]), "not numbers")],
)
def test_audio_that_cannot_be_encoded_is_refused(codec: NeuralCodec, samples: np.ndarray, told: str) -> None:
    with pytest.raises(InputError, match=told):
        codec.encode(Waveform(samples.astype(np.float32), 16_000))


def test_foreign_and_impossible_tokens_are_refused(codec: NeuralCodec, grid: TokenGrid) -> None:
    with pytest.raises(InputError, match="of the codec another"):
        codec.decode(TokenGrid(grid.tokens, "another", 50.0))
    with pytest.raises(InputError, match="has 4 levels, the tokens have 3"):
        codec.decode(TokenGrid(grid.tokens[:3], codec.name, 50.0))
    high = grid.tokens.copy()
    high[2, 5] = 1_024
    with pytest.raises(InputError, match="1024, not below 1024"):
        codec.decode(TokenGrid(high, codec.name, 50.0))
    with pytest.raises(InputError, match="1024, not below 1024"):
        codec.decoder().push(high)
    with pytest.raises(InputError, match=r"\[4, frames\]"):
        codec.decoder().push(grid.tokens[:2])


def test_a_folder_without_a_codec_is_named(tmp_path: Path) -> None:

    with pytest.raises(ModelError, match=r"encoder\.onnx"):
        load(tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="no readable ONNX model"):
        load(tmp_path)
