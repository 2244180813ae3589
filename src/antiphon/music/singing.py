"""A drawn melody as notes: the smoothest line near the drawing that fits the harmony, with accents and articulation."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.music.harmony import chord_at, index_near, pitch_of, scale_at
from antiphon.music.melody import Drawn, centre_pitch
from antiphon.music.planning import Plan
from antiphon.music.score import TICKS, Chord, Note

REACH = 3
"""Steps by which a note may leave its drawing."""

SPAN = 6
"""Steps above and below the centre within which the lead stays."""

_INTERVALS = (1.3, 0.0, 0.3, 0.9, 1.3, 2.6, 3.4, 3.0)
"""Cost of a melodic interval by its steps; larger ones are sung only where nothing else is left."""

_WIDE, _OFF_CHORD, _OUTSIDE, _TURNED, _LEAPT_OFF, _MOVED = 9.0, 7.0, 2.5, 1.0, 3.0, 0.8
_HOME = {"major": {0: 1.0, 2: 0.6}, "minor": {0: 0.5, 2: 0.9}}
"""Mode and scale step -> what the tonic and its third are worth over the tonic chord: they tell the key."""


def sung(plan: Plan, drawn: Sequence[Drawn], chords: Sequence[Chord], level: float) -> list[Note]:
    """`drawn` as notes of the lead; `level` 0..1 is the section's loudness."""
    notes: list[Note] = []
    for note, index in zip(drawn, _smoothest(plan, drawn, chords), strict=True):
        pitch = pitch_of(index, scale_at(chord_at(chords, note.start), plan.tonic, plan.mode), plan.tonic)
        beat = note.start % plan.bar
        accent = 12 if beat == 0 else 5 if beat % TICKS == 0 else 0
        velocity = round((66 + 34 * plan.energy) * (0.55 + 0.45 * level)) + accent
        notes.append(Note(note.start, note.length, pitch, min(127, velocity), _articulation(plan, note)))
    return notes


def _articulation(plan: Plan, note: Drawn) -> str:
    if note.length >= 2 * TICKS or note.length * 60 / (plan.tempo_bpm * TICKS) > 0.5:
        return "vibrato"
    if plan.staccato > 0.45 and note.length <= TICKS:
        return "staccato"
    return "legato" if plan.staccato < 0.1 else ""


def _smoothest(plan: Plan, drawn: Sequence[Drawn], chords: Sequence[Chord]) -> list[int]:
    """Scale steps of least cost, found note by note over all that may follow each other (Viterbi)."""
    if not drawn:
        return []
    centre = index_near(centre_pitch(plan.brightness), plan.tonic)
    options = [_options(plan, drawn, position, chords, centre) for position in range(len(drawn))]
    costs = {index: cost for index, (cost, _) in options[0].items()}
    trail: list[dict[int, int]] = []
    for position in range(1, len(drawn)):
        wanted = drawn[position].index - drawn[position - 1].index
        reached: dict[int, float] = {}
        came: dict[int, int] = {}
        for index, (own, inside) in options[position].items():
            ways = [
                (cost + _step(index - past, wanted, inside and options[position - 1][past][1]), past)
                for past, cost in costs.items()
            ]
            cost, came[index] = min(ways)
            reached[index] = own + cost
        costs = reached
        trail.append(came)
    path = [min(costs, key=lambda index: (costs[index], index))]
    for came in reversed(trail):
        path.append(came[path[-1]])
    return path[::-1]


def _options(
    plan: Plan, drawn: Sequence[Drawn], position: int, chords: Sequence[Chord], centre: int
) -> dict[int, tuple[float, bool]]:
    """Steps that a note may take: their cost, and whether they belong to the chord."""
    note = drawn[position]
    chord = chord_at(chords, note.start)
    scale = scale_at(chord, plan.tonic, plan.mode)
    strong = note.start % (plan.bar if plan.meter == 3 else 2 * TICKS) == 0 or note.length >= TICKS
    strong = strong or position == len(drawn) - 1
    found = {}
    for index in range(note.index - REACH, note.index + REACH + 1):
        inside = scale[index % 7] in chord.classes
        cost = _MOVED * abs(index - note.index) + _OUTSIDE * max(0, abs(index - centre) - SPAN)
        cost += 0.0 if inside else _OFF_CHORD if strong else 0.25
        cost -= _HOME[plan.mode].get(index % 7, 0.0) if chord.root == plan.tonic else 0.0
        found[index] = (cost, inside)
    return found


def _step(interval: int, wanted: int, harmonious: bool) -> float:
    """Cost of an interval where the drawing has another; a leap to or from a foreign note costs more."""
    size = abs(interval)
    cost = _INTERVALS[size] if size < len(_INTERVALS) else _WIDE
    if wanted == 0 and interval == 0:
        cost = 0.0
    if interval * wanted < 0:
        cost += _TURNED
    if size > 1 and not harmonious:
        cost += _LEAPT_OFF
    return cost
