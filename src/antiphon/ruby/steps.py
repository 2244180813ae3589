"""Music as a grid of tokens that a masked generator can make whole: one column a sixteenth, one row for each thing that
the chip's five voices can do in it.

level  voice     token                                                                           vocabulary
0      bass      0 = silent, 1 = goes on, else 2 + semitones above `LOWEST["bass"]`              50
1, 2   lead,     the same above theirs                                                           74, 74
       counter
3      counter   the chord that begins with its note: 0 = none, else 1 + index of `CHORDS`       25
4      sample    0 = none, else 1 + index of `STROKES`                                           5
5      noise     0 = none, else 1 + index of `METALS`                                            4
6, 7   lead,     manner of the note that begins: 0 = none does, else 1 + 4 loudness +            17, 17
       counter   index of `ARTICULATIONS`
8, 9   bass,     loudness of what begins: 0 = nothing does, else 1 + 0..3                        5, 5
       drums

30 s are 240 columns at 120 bpm, where the chip's own registers are 1,800. Pitches are transposed so that the tonic is
C: one fifth is one token in every key, and the key is exact by construction. Columns go to registers through `Score`
and the arranger, exactly and everywhere alike; sixteenths of a score come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.music.meter import SIXTEENTH
from antiphon.music.score import DRUM_NOTES, Note

NAME: Final = "chip-steps-1"
RATE_HZ: Final = 8.0
"""Columns a second at 120 bpm. A grid has no rate of its own; the tempo is a condition, not a token."""

VOICES: Final = ("bass", "lead", "counter")
LOWEST: Final = {"bass": 24, "lead": 36, "counter": 36}
PITCHES: Final = {"bass": 48, "lead": 72, "counter": 72}
STROKES: Final = ("kick", "tom", "clap", "snare")
"""Of strokes at once the last of these is heard."""

METALS: Final = ("hat", "open hat", "cymbal")
ARTICULATIONS: Final = ("", "staccato", "legato", "vibrato")
LOUDNESS: Final = (48, 76, 96, 116)
"""Velocities that loudness 0..3 stands for."""

CHORDS: Final = (
    (7,), (3, 7), (4, 7), (3, 8), (5, 9), (5, 8), (4, 9), (5, 7), (2, 7), (3, 6), (4, 8), (12,), (3,), (4,), (5,), (9,),
    (2, 6, 9), (3, 6, 8), (4, 7, 9), (3, 5, 9), (2, 5, 9), (3, 7, 10), (4, 7, 10), (4, 7, 11),
)  # fmt: skip
"""Semitones above the counter's note; others are written as the nearest of these."""

SILENT, HELD, FIRST = 0, 1, 2
BASS, LEAD, COUNTER, CHORD, STROKE, METAL, LEAD_MANNER, COUNTER_MANNER, BASS_LOUDNESS, DRUM_LOUDNESS = range(10)
LEVEL: Final = {"bass": BASS, "lead": LEAD, "counter": COUNTER}
MANNER: Final = {"bass": BASS_LOUDNESS, "lead": LEAD_MANNER, "counter": COUNTER_MANNER}
VOCABULARY: Final = (50, 74, 74, 1 + len(CHORDS), 1 + len(STROKES), 1 + len(METALS), 17, 17, 5, 5)

LEVELS_OF: Final = {
    "lead": (LEAD, LEAD_MANNER),
    "counter": (COUNTER, CHORD, COUNTER_MANNER),
    "bass": (BASS, BASS_LOUDNESS),
    "drums": (STROKE, METAL, DRUM_LOUDNESS),
}
"""Which levels each part of a score is made of."""

Notes = Mapping[str, Iterable[Note]]
_STROKE_OF = {DRUM_NOTES[name]: index for index, name in enumerate(STROKES)}
_METAL_OF = {DRUM_NOTES[name]: index for index, name in enumerate(METALS)}


@dataclass(frozen=True, slots=True)
class Columns:
    """`tokens [10, T]`, a column a sixteenth. `tonic` 0..11 is the key that pitches were transposed from."""

    tokens: Tokens
    tonic: int

    @property
    def steps(self) -> int:
        return int(self.tokens.shape[1])


def shift_of(tonic: int) -> int:
    """Semitones from C to a tonic, the near way: -6..5."""
    return (tonic + 6) % 12 - 6


def encode(parts: Notes, tonic: int, steps: int) -> Columns:
    """Notes of `lead`, `counter`, `bass` and `drums`, times in ticks, to `steps` columns. What begins beyond is left
    out; starts go to the nearest sixteenth, and where two notes of a voice fall together the later stands."""
    tokens = np.zeros((len(VOCABULARY), steps), np.uint16)
    for voice in VOICES:
        _write_voice(tokens, voice, sorted(parts.get(voice, ()), key=lambda note: note.start), shift_of(tonic))
    _write_drums(tokens, parts.get("drums", ()))
    return Columns(tokens, tonic)


