"""Semantic tokens: files that come back the same, rates that fit the codec's, real features of real speech."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from storm_fakes import layer, tone

from antiphon.audio import Waveform
from antiphon.engines.hibari import HibariEngine
from antiphon.errors import InputError, ModelError, OutputError
from antiphon.services import SpeechRequest
from antiphon.soundstorm import semantic
from antiphon.soundstorm.semantic import SemanticConfig, agreement, learn, load, runs
from antiphon.soundstorm.semantic_sources import FeatureSource, MelFeatures, source

CONFIG = SemanticConfig(features="mel", clusters=16, passes=2)


@pytest.fixture(scope="module")
def tokenizer() -> semantic.SemanticTokenizer:
    return learn(lambda: (tone(2.0, seed) for seed in range(4)), CONFIG)


def test_a_saved_tokenizer_gives_the_same_tokens(tokenizer: semantic.SemanticTokenizer, tmp_path: Path):
    tokenizer.save(tmp_path / "deep" / "semantic.safetensors")
    again = load(tmp_path / "deep" / "semantic.safetensors")
    wave = tone(1.3, 9)
    assert again.name == tokenizer.name
    assert again.clusters.inertia == tokenizer.clusters.inertia
    np.testing.assert_array_equal(again.encode(wave), tokenizer.encode(wave))


@pytest.mark.parametrize("seconds", [0.004, 0.02, 0.5, 11.99, 12.0, 25.3])
def test_fifty_tokens_a_second_of_any_length(tokenizer: semantic.SemanticTokenizer, seconds: float):
    tokens = tokenizer.encode(tone(seconds, 3))
    assert tokens.dtype == np.uint16
    assert tokens.shape == (-(-int(seconds * 16_000) // 320),)


@pytest.mark.parametrize("frames", [1, 7, 100, 120, 50])
def test_tokens_meet_the_frames_of_any_codec(tokenizer: semantic.SemanticTokenizer, frames: int):
    assert tokenizer.aligned(tone(2.0, 1), frames).shape == (frames,)


def test_a_stride_of_two_is_the_papers_rate():
    paper = learn(lambda: [tone(3.0, 1)], SemanticConfig(features="mel", clusters=8, stride=2))
    assert paper.frame_rate_hz == 25.0
    tokens = paper.encode(tone(2.0, 2))
    assert tokens.shape == (50,)
    np.testing.assert_array_equal(paper.aligned(tone(2.0, 2), 100), np.repeat(tokens, 2))


def test_rate_and_channels_do_not_matter_much(tokenizer: semantic.SemanticTokenizer):
    mono = tone(2.0, 5, 48_000)
    stereo = Waveform(np.repeat(mono.samples, 2, axis=0), 48_000)
    np.testing.assert_array_equal(tokenizer.encode(mono), tokenizer.encode(stereo))


@pytest.mark.parametrize(
    "samples",
    [np.zeros((1, 0), np.float32), np.full((1, 900), np.nan, np.float32), np.full((1, 9), np.inf, np.float32)],
)
def test_audio_that_is_none_is_refused(tokenizer: semantic.SemanticTokenizer, samples: np.ndarray):
    with pytest.raises(InputError):
        tokenizer.encode(Waveform(samples, 16_000))


def test_files_that_are_no_tokenizer_say_so(tokenizer: semantic.SemanticTokenizer, tmp_path: Path):
    good = tmp_path / "good.safetensors"
    tokenizer.save(good)
    for name, blob in {"cut": good.read_bytes()[:-40], "noise": b"\1" * 99, "empty": b""}.items():
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(ModelError):
            load(tmp_path / name)
    with pytest.raises(ModelError, match="train semantic"):
        load(tmp_path / "missing")
    with pytest.raises(OutputError):
        tokenizer.save(good / "below-a-file.safetensors")


def test_clusters_of_other_features_do_not_fit(tokenizer: semantic.SemanticTokenizer):
    clusters = dataclasses.replace(tokenizer.clusters, mean=np.zeros(5, np.float32))
    with pytest.raises(ModelError, match="features they were made from"):
        semantic.SemanticTokenizer(CONFIG, clusters)


def test_hubert_without_weights_says_what_to_do(tmp_path: Path):
    with pytest.raises(ModelError, match="import-features"):
        source(f"onnx:{tmp_path / 'hubert.onnx'}")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="no readable ONNX"):
        source(f"onnx:{tmp_path / 'broken.onnx'}")
    with pytest.raises(InputError, match="Choose one of"):
        source("hubert")


def test_a_local_onnx_encoder_is_a_source_like_any_other(tmp_path: Path):
    pytest.importorskip("onnx")
    layer(tmp_path / "layer.onnx")
    features = source(f"onnx:{tmp_path / 'layer.onnx'}")
    assert isinstance(features, FeatureSource)
    assert features.width == 12
    assert features.features(tone(1.7, 0)).shape == (85, 12)


def test_windows_meet_without_a_seam():
    features = MelFeatures()
    wave = tone(13.0, 2)
    joined = features.features(wave)
    start = Waveform(wave.samples[:, : 16_000 * 4], 16_000)
    assert joined.shape == (650, 26)
    np.testing.assert_allclose(joined[:190], features.features(start)[:190], atol=0.05)


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [([1, 1, 2], [1, 2, 2], 1.0), ([1, 2, 3], [1, 4, 3], 2 / 3), ([], [], 1.0), ([1], [], 0.0)],
)
def test_agreement_is_of_runs(one: list[int], other: list[int], value: float):
    assert agreement(one, other) == pytest.approx(value)


def test_runs_drop_repetitions():
    assert runs([1, 1, 2, 2, 1]) == [1, 2, 1]


@pytest.mark.slow
def test_what_is_said_tells_more_than_how_fast_it_is_said():
    """By the bundled recogniser, on speech: the same words at another speed are nearer than other words."""
    engine = HibariEngine()

    def say(text: str, speed: float) -> Waveform:
        chunks = list(engine.generate(SpeechRequest(text=text, voice="hibari", speed=speed), 0))
        return Waveform(np.concatenate([c.samples for c in chunks], axis=1), chunks[0].rate_hz)

    texts = ["The harbour was quiet before dawn.", "Seven green boxes fell off the truck."]
    slow, fast = ([say(text, speed) for text in texts] for speed in (0.9, 1.25))
    tokenizer = learn(lambda: [*slow, *fast], SemanticConfig(clusters=32))
    first, second = ([tokenizer.encode(wave) for wave in waves] for waves in (slow, fast))
    for place in (0, 1):
        same = agreement(first[place], second[place])
        assert same > 0.5
        assert same > 2 * agreement(first[place], second[1 - place])
