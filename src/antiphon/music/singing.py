"""A drawn melody as notes: the line nearest to the drawing that fits the harmony, with accents and articulation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from antiphon.music.harmony import chord_at, index_near, pitch_of, scale_at
from antiphon.music.melody import Drawn, centre_pitch
from antiphon.music.meter import TICKS, Meter
from antiphon.music.planning import Plan
from antiphon.music.score import Chord, Note

REACH = 5
"""Steps by which a note may leave its drawing."""

SPAN = 7
"""Steps above and below the centre within which the lead stays."""

_INTERVALS = (0.8, 0.0, 0.3, 1.0, 2.5, 4.5, 6.0, 5.5)
"""Cost of an interval between gestures, by its steps."""

_WIDE, _OFF_CHORD, _OUTSIDE, _LEAPT_OFF, _MOVED = 30.0, 9.0, 2.5, 2.0, 0.35
_ON_BEAT = 6.0
"""What a foreign note on a strong beat costs beside."""

_TURNED, _BENT = 7.0, 1.3
"""A motif is known by its contour first and its intervals second (W. J. Dowling, *Psychological Review* 85, 1978): to
turn a step of it costs as much as a foreign note on the beat, to bend one by a step little."""

_HOME = {"major": {0: 1.0, 2: 0.6}, "minor": {0: 0.5, 2: 0.9}}
"""Mode and scale step -> what the tonic and its third are worth over the tonic chord: they tell the key."""


def sung(plan: Plan, drawn: Sequence[Drawn], chords: Sequence[Chord], before: int | None) -> list[Note]:
    """`drawn` as notes of the lead. A section begins within an octave of the pitch `before`; nothing else binds it."""
    notes: list[Note] = []
    for note, index in zip(drawn, _path(plan, drawn, chords, before), strict=True):
        pitch = pitch_of(
            index, scale_at(chord_at(chords, heard_at(note, plan.meter)), plan.tonic, plan.scale), plan.tonic
        )
        beat = note.start % plan.bar
        accent = 12 if beat == 0 else 5 if plan.meter.on_beat(beat) else 0
        velocity = round(66 + 34 * plan.energy) + accent
        notes.append(Note(note.start, note.length, pitch, min(127, velocity), _articulation(plan, note)))
    return _coloured(plan, notes, chords)


def heard_at(note: Drawn, meter: Meter) -> int:
    """Where a note's harmony is: a note held over a beat anticipates that beat."""
    bar = note.start // meter.ticks * meter.ticks
    beats = (*meter.beat_ticks, meter.ticks)
    beat = bar + next(beat for beat in beats if bar + beat >= note.start)
    return beat if note.start + note.length > beat else note.start


def _articulation(plan: Plan, note: Drawn) -> str:
    if note.length >= 2 * TICKS or note.length * 60 / (plan.quarter_bpm * TICKS) > 0.5:
        return "vibrato"
    if plan.staccato > 0.45 and note.length <= TICKS:
        return "staccato"
    return "legato" if plan.staccato < 0.1 else ""


def _coloured(plan: Plan, notes: list[Note], chords: Sequence[Chord]) -> list[Note]:
    """Chromatic notes where they lead: a lower neighbour, or the note before an accented one, a semitone from its goal.

    W. Piston, *Harmony*: such notes are unaccented, short, and resolve by step.
    """
    out = list(notes)
    first_bar = notes[0].start // plan.bar * plan.bar if notes else 0
    if plan.scale != plan.mode:  # a church mode shows in its own notes
        return out
    for before, at, after in zip(range(len(notes)), range(1, len(notes)), range(2, len(notes)), strict=False):
        first, note, goal = notes[before], notes[at], notes[after]
        leads = note.length <= TICKS // 2 and not plan.meter.on_beat(note.start) and note.stop == goal.start
        rising = goal.pitch - note.pitch == 2 and first.pitch >= note.pitch
        if not (leads and rising and goal.pitch % 12 in chord_at(chords, goal.start).classes):
            continue
        if plan.generator(f"colour {(note.start - first_bar) % (4 * plan.bar)}").random() < plan.style.chromatic:
            out[at] = Note(note.start, note.length, note.pitch + 1, note.velocity, note.articulation)
    return out


def _path(plan: Plan, drawn: Sequence[Drawn], chords: Sequence[Chord], pitch: int | None) -> list[int]:
    """Scale steps, two bars at a time: what is sung again over the same chords is sung as before."""
    path: list[int] = []
    near = None if pitch is None else index_near(pitch, plan.tonic)
    first = drawn[0].start // plan.bar if drawn else 0
    for _, group in itertools.groupby(drawn, key=lambda note: (note.start // plan.bar - first) // 2):
        within = [path[-1] + step for step in range(-7, 8)] if path else None
        if within is None and near is not None:
            within = [near + step for step in range(-7, 8)]
        path += _nearest(plan, list(group), chords, path[-1] if path else None, within)
    return path


def _nearest(
    plan: Plan, drawn: Sequence[Drawn], chords: Sequence[Chord], before: int | None, within: list[int] | None
) -> list[int]:
    """Scale steps of least cost after `before`, note by note over all that may follow each other (Viterbi)."""
    centre = index_near(centre_pitch(plan.brightness), plan.tonic)
    options = [_options(plan, drawn, position, chords, centre) for position in range(len(drawn))]
    costs = {
        index: cost
        + (0.0 if before is None else _step(index - before, None, True))
        + (_WIDE if within is not None and index not in within else 0.0)
        for index, (cost, _) in options[0].items()
    }
    trail: list[dict[int, int]] = []
    for position in range(1, len(drawn)):
        wanted = None if drawn[position].head else drawn[position].index - drawn[position - 1].index
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
    chord = chord_at(chords, heard_at(note, plan.meter))
    scale = scale_at(chord, plan.tonic, plan.scale)
    within = note.start % plan.bar
    strong = within in plan.meter.strong_ticks or note.length >= TICKS
    on_beat = _ON_BEAT if strong and plan.meter.on_beat(note.start) else 0.0
    strong = (
        strong or position == len(drawn) - 1 or drawn[position + 1].head or heard_at(note, plan.meter) != note.start
    )
    found = {}
    for index in range(note.index - REACH, note.index + REACH + 1):
        inside = scale[index % 7] in chord.classes
        cost = _MOVED * abs(index - note.index) + _OUTSIDE * max(0, abs(index - centre) - SPAN)
        cost += 0.0 if inside else _OFF_CHORD + on_beat if strong else 0.25
        cost -= _HOME[plan.mode].get(index % 7, 0.0) if chord.root == plan.tonic and note.length >= TICKS else 0.0
        found[index] = (cost, inside)
    return found


def _step(interval: int, wanted: int | None, harmonious: bool) -> float:
    """Cost of an interval within a gesture, that the motif wants otherwise, or between two (None)."""
    size = abs(interval)
    if wanted is None:
        return _INTERVALS[size] if size < len(_INTERVALS) else _WIDE
    turned = (interval > 0) - (interval < 0) != (wanted > 0) - (wanted < 0)
    cost = _BENT * abs(interval - wanted) + (_TURNED if turned else 0.0)
    cost += _WIDE if size > 7 else 0.4 * max(0, size - 2)
    if size > 1 and not harmonious:
        cost += _LEAPT_OFF
    return cost
