"""What a prompt names beyond tempo and key is heard in pieces that have it, and missed in pieces that have not."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from antiphon.analysis import bars
from antiphon.audio import Waveform
from antiphon.bench.music_cheats import perform
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict
from antiphon.judges.music import styles
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.meters import MusicMeters
from antiphon.judges.music.scoring import MUSIC
from antiphon.services import MusicRequest

PEOPLE = Path(__file__).with_name("style_features.npz")
METERS = Path(__file__).with_name("people_meters.npz")
SECONDS = 20.0


@lru_cache(maxsize=8)
def piece(prompt: str) -> Waveform:
    return perform(prompt, 5, SECONDS).audio


def heard(prompt: str, audio: Waveform, figure: str, *, whole: bool = True) -> float | str:
    """The figure of a judge who is told that the audio was ordered by `prompt`."""
    seconds = audio.duration_s if whole else 3 * audio.duration_s
    request = MusicRequest(prompt=prompt, seconds=seconds, seed=5, start_s=0.0, stop_s=audio.duration_s)
    evidence = MusicEvidence(request, audio, audio.rate_hz, audio.samples.shape[1])
    found = next(one for one in MusicMeters().measure(evidence) if f"{one.judge}.{one.name}" == figure)
    return found.reason or "" if found.value is None else found.value


def value(prompt: str, audio: Waveform, figure: str) -> float:
    found = heard(prompt, audio, figure)
    assert not isinstance(found, str), found
    return found


@pytest.mark.parametrize(
    ("meter", "bpm", "others"),
    [("3/4", 120, ("4/4", "5/4")), ("6/8", 84, ("9/8", "3/4")), ("7/8", 130, ("4/4", "3/4")), ("4/4", 112, ("3/4",))],
)
def test_the_asked_metre_is_told_from_others(meter: str, bpm: int, others: tuple[str, ...]) -> None:
    audio = piece(f"rock in {meter}, {bpm} bpm")
    assert value(f"rock in {meter}, {bpm} bpm", audio, "music.meter_gap") <= 0.2
    for other in others:
        assert value(f"rock in {other}, {bpm} bpm", audio, "music.meter_gap") > 0.3


def test_a_metre_of_three_parts_is_not_found_in_beats_of_two() -> None:
    assert value("rock in 6/8, 112 bpm", piece("rock in 4/4, 112 bpm"), "music.meter_gap") >= 1


def test_metres_of_accompaniments_by_people_are_heard() -> None:
    with np.load(METERS) as table:
        right = [
            max(found := bars.grouping(alike.astype(float)), key=lambda name: found[name]) == group
            for alike, group in zip(table["alike"], table["group"], strict=True)
        ]
    assert len(right) >= 40
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("wish", ["crescendo", "diminuendo"])
def test_a_rise_is_heard_and_its_opposite_and_an_even_piece_are_not(wish: str) -> None:
    other = "diminuendo" if wish == "crescendo" else "crescendo"
    assert value(f"rock, {wish}", piece(f"rock, {wish}"), "music.dynamics_error") < 0.1
    assert value(f"rock, {other}", piece(f"rock, {wish}"), "music.dynamics_error") == 1


def test_how_soft_a_file_is_played_cannot_be_heard() -> None:
    assert "says nothing" in str(heard("very soft rock", piece("rock, crescendo"), "music.dynamics_error"))


def test_a_bass_and_its_absence_are_heard() -> None:
    assert value("rock, no bass", piece("rock, no bass"), "music.bass_error") < 0.3
    assert value("rock, no bass", piece("rock, crescendo"), "music.bass_error") > 0.7


def test_a_form_is_told_from_another() -> None:
    audio = piece("techno, ABAB, 140 bpm")
    assert value("techno, ABAB", audio, "music.form_gap") < value("techno, AABA", audio, "music.form_gap")
    assert "cannot be heard" in str(heard("techno, ABCD", audio, "music.form_gap"))
    assert "not the whole" in str(heard("techno, ABAB", audio, "music.form_gap", whole=False))


def test_a_style_is_told_from_others_in_accompaniments_by_people_and_in_pieces_of_ours() -> None:
    with np.load(PEOPLE) as table:
        rows = list(
            zip(table["features"].astype(float), table["styles"].tolist(), table["sources"].tolist(), strict=True)
        )
    for ours, least in ((False, LEAST_PEOPLE), (True, LEAST_OURS)):
        won = [
            float(np.mean(found[styles.NAMES.index(style)] > np.delete(found, styles.NAMES.index(style))))
            for features, style, source in rows
            if source.startswith("ours") == ours
            for found in [styles.likelihoods(features)]
        ]
        assert len(won) >= 40
        assert np.mean(won) >= least


LEAST_PEOPLE, LEAST_OURS = 0.75, 0.9
"""Shares of styles that are less likely than the right one; by chance .5."""


def test_a_prompt_that_nobody_reads_is_inconclusive_whatever_is_delivered() -> None:
    audio = piece("rock in 3/4, 120 bpm")
    request = MusicRequest(prompt="спокойная музыка", seconds=SECONDS, seed=1, start_s=0.0, stop_s=audio.duration_s)
    found = MusicMeters().measure(MusicEvidence(request, audio, audio.rate_hz, audio.samples.shape[1]))
    assert decide(MUSIC, found).verdict == Verdict.INCONCLUSIVE
