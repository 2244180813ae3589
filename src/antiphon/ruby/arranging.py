"""Any music as notes to the chip's voices on a grid of sixteenths: who leads, who is the bass, and what a second voice
can keep of the rest.

Bar by bar: the bass is the lowest bass instrument, else the lowest part that stays low; of the others the highest and
busiest leads, the piece's own leader before others; of what remains the busiest plays second, with its chords.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from antiphon.analysis.key import profiles, standard
from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.music.meter import METERS, SIXTEENTH, TICKS, Meter
from antiphon.music.score import DRUM_NOTES, Note
from antiphon.ruby import steps as grid
from antiphon.ruby.conditions import Attributes

MAX_STEPS: Final = 16_384
_LOW: Final = 52
"""A part whose mean pitch is below this can be the bass."""

_FAR: Final = 9.0
"""So many semitones below the middle of the others it can be the bass wherever it lies."""

_LEADER_BONUS: Final = 6.0
_LEAST_NOTES: Final = 24
_LEAST_STEPS: Final = 64
_OFF_GRID: Final = 1.1
"""Mean distance of starts from sixteenths, in ticks: at random it would be 1.5."""


@dataclass(frozen=True, slots=True)
class Played:
    """A note as it was read: times in ticks of 24 a quarter. `drum` is a name of `score.DRUM_NOTES`, or empty."""

    start: float
    length: float
    pitch: int
    velocity: int
    part: int
    bass: bool = False
    drum: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece as it was read, before it is arranged. `quarter_bpm` is its usual tempo."""

    notes: tuple[Played, ...]
    quarter_bpm: float
    meter: Meter


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece Ruby can learn from, go on with or change. `tokens [10, T]` in C; the rest says how to play them."""

    tokens: Tokens
    tonic: int
    mode: str
    meter: str
    quarter_bpm: float

    @property
    def columns(self) -> grid.Columns:
        return grid.Columns(self.tokens, self.tonic)

    @property
    def bar_steps(self) -> int:
        return METERS[self.meter].ticks // SIXTEENTH


def arranged(reading: Reading) -> Piece:
    """Raises `InputError` for what is too short, or was not played on a grid."""
    notes = [note for note in reading.notes if note.start >= 0]
    pitched = [note for note in notes if not note.drum]
    if len(pitched) < _LEAST_NOTES:
        raise InputError(f"The piece has {len(pitched)} notes with a pitch, less than {_LEAST_NOTES}")
    off = np.mean([abs(note.start - SIXTEENTH * round(note.start / SIXTEENTH)) for note in notes])
    if off > _OFF_GRID:
        raise InputError("The piece is not played on a grid", "Quantise it to sixteenths first.")
    first = min(note.start for note in notes)
    bar = reading.meter.ticks
    lead_in = int(first // bar) * bar  # whole bars of silence at the beginning
    stop = max(note.start + note.length for note in notes) - lead_in
    count = min(int(np.ceil(stop / SIXTEENTH)), MAX_STEPS)
    if count < _LEAST_STEPS:
        raise InputError(f"The piece has {count} sixteenths, less than {_LEAST_STEPS}")
    tonic, mode = key_of(pitched)
    parts = _parts(pitched, bar)
    parts["drums"] = [
        Note(round(note.start), SIXTEENTH, DRUM_NOTES[note.drum], note.velocity) for note in notes if note.drum
    ]
    moved = {
        name: [msgspec.structs.replace(note, start=note.start - lead_in) for note in part]
        for name, part in parts.items()
    }
    columns = grid.encode(moved, tonic, count)
    return Piece(
        tokens=columns.tokens, tonic=tonic, mode=mode, meter=str(reading.meter), quarter_bpm=reading.quarter_bpm
    )


def key_of(notes: Sequence[Played]) -> tuple[int, str]:
    """Tonic and mode whose profile (Krumhansl & Kessler 1982) the pitch classes, by length, fit best."""
    histogram = np.zeros(12)
    for note in notes:
        histogram[note.pitch % 12] += min(note.length, 4 * TICKS)
    minor, tonic = divmod(int(np.argmax(profiles() @ standard(histogram))), 12)
    return tonic, ("major", "minor")[minor]


def measured(piece: Piece) -> Attributes:
    """What can be heard of a piece: tempo, metre, mode, density, brightness, energy, and who plays."""
    begins = grid.onsets(piece.tokens)
    density = float(np.clip(begins[[grid.BASS, grid.LEAD, grid.COUNTER]].mean(axis=1).sum() / 2, 0, 1))
    drums = begins[[grid.STROKE, grid.METAL]].mean(axis=1).sum()
    row = piece.tokens[grid.LEAD].astype(int)
    lead = row[row >= grid.FIRST]
    height = float(lead.mean()) - grid.FIRST + grid.LOWEST["lead"] if len(lead) else 66.0
    tempo = np.clip((piece.quarter_bpm - 60) / 120, 0, 1)
    roles = {
        "drums": drums > 0.02,
        "lead": len(lead) > 0,
        "bass": begins[grid.BASS].any(),
        "counter": begins[grid.COUNTER].any(),
    }
    return Attributes(
        bpm=min(max(piece.quarter_bpm, 20.0), 400.0),
        mode=piece.mode,
        meter=piece.meter,
        density=density,
        brightness=float(np.clip((height - 54) / 30, 0, 1)),
        energy=float(np.clip(0.4 * tempo + 0.4 * min(drums, 1.0) + 0.3 * density, 0, 1)),
        instruments=tuple(name if there else f"no {name}" for name, there in roles.items()),
    )


def _parts(notes: Sequence[Played], bar: int) -> dict[str, list[Note]]:
    bars: dict[int, dict[int, list[Played]]] = defaultdict(lambda: defaultdict(list))
    everywhere: dict[int, list[Played]] = defaultdict(list)
    for note in notes:
        bars[int(note.start // bar)][note.part].append(note)
        everywhere[note.part].append(note)
    basses = _basses(everywhere)
    leader = _best({part: _prominence(played) for part, played in everywhere.items() if part not in basses})
    made: dict[str, list[Note]] = {"lead": [], "counter": [], "bass": []}
    for number in sorted(bars):
        here = bars[number]
        low = [part for part in basses if part in here]
        if low:
            bass = min(low, key=lambda part: _mean_pitch(here[part]))
            made["bass"] += [_alone(group, highest=False) for group in _groups(here.pop(bass))]
        for part in low:
            here.pop(part, None)
        scores = {part: _prominence(played) + _LEADER_BONUS * (part == leader) for part, played in here.items()}
        first = _best(scores)
        if first is None:
            continue
        struck = _groups(here.pop(first))
        made["lead"] += [_alone(group, highest=True) for group in struck]
        second = _best({part: float(len(played)) for part, played in here.items()})
        if second is not None:
            made["counter"] += [_chord(group) for group in _groups(here[second])]
        else:  # one player of all: what lies below the melody is the second voice's
            made["counter"] += [_chord(group, 1) for group in struck if len(group) > 1]
    return made


def _basses(parts: dict[int, list[Played]]) -> frozenset[int]:
    named = frozenset(part for part, played in parts.items() if any(note.bass for note in played))
    if named or len(parts) < 2:
        return named
    heights = {part: _mean_pitch(played) for part, played in parts.items()}
    lowest = min(sorted(parts), key=lambda part: heights[part])
    others = float(np.median([height for part, height in heights.items() if part != lowest]))
    return (
        frozenset([lowest]) if min(_LOW, others) > heights[lowest] or others - heights[lowest] > _FAR else frozenset()
    )


def _mean_pitch(notes: Sequence[Played]) -> float:
    return float(np.mean([note.pitch for note in notes]))


def _prominence(notes: Sequence[Played]) -> float:
    """Highest and busiest (as `codecs.chip.midi` chooses)."""
    return _mean_pitch(notes) + float(np.log2(len(notes)))


def _best(scores: dict[int, float]) -> int | None:
    return max(sorted(scores), key=lambda part: scores[part], default=None)


def _groups(notes: Sequence[Played]) -> list[list[Played]]:
    """Notes that begin in one sixteenth, lowest first."""
    found: dict[int, list[Played]] = defaultdict(list)
    for note in notes:
        found[round(note.start / SIXTEENTH)].append(note)
    return [sorted(found[step], key=lambda note: note.pitch) for step in sorted(found)]


def _alone(group: list[Played], *, highest: bool) -> Note:
    note = group[-1] if highest else group[0]
    return _noted(note)


def _chord(group: list[Played], without: int = 0) -> Note:
    """The lowest with the others above it; the highest `without` are left to another voice."""
    kept = group[: len(group) - without]
    lowest = kept[0]
    above = sorted({(note.pitch - lowest.pitch) % 12 for note in kept[1:]} - {0})
    return msgspec.structs.replace(_noted(lowest), chord=tuple(above))


def _noted(note: Played) -> Note:
    start = SIXTEENTH * round(note.start / SIXTEENTH)
    length = max(SIXTEENTH, SIXTEENTH * round(note.length / SIXTEENTH))
    return Note(start, length, note.pitch, note.velocity, "staccato" if note.length < 0.6 * SIXTEENTH else "")


def shares(tokens: Tokens, other: Tokens) -> float:
    """The share of columns with an event in either grid that are alike in all voices, over the shorter one."""
    count = min(tokens.shape[1], other.shape[1])
    one, two = tokens[: grid.LEAD_MANNER, :count], other[: grid.LEAD_MANNER, :count]
    busy = np.asarray((grid.onsets(tokens)[:, :count] | grid.onsets(other)[:, :count]).any(axis=0))
    return float((one == two).all(axis=0)[busy].mean()) if busy.any() else 1.0
