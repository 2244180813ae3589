"""What Ruby is told: of the whole piece a vector, of each column where in the bar it stands.

The vector is the embedding of free text (MiniLM, 384 numbers) and the attributes beside it, each of which may be left
out: a row of zeros says nothing. Positions are the generator's semantic tokens.
"""

from __future__ import annotations

import math
from typing import Annotated, Final

import msgspec
import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.music.instruments import ROLES
from antiphon.music.meaning import embed
from antiphon.music.meter import METERS, SIXTEENTH, TICKS, Meter
from antiphon.music.planning import Plan
from antiphon.music.styles import MOODS, STYLES
from antiphon.soundstorm.inputs import Floats

TEXT_DIM: Final = 384
TEXT_SCALE: Final = 4.0
"""A unit vector of 384 numbers is faint beside ones."""

STYLE_NAMES: Final = tuple(sorted(STYLES))
MOOD_NAMES: Final = tuple(sorted(MOODS))
METER_NAMES: Final = tuple(METERS)
ORIGINS: Final = ("people", "composer")
_LEVELS: Final = ("density", "energy", "brightness")

LONGEST_BAR: Final = 24
PHRASE_BARS: Final = 4
OPENING, MIDDLE, ENDING = range(3)
EDGE_BARS: Final = 2
"""Bars at either end that are told to be so."""

POSITIONS: Final = 3 * PHRASE_BARS * LONGEST_BAR

_Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Attributes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a piece is, as far as it is said. None and empty: not said. `bpm` counts quarters.

    `instruments` are roles of the chip's parts, each also as `no drums` and so on.
    """

    style: str = ""
    mood: str = ""
    bpm: Annotated[float, msgspec.Meta(ge=20, le=400)] | None = None
    mode: str = ""
    meter: str = ""
    density: _Unit | None = None
    energy: _Unit | None = None
    brightness: _Unit | None = None
    instruments: tuple[str, ...] = ()
    origin: str = ""


def _slots() -> dict[str, int]:
    names = [f"style {name}" for name in STYLE_NAMES]
    names += [f"mood {name}" for name in MOOD_NAMES]
    names += ["mode major", "mode minor"]
    names += [f"meter {name}" for name in METER_NAMES]
    names += [f"origin {name}" for name in ORIGINS]
    names += ["bpm", "bpm said"]
    names += [part for name in _LEVELS for part in (name, f"{name} said")]
    names += [f"part {role}" for role in ROLES]
    return {name: TEXT_DIM + index for index, name in enumerate(names)}


SLOTS: Final = _slots()
DIM: Final = TEXT_DIM + len(SLOTS)


def vector(attributes: Attributes, text: Floats | None = None) -> Floats:
    """[DIM] of attributes and the unit vector [384] of a text. What no slot knows is not said."""
    made = np.zeros(DIM, np.float32)
    if text is not None:
        made[:TEXT_DIM] = TEXT_SCALE * text
    for kind in ("style", "mood", "mode", "meter", "origin"):
        if (slot := SLOTS.get(f"{kind} {getattr(attributes, kind)}")) is not None:
            made[slot] = 1.0
    if attributes.bpm is not None:
        made[SLOTS["bpm"]], made[SLOTS["bpm said"]] = 2 * math.log2(attributes.bpm / 120.0), 1.0
    for name in _LEVELS:
        if (value := getattr(attributes, name)) is not None:
            made[SLOTS[name]], made[SLOTS[f"{name} said"]] = 2 * value - 1, 1.0
    for part in attributes.instruments:
        role = part.split()[-1]
        if f"part {role}" in SLOTS:
            made[SLOTS[f"part {role}"]] = -1.0 if part.startswith("no ") else 1.0
    return made


def of_plan(planned: Plan) -> Attributes:
    """The attributes of a piece that is planned."""
    return Attributes(
        style=planned.style_name,
        mood=planned.brief.mood or "",
        bpm=min(max(planned.quarter_bpm, 20.0), 400.0),
        mode=planned.mode,
        meter=str(planned.meter),
        density=planned.density,
        energy=planned.energy,
        brightness=planned.brightness,
        instruments=planned.brief.instruments,
    )


def condition(planned: Plan, text: str) -> Floats:
    """[DIM] of a plan and the words it was made from. Raises `ModelError` where the text model is missing."""
    return vector(of_plan(planned), embed(text))


def positions(meter: Meter, steps: int, *, first: int = 0, opens: bool = True, closes: bool = True) -> Tokens:
    """[steps] where each column stands: in its bar, in a phrase of four bars, and whether at an end of the piece.

    `first` is the column of a bar with which they begin (an upbeat).
    """
    bar = meter.ticks // SIXTEENTH
    columns = first + np.arange(steps)
    bars, inside = np.divmod(columns, bar)
    last = int(bars[-1]) if steps else 0
    edge = np.full(steps, MIDDLE)
    if closes:
        edge[bars > last - EDGE_BARS] = ENDING
    if opens:
        edge[bars < EDGE_BARS] = OPENING
    place = np.minimum(inside, LONGEST_BAR - 1)
    return np.asarray((edge * PHRASE_BARS + bars % PHRASE_BARS) * LONGEST_BAR + place, np.uint16)


def steps_of(seconds: float, quarter_bpm: float) -> int:
    """Columns that hold so many seconds."""
    return max(1, math.ceil(seconds * quarter_bpm * TICKS / 60 / SIXTEENTH - 1e-6))
