"""The meters of music: what it measures, what it leaves open, and the votes that follow."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from music_signals import RATE_HZ, song, wave

from antiphon.audio import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict
from antiphon.judges.music.clip import asked_by
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.integrity import work_of
from antiphon.judges.music.meters import MusicMeters
from antiphon.judges.music.scoring import MUSIC
from antiphon.services import MusicRequest

SECONDS = 12.5
SONG = wave(song(9, "minor", 120, SECONDS))
PROMPT = "A minor, 120 bpm"


def evidence(prompt: str, audio: Waveform | None, *, seed: int = 1, samples: int | None = None) -> MusicEvidence:
    """A delivery of exactly the ordered window."""
    seconds = 10.0 if audio is None else audio.duration_s
    request = MusicRequest(prompt=prompt, seconds=max(1.0, seconds), seed=seed, start_s=0.0, stop_s=seconds)
    count = 0 if audio is None else audio.samples.shape[1]
    return MusicEvidence(request, audio, RATE_HZ, count if samples is None else samples)


def _values(found: tuple[Measurement, ...]) -> dict[str, float]:
    return {f"{one.judge}.{one.name}": one.value for one in found if one.value is not None}


def _reasons(found: tuple[Measurement, ...]) -> dict[str, str]:
    return {f"{one.judge}.{one.name}": one.reason for one in found if one.reason is not None}


def test_music_that_is_what_was_asked_for_is_valid() -> None:
    vote = decide(MUSIC, MusicMeters().measure(evidence(PROMPT, SONG)))
    assert vote.verdict == Verdict.VALID
    assert vote.score_ppm is not None
    assert vote.score_ppm > 900_000


@pytest.mark.parametrize("prompt", ["A minor, 104 bpm", "Eb major, 120 bpm"])
def test_another_tempo_or_key_is_invalid_and_scores_less(prompt: str) -> None:
    right = decide(MUSIC, MusicMeters().measure(evidence(PROMPT, SONG)))
    wrong = decide(MUSIC, MusicMeters().measure(evidence(prompt, SONG)))
    assert wrong.verdict == Verdict.INVALID
    assert (wrong.score_ppm or 0) < (right.score_ppm or 0)


def test_what_the_prompt_does_not_name_is_not_held_against_a_piece() -> None:
    found = MusicMeters().measure(evidence("some music", SONG))
    reasons = _reasons(found)
    assert reasons["music.tempo_support"] == "the prompt names no tempo"
    assert reasons["music.key_gap"] == "the prompt names no key"
    assert decide(MUSIC, found).verdict == Verdict.VALID


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_a_short_window_is_judged_by_what_it_can_show(seconds: float) -> None:
    short = wave(SONG.samples[0, : int(seconds * RATE_HZ)].astype(np.float64))
    found = MusicMeters().measure(evidence("Eb major, 95 bpm", short))
    assert {"music.tempo_support", "music.key_gap", "music.variety", "music.repetition"} <= _reasons(found).keys()
    assert decide(MUSIC, found).verdict == Verdict.VALID


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (np.zeros_like, "integrity.silence_share"),
        (lambda x: np.clip(20 * x, -1, 1), "integrity.clipping_share"),
        (lambda x: x + 0.1, "integrity.dc_offset"),
        (lambda x: x * (np.arange(x.shape[0]) % 4_410 > 441), "integrity.gaps_per_s"),
        (lambda x: np.random.default_rng(0).standard_normal(x.shape) * 0.1, "music.tonality"),
        (lambda x: np.tile(x[: RATE_HZ * 2], 8), "music.variety"),
        (lambda x: np.sin(2 * np.pi * 90 * np.arange(x.shape[0]) / RATE_HZ) * 0.3, "music.pitches"),
    ],
)
def test_damage_and_imitations_are_rejected_by_the_measurement_made_for_them(change: object, key: str) -> None:
    assert callable(change)
    found = MusicMeters().measure(evidence("some music", wave(change(SONG.samples[0].astype(np.float64)))))
    assert decide(MUSIC, found).verdict == Verdict.INVALID
    limits = [limit for limit in MUSIC.limits if limit.key == key]
    assert limits
    assert not all(limit.holds(_values(found)[key]) for limit in limits)


def test_what_does_not_decode_is_invalid_and_measures_nothing_else() -> None:
    found = MusicMeters().measure(evidence("some music", None))
    assert _values(found) == {"integrity.decodes": 0.0}
    assert decide(MUSIC, found).verdict == Verdict.INVALID


def test_less_than_declared_or_than_ordered_is_invalid() -> None:
    fewer = MusicMeters().measure(evidence("some music", SONG, samples=SONG.samples.shape[1] + 1))
    assert decide(MUSIC, fewer).verdict == Verdict.INVALID
    window = MusicRequest(prompt="some music", seconds=30, seed=1, start_s=0, stop_s=20)
    shorter = MusicMeters().measure(
        type(evidence("x", SONG))(
            request=window, audio=SONG, declared_rate_hz=RATE_HZ, declared_samples=SONG.samples.shape[1]
        )
    )
    assert _values(shorter)["integrity.window_error"] == pytest.approx(20 - SECONDS)
    assert decide(MUSIC, shorter).verdict == Verdict.INVALID


def test_the_same_audio_for_another_order_is_a_duplicate_and_for_the_same_work_is_not() -> None:
    meters = MusicMeters()
    meters.measure(evidence("some music", SONG))
    again = meters.measure(evidence("Some  music", SONG))
    assert _values(again)["integrity.duplicate"] == 0
    louder = wave(SONG.samples[0].astype(np.float64) * 0.8)
    copy = meters.measure(evidence("other music", louder))
    assert _values(copy)["integrity.duplicate"] > 0.8
    assert decide(MUSIC, copy).verdict == Verdict.INVALID
    other_seed = meters.measure(evidence("some music", louder, seed=2))
    assert _values(other_seed)["integrity.duplicate"] > 0.8


def test_windows_and_lengths_of_one_work_are_one_work_and_options_make_another() -> None:
    first = MusicRequest(prompt="a b", seconds=60, seed=1, start_s=0, stop_s=30)
    second = MusicRequest(prompt="A  b", seconds=90, seed=1, start_s=30, stop_s=60)
    other = MusicRequest(prompt="a b", seconds=60, seed=1, start_s=0, stop_s=30, options={"style": "march"})
    assert work_of(first) == work_of(second)
    assert work_of(first) != work_of(other)


def test_options_stand_above_the_prompt_and_unreadable_ones_say_nothing() -> None:
    def request(**options: str | float) -> MusicRequest:
        return MusicRequest(prompt="90 bpm", seconds=10, seed=1, start_s=0, stop_s=10, options=options)

    assert asked_by(request(tempo_bpm=140.0)).tempo_bpm == 140
    assert asked_by(request(key="no key at all", engine_only="x")).tempo_bpm == 90


def test_measurements_are_the_same_every_time_and_from_several_threads() -> None:
    meters = MusicMeters()
    delivery = evidence(PROMPT, SONG)
    results: list[tuple[Measurement, ...]] = []
    threads = [threading.Thread(target=lambda: results.append(meters.measure(delivery))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(result == results[0] for result in results)
    assert MusicMeters().measure(delivery) == results[0]


def test_a_copy_in_another_tempo_or_key_is_found_and_another_song_is_not() -> None:
    meters = MusicMeters()
    meters.measure(evidence("some music", SONG))
    other = meters.measure(evidence("third music", wave(song(4, "major", 97, SECONDS, seed=3))))
    assert decide(MUSIC, other).verdict == Verdict.VALID
    slowed = np.interp(np.arange(SONG.samples.shape[1]) / 1.06, np.arange(SONG.samples.shape[1]), SONG.samples[0])
    for copy in (slowed, song(2, "minor", 132, SECONDS)):
        found = meters.measure(evidence("other music", wave(copy)))
        assert _values(found)["integrity.duplicate"] < 0.45
        assert decide(MUSIC, found).verdict == Verdict.INVALID
        assert _values(found)["integrity.copy"] > 0.75
