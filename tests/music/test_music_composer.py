from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError
from antiphon.music import Score, compose, loop_seconds, read
from antiphon.music.composer import shared_bars
from antiphon.music.forms import sections_of
from antiphon.music.harmony import chord_at
from antiphon.music.meter import METERS, TICKS
from antiphon.music.styles import STYLES

PROMPTS = [f"{style}, {mode}" for style in STYLES for mode in ("major", "minor")]

EXTRAS = ["", "waltz", *METERS, "AABA", "no drums", "no bass, no lead", "no arpeggio, no chords", "arpeggio"]


def _piece(prompt: str, seconds: float = 30, seed: int = 1, *, loop: bool = False) -> Score:
    return compose(read(prompt), seconds, seed, loop=loop)


def _beat_length(score: Score) -> int:
    return score.bar_ticks if score.meter.beats == 3 else 2 * TICKS


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_lead_is_consonant_on_strong_beats(prompt: str) -> None:
    inside: list[bool] = []
    for seed in range(4):
        score = _piece(prompt, seed=seed)
        strong = [note for note in score.track("lead").notes if (note.start - score.pickup) % _beat_length(score) == 0]
        assert len(strong) >= 5
        inside += [note.pitch % 12 in chord_at(score.chords, note.start).classes for note in strong]
    assert sum(inside) / len(inside) >= 0.97, (sum(inside), len(inside))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_lead_can_be_sung(prompt: str) -> None:
    for seed in range(4):
        pitches = [note.pitch for note in _piece(prompt, seed=seed).track("lead").notes]
        assert max(pitches) - min(pitches) <= 31
        leaps = [abs(later - earlier) for earlier, later in itertools.pairwise(pitches)]
        assert sum(leap <= 5 for leap in leaps) / len(leaps) > 0.7
        assert sum(leap > 12 for leap in leaps) <= 2, "leaps of more than an octave, other than between sections"
        repeats = max(len(list(group)) for _, group in itertools.groupby(pitches))
        assert repeats <= 9


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_piece_ends_on_the_tonic_after_a_dominant(prompt: str) -> None:
    score = _piece(prompt, seed=3)
    *_, before, last = score.chords
    assert (last.root, before.symbol[0]) == (score.tonic, "V")
    assert score.track("lead").notes[-1].pitch % 12 == score.tonic
    assert score.track("bass").notes[-1].pitch % 12 == score.tonic
    assert score.chords[0].root == score.tonic or score.style == "lounge"


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(STYLES)),
    st.floats(1, 120),
    st.integers(0, 2**40),
    st.one_of(st.none(), st.integers(30, 300)),
    st.sampled_from(
        [
            "",
            "waltz",
            "4/4",
            "6/8",
            "7/8",
            "9/8",
            "12/8",
            "5/4",
            "2/4",
            "AABA",
            "no drums",
            "no bass, no lead",
            "no arpeggio, no chords",
            "arpeggio",
        ]
    ),
    st.booleans(),
)
def test_any_piece_fills_its_length_exactly(
    style: str, seconds: float, seed: int, bpm: int | None, extra: str, loop: bool
) -> None:
    prompt = f"{style} {f'at {bpm} bpm' if bpm else ''} {extra}"
    score = _piece(prompt, seconds, seed, loop=loop)
    assert score.tempo_bpm == bpm or bpm is None
    bar_s = score.bar_ticks * 60 / score.ticks_a_minute
    if loop:
        assert score.pickup == 0
        assert score.ticks % score.bar_ticks == 0
        assert abs(score.seconds - score.ticks / score.bar_ticks * bar_s) <= 1 / 120 + 1e-9
        assert abs(score.seconds - seconds) <= max(bar_s, 1) + 0.01
    else:
        assert score.seconds == seconds
        assert abs(score.ticks * 60 / score.ticks_a_minute - seconds) <= 60 / score.tempo_bpm
    for track in score.tracks:
        assert track.notes[0].start >= 0
        assert all(note.length > 0 and 1 <= note.velocity <= 127 and 24 <= note.pitch < 108 for note in track.notes)
        assert max(note.start for note in track.notes) < score.ticks
        if track.name != "drums":
            assert all(a.stop <= b.start for a, b in itertools.pairwise(track.notes))


def test_a_free_tempo_makes_a_loop_of_exactly_the_length() -> None:
    for seconds in (10, 12.5, 30, 47, 60):
        assert _piece("cheerful adventure", seconds, loop=True).seconds == pytest.approx(seconds, abs=1 / 120)