def decode(columns: Columns) -> dict[str, list[Note]]:
    """The notes of all four parts, by start. Any tokens within the vocabulary are music: a note that goes on where none
    has begun is silence, a chord or manner where none begins says nothing."""
    parts = {voice: _read_voice(columns, voice) for voice in VOICES}
    parts["drums"] = _read_drums(columns.tokens)
    return parts


def folded(pitch: int, lowest: int, count: int) -> int:
    """A pitch moved by octaves into `count` semitones (12 or more) from `lowest`."""
    if pitch < lowest:
        return lowest + (pitch - lowest) % 12
    if pitch >= lowest + count:
        return lowest + count - 12 + (pitch - lowest - count) % 12
    return pitch


def nearest_chord(above: Iterable[int]) -> int:
    """The token of semitones above a note: 0 for none."""
    wanted = frozenset(step for step in above if step > 0)
    if not wanted:
        return 0
    apart = [len(wanted ^ frozenset(chord)) for chord in CHORDS]
    return 1 + int(np.argmin(apart))


def onsets(tokens: Tokens) -> npt.NDArray[np.bool_]:
    """[10, T] where something begins: notes of the three voices, and strokes. The events of a piece."""
    begins = np.zeros(tokens.shape, np.bool_)
    begins[[BASS, LEAD, COUNTER]] = tokens[[BASS, LEAD, COUNTER]] >= FIRST
    begins[[STROKE, METAL]] = tokens[[STROKE, METAL]] > 0
    return begins


def _write_voice(tokens: Tokens, voice: str, notes: Iterable[Note], shift: int) -> None:
    steps = tokens.shape[1]
    for note in notes:
        start = round(note.start / SIXTEENTH)
        if not 0 <= start < steps:
            continue
        stop = min(max(round(note.stop / SIXTEENTH), start + 1), steps)
        pitch = folded(note.pitch - shift, LOWEST[voice], PITCHES[voice])
        tokens[LEVEL[voice], start:] = SILENT  # whatever still sounded ends here
        tokens[LEVEL[voice], start:stop] = HELD
        tokens[LEVEL[voice], start] = FIRST + pitch - LOWEST[voice]
        loud = loudness_of(note.velocity)
        if voice == "bass":
            tokens[BASS_LOUDNESS, start] = 1 + loud
        else:
            tokens[MANNER[voice], start] = 1 + 4 * loud + ARTICULATIONS.index(note.articulation)
        if voice == "counter":
            tokens[CHORD, start] = nearest_chord(note.chord)


def _write_drums(tokens: Tokens, notes: Iterable[Note]) -> None:
    for note in notes:
        start = round(note.start / SIXTEENTH)
        if not 0 <= start < tokens.shape[1]:
            continue
        level, table = (STROKE, _STROKE_OF) if note.pitch in _STROKE_OF else (METAL, _METAL_OF)
        tokens[level, start] = max(int(tokens[level, start]), 1 + table[note.pitch])
        tokens[DRUM_LOUDNESS, start] = max(int(tokens[DRUM_LOUDNESS, start]), 1 + loudness_of(note.velocity))


def loudness_of(velocity: int) -> int:
    """The nearest of `LOUDNESS`."""
    return int(np.argmin([abs(velocity - one) for one in LOUDNESS]))


def _read_voice(columns: Columns, voice: str) -> list[Note]:
    row = columns.tokens[LEVEL[voice]].astype(np.int64)
    manner = columns.tokens[MANNER[voice]].astype(np.int64)
    chords = columns.tokens[CHORD]
    notes = []
    for start in np.flatnonzero(row >= FIRST).tolist():
        stop = start + 1
        while stop < len(row) and row[stop] == HELD:
            stop += 1
        stored = int(row[start]) - FIRST + LOWEST[voice]
        pitch = folded(stored + shift_of(columns.tonic), LOWEST[voice], PITCHES[voice])
        loud, how = divmod(max(int(manner[start]) - 1, 0), 1 if voice == "bass" else 4)
        loud = loud if manner[start] else 2
        chord = CHORDS[int(chords[start]) - 1] if voice == "counter" and chords[start] else ()
        notes.append(
            Note(
                start * SIXTEENTH, (stop - start) * SIXTEENTH, pitch, LOUDNESS[loud],
                "" if voice == "bass" else ARTICULATIONS[how], chord,
            )
        )  # fmt: skip
    return notes


def _read_drums(tokens: Tokens) -> list[Note]:
    notes = []
    for level, names in ((STROKE, STROKES), (METAL, METALS)):
        for start in np.flatnonzero(tokens[level]).tolist():
            loud = int(tokens[DRUM_LOUDNESS, start])
            name = names[int(tokens[level, start]) - 1]
            notes.append(Note(start * SIXTEENTH, SIXTEENTH, DRUM_NOTES[name], LOUDNESS[loud - 1 if loud else 2]))
    return sorted(notes, key=lambda note: (note.start, note.pitch))
