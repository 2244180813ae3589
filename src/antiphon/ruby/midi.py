"""A Standard MIDI file as notes in beats, to be arranged on Ruby's grid."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from typing import Any

from antiphon.codecs.chip.midi import BASSES, HATS, MAX_BYTES, MAX_NOTES, OTHER_STROKE, PERCUSSION, STROKES
from antiphon.errors import InputError
from antiphon.music.meter import COMMON, METERS, TICKS, Meter
from antiphon.ruby.arranging import Played, Reading

_OPEN_HAT = 46
_SLOWEST_BPM, _FASTEST_BPM = 20.0, 400.0


def read_midi(data: bytes) -> Reading:
    """Raises `InputError` for bytes that are no MIDI file of type 0 or 1, have no notes, or too many."""
    if len(data) > MAX_BYTES:
        raise InputError(f"The MIDI file has {len(data)} bytes, over {MAX_BYTES}", "Cut it into parts.")
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        events = list(mido.merge_tracks(file.tracks))
        scale = TICKS / file.ticks_per_beat
    except Exception as error:  # the reader raises whatever it stumbles over
        raise InputError("This is no readable MIDI file", "Give a Standard MIDI file (.mid) of type 0 or 1.") from error
    reader = _Reader(scale)
    for event in events:
        reader.take(event)
    reader.end()
    if not reader.notes:
        raise InputError("The MIDI file has no notes", "Export it with its note tracks.")
    return Reading(tuple(reader.notes), reader.tempo(), reader.meter())


class _Reader:
    def __init__(self, scale: float) -> None:
        self.notes: list[Played] = []
        self._scale, self._now = scale, 0.0
        self._sounding: dict[tuple[int, int], tuple[float, int]] = {}
        self._programs: dict[int, int] = defaultdict(int)
        self._volume: dict[int, float] = defaultdict(lambda: 1.0)
        self._tempi: Counter[float] = Counter()
        self._meters: Counter[str] = Counter()
        self._tempo, self._meter, self._since = 120.0, str(COMMON), 0.0

    def take(self, event: Any) -> None:
        self._now += event.time * self._scale
        if event.type == "set_tempo":
            self._hold()
            self._tempo = min(max(60e6 / max(event.tempo, 1), _SLOWEST_BPM), _FASTEST_BPM)
        elif event.type == "time_signature":
            self._hold()
            self._meter = f"{event.numerator}/{event.denominator}"
        elif event.type == "program_change":
            self._programs[event.channel] = event.program
        elif event.type == "control_change" and event.control == 7:
            self._volume[event.channel] = event.value / 127
        elif event.type in {"note_on", "note_off"}:
            self._off(event.channel, event.note)
            if event.type == "note_on" and event.velocity:
                self._sounding[event.channel, event.note] = self._now, event.velocity

    def end(self) -> None:
        for channel, key in list(self._sounding):
            self._off(channel, key)
        self._hold()

    def tempo(self) -> float:
        """The one that holds longest."""
        return max(self._tempi, key=lambda bpm: self._tempi[bpm]) if self._tempi else self._tempo

    def meter(self) -> Meter:
        named = max(self._meters, key=lambda name: self._meters[name]) if self._meters else self._meter
        return METERS.get({"2/2": "4/4", "3/8": "3/4"}.get(named, named), COMMON)

    def _hold(self) -> None:
        """Tempo and metre so far held since they were set."""
        held = round(self._now - self._since)
        if held > 0:
            self._tempi[round(self._tempo, 2)] += held
            self._meters[self._meter] += held
        self._since = self._now

    def _off(self, channel: int, key: int) -> None:
        if (began := self._sounding.pop((channel, key), None)) is None:
            return
        if len(self.notes) >= MAX_NOTES:
            raise InputError(f"The MIDI file has over {MAX_NOTES} notes", "Cut it into parts.")
        start, velocity = began
        velocity = min(max(round(velocity * (0.5 + 0.5 * self._volume[channel])), 1), 127)
        program = self._programs[channel]
        drum = _drum(key) if channel == PERCUSSION else ""
        self.notes.append(
            Played(start, self._now - start, key, velocity, channel * 128 + program, program in BASSES, drum)
        )


def _drum(key: int) -> str:
    if key in HATS:
        return "open hat" if key == _OPEN_HAT else "hat"
    return STROKES.get(key, OTHER_STROKE)[0]