def test_a_named_tempo_makes_a_loop_of_whole_bars_and_tells() -> None:
    score = _piece("adventure, 130 bpm", 30, loop=True)
    assert score.tempo_bpm == 130
    assert score.seconds == loop_seconds(130, METERS["4/4"], 30) == pytest.approx(16 * 4 * 60 / 130, abs=1 / 120)
    assert any("whole bars" in note for note in score.notes)
    assert _piece("adventure, 130 bpm", score.seconds, loop=True).seconds == score.seconds


def test_the_end_of_a_loop_leads_into_its_beginning() -> None:
    score = _piece("boss fight", 30, loop=True)
    assert score.chords[-1].symbol.startswith("V")
    assert score.chords[0].root == score.tonic
    assert "ending" not in [section.letter for section in score.sections]


def test_same_seed_same_score_in_another_process() -> None:
    code = (
        "import hashlib, msgspec; from antiphon.music import compose, read;"
        "print(hashlib.sha256(msgspec.msgpack.encode(compose(read('dark boss fight'), 40, 7))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    "prompt", ["boss fight, 150 bpm, A minor", "waltz, 150 bpm, C major", "lullaby", "techno, 130 bpm, E minor"]
)
def test_two_seeds_share_less_than_half_of_their_bars(prompt: str) -> None:
    pieces = [_piece(prompt, seed=seed) for seed in range(6)]
    for first, second in itertools.combinations(pieces, 2):
        assert shared_bars(first, second) < 0.5
    assert shared_bars(pieces[0], pieces[0]) == 1.0


@pytest.mark.parametrize("prompt", PROMPTS)
def test_sections_return_varied(prompt: str) -> None:
    score = _piece(prompt, 60, 2)
    letters = [section for section in score.sections if section.letter in "ABCDE"]
    first, *again = [section for section in letters if section.letter == "A"]
    assert again
    lead = score.track("lead").notes
    same = []
    for section in again:

        def shape(start: int, bars: int) -> set[tuple[int, int]]:
            stop = start + bars * score.bar_ticks
            return {(note.start - start, note.pitch) for note in lead if start <= note.start < stop}

        old, new = shape(first.start, first.bars), shape(section.start, section.bars)
        same.append(len(old & new) / len(old))
    assert max(same) >= 0.4
    other = next((section for section in letters if section.letter != "A"), None)
    if other is not None:
        assert len(shape(first.start, first.bars) & shape(other.start, other.bars)) / len(old) < 0.4


def test_a_named_form_is_played() -> None:
    score = _piece("adventure, 120 bpm, AABA", 34)
    assert [section.letter for section in score.sections if section.letter in "ABC"] == list("AABA")


def test_a_form_that_does_not_fit_is_told() -> None:
    assert any("too few" in note for note in _piece("adventure, 60 bpm, ABACADAEA", 8).notes)


def test_styles_differ_in_tempo_density_and_mode() -> None:
    boss = [_piece("boss fight", seed=seed) for seed in range(5)]
    lullaby = [_piece("lullaby", seed=seed) for seed in range(5)]
    assert min(p.tempo_bpm for p in boss) > 1.5 * max(p.tempo_bpm for p in lullaby)
    assert min(len(p.track("bass").notes) for p in boss) > 1.5 * max(len(p.track("bass").notes) for p in lullaby)
    assert sum(p.mode == "minor" for p in boss) > sum(p.mode == "minor" for p in lullaby)


def test_denied_parts_are_silent() -> None:
    score = _piece("rock, no drums, no bass")
    assert {track.name for track in score.tracks} == {"lead", "counter"}


@pytest.mark.parametrize("seconds", [0, 0.99, 601, 10_000, float("nan")])
def test_impossible_lengths_are_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="1 to 600"):
        _piece("rock", seconds)


def test_one_second_is_a_cadence() -> None:
    for style in STYLES:
        score = _piece(style, 1)
        assert score.chords[-1].root == score.tonic
        assert score.track("lead").notes[-1].pitch % 12 == score.tonic


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("structure", ["AABA", "ABAC", "ABA", "AB"])
def test_a_named_form_is_kept_as_asked_or_in_rounds_that_are_told(structure: str, loop: bool) -> None:
    for bars in range(1, 150):
        sections, notes = sections_of(bars, structure, random.Random(1), loop=loop, bar=96)
        letters = "".join(section.letter for section in sections if section.letter in "ABC")
        assert sum(section.bars for section in sections) == bars
        rounds, rest = divmod(len(letters), len(structure))
        if bars < len(structure):
            assert letters == structure[:bars]
        else:
            assert (letters, rest) == (structure * rounds, 0)
        assert bool(notes) == (letters != structure)
