from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio.waveform import Samples
from antiphon.engines.base import Engine
from antiphon.engines.chiptune import ChiptuneEngine, score_of
from antiphon.engines.pieces import KEPT_PIECES
from antiphon.errors import InputError
from antiphon.services import MusicRequest, Options, Service, SpeechRequest

RATE_HZ = 44_100
ENGINE = ChiptuneEngine()


def _request(
    start_s: float = 0.0,
    stop_s: float = 12.0,
    prompt: str = "boss fight, 151 bpm, A minor",
    seconds: float = 12.0,
    seed: int = 3,
    loop: bool = False,
    options: Options | None = None,
) -> MusicRequest:
    return MusicRequest(
        prompt=prompt, seconds=seconds, seed=seed, start_s=start_s, stop_s=stop_s, loop=loop, options=options or {}
    )


def _samples(request: MusicRequest, engine: ChiptuneEngine = ENGINE, seed: int = 0) -> Samples:
    return np.concatenate([chunk.samples for chunk in engine.generate(request, seed)], axis=1)


WHOLE = _samples(_request())


def test_it_is_an_engine_of_music() -> None:
    able = ENGINE.capabilities
    assert isinstance(ENGINE, Engine)
    assert (able.service, able.rate_hz, able.seeded, able.streams, able.voices) == (
        Service.MUSIC,
        RATE_HZ,
        True,
        True,
        (),
    )


def test_the_length_is_exact_to_the_sample() -> None:
    assert WHOLE.shape == (2, 12 * RATE_HZ)
    assert _samples(_request(0, 1.2345, seconds=1.2345)).shape == (2, round(1.2345 * RATE_HZ))


@settings(max_examples=15)
@given(st.floats(0, 11.9), st.floats(0.01, 12), st.integers(0, 99))
def test_a_window_is_bit_for_bit_what_the_whole_has_there(start_s: float, length_s: float, seed: int) -> None:
    stop_s = min(start_s + length_s, 12.0)
    window = _samples(_request(start_s, stop_s), ChiptuneEngine(), seed)
    assert np.array_equal(window, WHOLE[:, round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)])


def test_a_late_window_of_a_long_piece_is_that_of_the_piece() -> None:
    first = np.concatenate([_samples(_request(at, at + 15, "waltz", 60.0)) for at in (0.0, 15.0, 30.0, 45.0)], axis=1)
    window = _samples(_request(41.5, 59.0, "waltz", 60.0), ChiptuneEngine())
    assert np.array_equal(window, first[:, round(41.5 * RATE_HZ) : 59 * RATE_HZ])


def test_the_request_s_seed_decides_and_no_other() -> None:
    assert np.array_equal(_samples(_request(), seed=99), WHOLE)
    assert not np.array_equal(_samples(_request(seed=4)), WHOLE)


def test_it_streams_in_stereo_and_is_sound() -> None:
    chunks = list(ENGINE.generate(_request(), 0))
    assert len(chunks) > 5
    assert all(chunk.samples.shape[0] == 2 and chunk.rate_hz == RATE_HZ for chunk in chunks)
    assert np.abs(WHOLE).max() < 1.0
    assert not np.array_equal(WHOLE[0], WHOLE[1])
    assert np.abs(WHOLE[:, -200:]).max() < 0.01


def test_a_loop_goes_round_without_a_click_or_gap() -> None:
    request = _request(0, 21, "techno, 128 bpm", 21.0, loop=True)
    length = round(score_of(request).seconds * RATE_HZ)
    piece = _samples(request)
    assert length == round(11 * 1.875 * 60) * 735
    assert np.array_equal(piece[:, length:], piece[:, : piece.shape[1] - length])
    jumps = np.abs(np.diff(piece)).max(axis=0)
    assert jumps[length - 1] <= np.quantile(jumps, 0.999)
    around = piece[:, length - 1_000 : length + 1_000]
    assert np.sqrt(np.mean(around**2)) > 0.01


def test_options_stand_above_the_prompt_and_it_is_told() -> None:
    score = score_of(_request(options={"tempo_bpm": 100, "key": "F# major", "style": "waltz", "parts": "no drums"}))
    assert (score.tempo_bpm, score.tonic, score.mode, score.style) == (100, 6, "major", "waltz")
    church = score_of(_request(options={"key": "E phrygian", "style": "title"}))
    assert any(chord.symbol == "bII" for chord in church.chords)
    assert all(track.name != "drums" for track in score.tracks)
    assert any("151" in note and "100" in note for note in score.notes)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tempo": 100}, "tempo_bpm"),
        ({"tempo_bpm": 1000}, "tempo_bpm"),
        ({"style": "opera"}, "boss"),
        ({"key": "H major"}, "A minor"),
        ({"form": "XYZ"}, "AABA"),
        ({"parts": "kazoo"}, "square lead"),
        ({"meter": "13/8"}, "12/8"),
        ({"energy": 2.0}, "energy"),
    ],
)
def test_wrong_options_are_refused_with_what_is_right(options: Options, told: str) -> None:
    with pytest.raises(InputError, match=told):
        ENGINE.check(_request(options=options))


def test_other_services_are_refused() -> None:
    with pytest.raises(InputError, match="makes music"):
        ENGINE.check(SpeechRequest(text="hello", voice="hibari"))
    with pytest.raises(InputError, match="makes music"):
        ENGINE.generate(SpeechRequest(text="hello", voice="hibari"), 1)


def test_two_threads_do_not_disturb_each_other() -> None:
    engine, results = ChiptuneEngine(), []
    threads = [threading.Thread(target=lambda: results.append(_samples(_request(), engine))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert all(np.array_equal(result, WHOLE) for result in results)


def test_only_the_last_few_pieces_are_kept() -> None:
    engine = ChiptuneEngine()
    for seed in range(KEPT_PIECES + 3):
        next(iter(engine.generate(_request(0, 1, seconds=1.0, seed=seed), 0)))
    assert len(engine._pieces._pieces) == KEPT_PIECES
