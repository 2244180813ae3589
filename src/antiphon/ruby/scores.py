"""Scores to Ruby's pieces and back."""

from __future__ import annotations

import msgspec

from antiphon.music.meter import SIXTEENTH, TICKS
from antiphon.music.score import Score
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import Piece


def piece_of(score: Score) -> Piece:
    """A score's sixteenths. Bars begin with the first column: an upbeat is filled up with silence before it."""
    before = (score.bar_ticks - score.pickup) % score.bar_ticks if score.pickup else 0
    parts = {
        track.name: [msgspec.structs.replace(note, start=note.start + before) for note in track.notes]
        for track in score.tracks
    }
    columns = grid.encode(parts, score.tonic, max(1, -(-(score.ticks + before) // SIXTEENTH)))
    return Piece(
        tokens=columns.tokens,
        tonic=score.tonic,
        mode=score.mode,
        meter=str(score.meter),
        quarter_bpm=score.ticks_a_minute / TICKS,
    )
