from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music import Score, compose, read
from antiphon.music.meter import COMMON, METERS, TICKS
from antiphon.music.motif import Motif, accented, contour, fragment, inverted, refitted, varied
from antiphon.music.rhythm import CELLS, SYNCOPATED
from antiphon.music.styles import STYLES

ALL_CELLS = [cell for table in (CELLS, SYNCOPATED) for cells in table.values() for cell in cells]


@given(st.sampled_from(ALL_CELLS), st.floats(0, 1), st.integers(0, 1000))
def test_a_shape_has_a_triad_on_its_accents_and_stays_within_an_octave(
    cell: tuple[int, ...], leaps: float, seed: int
) -> None:
    steps = contour(cell, COMMON, leaps, random.Random(seed))
    assert len(steps) == len(cell)
    assert max(steps) - min(steps) <= 7 + 2
    bones = [step for step, strong in zip(steps, accented(cell, COMMON), strict=True) if strong]
    assert {bone % 7 for bone in bones} <= {0, 2, 4}


@given(st.sampled_from(ALL_CELLS), st.integers(0, 1000))
def test_developments_fill_the_same_bar(cell: tuple[int, ...], seed: int) -> None:
    rng = random.Random(seed)
    motif = Motif(cell, contour(cell, COMMON, 0.4, rng))
    for other in (
        inverted(motif),
        varied(motif, COMMON, rng),
        fragment(motif),
        refitted(motif, (8, 4, sum(cell) - 12), COMMON, rng),
    ):
        assert sum(other.cell) == sum(cell) or min(other.cell) <= 0
        assert len(other.cell) == len(other.steps)
    assert inverted(inverted(motif)) == motif


def test_accents_are_half_bars_long_notes_and_held_ones() -> None:
    assert accented((2, 2, 4, 8), COMMON) == [True, False, True, True]
    assert accented((3, 3, 2, 2, 2, 4), COMMON) == [True, True, False, True, False, True]
    assert accented((4, 2, 2, 2, 2), METERS["6/8"]) == [True, False, True, False, True]
    assert accented((2, 4, 4, 2), METERS["6/8"]) == [True, True, True, True]


def _lead(style: str, seed: int) -> Score:
    return compose(read(style), 60, seed)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_tune_breathes_between_gestures(style: str) -> None:
    for seed in range(3):
        notes = _lead(style, seed).track("lead").notes
        gaps = [later.start - note.stop for note, later in itertools.pairwise(notes)]
        resting = sum(gap for gap in gaps if gap >= TICKS // 4) / (notes[-1].start - notes[0].start)
        assert 0.06 <= resting <= 0.5
        begins = [notes[0].start, *(b.start for a, b in itertools.pairwise(notes) if b.start - a.stop >= TICKS // 2)]
        assert np.median(np.diff(begins)) <= 8 * TICKS


def test_a_motif_that_moves_keeps_its_contour() -> None:
    kept = []
    for style, seed in itertools.product(sorted(STYLES), range(3)):
        score = _lead(style, seed)
        bars: dict[int, list[tuple[int, int]]] = {}
        for note in score.track("lead").notes:
            bar, at = divmod(note.start - score.pickup, score.bar_ticks)
            bars.setdefault(bar, []).append((at, note.pitch))
        shapes = [(tuple(at for at, _ in bar), tuple(pitch for _, pitch in bar)) for bar in bars.values()]
        for (rhythm, notes), (other, moved) in itertools.pairwise(shapes):
            if rhythm == other and notes != moved and len(notes) >= 3:
                kept.append(list(np.sign(np.diff(notes))) == list(np.sign(np.diff(moved))))
    assert len(kept) > 100
    assert np.mean(kept) >= 0.5
