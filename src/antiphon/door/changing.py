"""A piece of one's own, gone on with or changed: what Ruby is given of it, as an order's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.music.meter import METERS, TICKS
from antiphon.music.planning import RING_S
from antiphon.pictures.naming import key_name
from antiphon.ruby import changing
from antiphon.ruby.arranging import Piece
from antiphon.ruby.packing import MAX_STEPS, packed
from antiphon.ruby.reading import piece_of_file
from antiphon.services import MAX_MUSIC_S, Options

ENGINE = "ruby"
MORE_S = 30.0
"""How much is added where nothing else is asked for."""

_SLOWEST_BPM, _FASTEST_BPM = 30.0, 300.0


@dataclass(frozen=True, slots=True)
class Change:
    """One of: a `share` of bars anew, bars `first` to `last` anew, a `part` anew or added; none of them: it goes on."""

    share: float | None = None
    bars: tuple[int, int] | None = None
    part: str = ""

    def __post_init__(self) -> None:
        if sum((self.share is not None, self.bars is not None, bool(self.part))) > 1:
            raise InputError("A piece is changed in one way at a time", "Give one of --vary, --bars and --part.")


@dataclass(frozen=True, slots=True)
class Changed:
    """What to order: the engine's options, and the length with what is kept."""

    options: Options
    seconds: float


def changed(file: Path, change: Change, *, seconds: float | None, seed: int) -> Changed:
    """`seconds` more are made where the piece goes on. Raises `InputError` for files and changes that cannot be."""
    piece = piece_of_file(file)
    meter = METERS[piece.meter]
    bpm = piece.quarter_bpm * TICKS / meter.pulse
    bar_s = meter.ticks * 60 / TICKS / piece.quarter_bpm
    if not _SLOWEST_BPM <= bpm <= _FASTEST_BPM:
        raise InputError(f"The piece's tempo of {bpm:.0f} bpm is outside {_SLOWEST_BPM:g}-{_FASTEST_BPM:g}")
    tokens = _given(piece, change, seed)
    length = -(-tokens.shape[1] // piece.bar_steps) * bar_s + RING_S + 0.01
    if change == Change():
        length += seconds or MORE_S
    elif seconds is not None:
        raise InputError("A piece that is changed stays as long as it is", "Leave --seconds out.")
    if length > MAX_MUSIC_S:
        raise InputError(f"With its {length:.0f} s the piece is over {MAX_MUSIC_S:.0f}", "Give a shorter one.")
    return Changed(
        {
            "given": packed(tokens),
            "tempo_bpm": round(bpm, 3),
            "key": key_name(piece.tonic + 12 * (piece.mode == "minor")),
            "meter": piece.meter,
        },
        round(length, 3),
    )


def _given(piece: Piece, change: Change, seed: int) -> Tokens:
    whole = changing.whole_bars(piece, MAX_STEPS)
    if change.share is not None:
        return changing.varied(whole, piece.bar_steps, change.share, seed)
    if change.bars is not None:
        return changing.without_bars(whole, piece.bar_steps, *change.bars)
    return changing.without_part(whole, change.part) if change.part else whole
