"""A piece as notes: what the composer writes, and what MIDI, MusicXML and the sound chip are made from."""

from __future__ import annotations

import msgspec

from antiphon.music.meter import TICKS, Meter

DRUM_NOTES = {"kick": 36, "snare": 38, "clap": 39, "hat": 42, "open hat": 46, "tom": 45, "cymbal": 49}
"""Drums by their General MIDI numbers."""

TRACKS = ("lead", "counter", "bass", "drums")


class Note(msgspec.Struct, frozen=True):
    """`start` and `length` in ticks, `pitch` a MIDI number, `velocity` 1-127.

    `chord` holds semitones above `pitch` that sound with it (on the chip: one after the other, very fast).
    `articulation` is empty, `staccato`, `legato` or `vibrato`.
    """

    start: int
    length: int
    pitch: int
    velocity: int
    articulation: str = ""
    chord: tuple[int, ...] = ()

    @property
    def stop(self) -> int:
        return self.start + self.length

    @property
    def pitches(self) -> tuple[int, ...]:
        return (self.pitch, *(self.pitch + step for step in self.chord))


class Track(msgspec.Struct, frozen=True):
    """One part, its notes by start; a pitched part plays one note (or chord) at a time."""

    name: str
    notes: tuple[Note, ...]


class Chord(msgspec.Struct, frozen=True):
    """A harmony from `start` for `length` ticks: `root` 0-11, semitones above it, and its Roman numeral."""

    start: int
    length: int
    root: int
    steps: tuple[int, ...]
    symbol: str

    @property
    def classes(self) -> frozenset[int]:
        """Pitch classes 0-11."""
        return frozenset((self.root + step) % 12 for step in self.steps)


class Section(msgspec.Struct, frozen=True):
    """`letter` A-E, or `intro`, `break`, `ending`. `repeat` counts earlier sections of the letter."""

    letter: str
    start: int  # ticks
    bars: int
    repeat: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A whole piece. Audio starts at tick 0; the first full bar starts at `pickup`. `seconds` is its exact length.

    The final chord may ring on after the last bar line. With `loop`, the end leads into the start. `tempo_bpm`
    counts the metre's pulse: quarters, in compound metres dotted quarters.
    """

    prompt: str
    seed: int
    style: str
    mood: str | None
    tempo_bpm: float
    meter: Meter
    tonic: int
    mode: str
    seconds: float
    loop: bool
    loop_start: int  # tick at which a loop begins again: after its introduction
    pickup: int  # ticks
    ticks: int  # all of them
    energy: float
    brightness: float
    swing: bool
    key_change: tuple[int, int] | None = None  # the tick from which on another tonic holds, and that tonic
    slows: tuple[int, int, int] | None = None  # a ritardando: from tick, to tick, ticks late at its end
    instruments: tuple[str, ...]  # as in `MusicBrief.instruments`
    tracks: tuple[Track, ...]
    chords: tuple[Chord, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    @property
    def bar_ticks(self) -> int:
        return self.meter.ticks

    @property
    def ticks_a_minute(self) -> float:
        return self.tempo_bpm * self.meter.pulse

    def track(self, name: str) -> Track:
        """The part of that name, empty where the piece has none."""
        return next((track for track in self.tracks if track.name == name), Track(name, ()))

    def played(self, tick: int) -> int:
        """Where a written tick is played: with swing, the second eighth of a beat comes a third later."""
        return self._slowed(self._swung(tick))

    def _slowed(self, tick: int) -> int:
        if self.slows is None or tick <= self.slows[0]:
            return tick
        start, end, late = self.slows
        if tick <= end:
            return tick + round(late * ((tick - start) / (end - start)) ** 2)
        return tick + round(late * max(0, self.ticks - tick) / max(1, self.ticks - end))

    def _swung(self, tick: int) -> int:
        if not self.swing:
            return tick
        beat, inside = divmod(tick, TICKS)
        half = TICKS // 2
        long = 2 * TICKS // 3
        late = inside * long // half if inside <= half else long + (inside - half) * (TICKS - long) // half
        return beat * TICKS + late

    def second(self, tick: int) -> float:
        """When a written tick sounds."""
        return self.played(tick) * 60.0 / self.ticks_a_minute
