"""The small model of notes: it learns, repeats itself exactly, and knows chip music only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_contribution_diversity import composed

from antiphon.codecs.base import TokenGrid
from antiphon.errors import InputError
from antiphon.genki.baseline import NoteModel

MODEL = NoteModel(width=8, batch=32, rate=0.02)


def test_it_learns_what_music_has_in_common_and_never_changes_what_it_was_given() -> None:
    start = MODEL.initial()
    before = {name: array.copy() for name, array in start.items()}
    after = MODEL.learn(start, composed("calm waltz", 0, 6), steps=60, seed=1)
    held_out = composed("calm waltz", 6, 6)
    assert MODEL.losses(after, held_out).mean() < 0.7 * MODEL.losses(start, held_out).mean()
    assert all((start[name] == before[name]).all() for name in before)
    again = MODEL.learn(start, composed("calm waltz", 0, 6), steps=60, seed=1)
    assert all((after[name] == again[name]).all() for name in after)


def test_its_slopes_are_those_of_its_loss() -> None:
    # One step of a tiny rate goes down by Adam's sign of each slope; the loss of the notes drawn must fall.
    small = NoteModel(width=8, batch=4_000, rate=1e-4)
    start, pieces = small.initial(), composed("calm waltz", 0, 6)
    moved = small.learn(start, pieces, steps=1, seed=1)
    assert small.losses(moved, pieces).mean() < small.losses(start, pieces).mean()


def test_a_piece_has_the_same_loss_alone_as_among_others() -> None:
    pieces = composed("calm waltz", 0, 6)
    together, alone = MODEL.losses(MODEL.initial(), pieces), [MODEL.losses(MODEL.initial(), [one])[0] for one in pieces]
    assert together == pytest.approx(alone, rel=1e-6)


def test_silence_has_no_loss_and_teaches_nothing() -> None:
    silent = TokenGrid(np.zeros((10, 60), np.uint16), "chip", 60.0)
    assert np.isnan(MODEL.losses(MODEL.initial(), [silent])).all()
    with pytest.raises(InputError, match="no note"):
        MODEL.learn(MODEL.initial(), [silent], steps=1, seed=0)


def test_it_reads_a_folder_of_grids_and_refuses_other_codecs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no grid"):
        MODEL.read(tmp_path)
    np.save(tmp_path / "a.npy", composed("calm waltz", 0, 6)[0].tokens)
    assert MODEL.read(tmp_path)[0].frames == 720
    with pytest.raises(InputError, match="codec"):
        MODEL.losses(MODEL.initial(), [TokenGrid(np.zeros((8, 60), np.uint16), "neural", 50.0)])
