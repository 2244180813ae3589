"""A score as a Standard MIDI File: one track a part, drums on channel 10, swing as it is played."""

from __future__ import annotations

import io
from collections.abc import Iterable

from antiphon.music.meter import TICKS, Meter
from antiphon.music.score import Note, Score, Track

SCALE = 20
"""MIDI ticks per tick of ours: 480 a beat, which every sequencer reads."""

CHANNELS = {"lead": 0, "counter": 1, "bass": 2, "drums": 9}
PROGRAMS = {"lead": 80, "counter": 80, "bass": 38}
"""General MIDI: square lead, synth bass."""

_MAJORS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINORS = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")
_OFF, _ON = 0, 1


def to_midi(score: Score) -> bytes:
    """The bytes of a `.mid` file (type 1, 480 ticks a beat)."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS * SCALE, charset="utf-8")
    file.tracks.append(mido.MidiTrack(_timed(_conducted(score), score.ticks)))
    for track in score.tracks:
        events = [(0, _ON, mido.MetaMessage("track_name", name=track.name))]
        channel = CHANNELS[track.name]
        if track.name in PROGRAMS:
            events.append((0, _ON, mido.Message("program_change", channel=channel, program=PROGRAMS[track.name])))
        events += _played(score, track, channel)
        file.tracks.append(mido.MidiTrack(_timed(events, score.ticks)))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _conducted(score: Score) -> list[tuple[int, int, object]]:
    """Tempo, key, meter (an upbeat has a bar of its own) and sections."""
    import mido

    keys = _MAJORS if score.mode == "major" else _MINORS
    events: list[tuple[int, int, object]] = [
        (0, _OFF, mido.MetaMessage("text", text=score.prompt.encode(errors="replace").decode())),
        (0, _OFF, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.ticks_a_minute / TICKS))),
        (0, _OFF, mido.MetaMessage("key_signature", key=keys[score.tonic])),
    ]
    if score.key_change:
        tick, tonic = score.key_change
        events.append((tick, _OFF, mido.MetaMessage("key_signature", key=keys[tonic])))
    if score.pickup:
        events.append((0, _OFF, _signature(_upbeat(score))))
    events.append((score.pickup, _OFF, _signature(score.meter)))
    events += [(section.start, _ON, mido.MetaMessage("marker", text=section.letter)) for section in score.sections]
    if score.loop:  # as game engines name them
        events.append((score.loop_start, _OFF, mido.MetaMessage("marker", text="loopStart")))
        events.append((score.ticks, _ON, mido.MetaMessage("marker", text="loopEnd")))
    return events


def _upbeat(score: Score) -> Meter:
    """The upbeat as a bar of its own: so many of the notes that the metre counts."""
    unit = score.meter.unit
    return Meter(score.pickup * unit // (4 * TICKS), unit, ())


def _signature(meter: Meter) -> object:
    import mido

    return mido.MetaMessage("time_signature", numerator=meter.count, denominator=meter.unit)


def _played(score: Score, track: Track, channel: int) -> list[tuple[int, int, object]]:
    import mido

    events: list[tuple[int, int, object]] = []
    for note in track.notes:
        start = score.played(note.start)
        stop = max(min(score.played(note.stop), score.ticks), start + 1)
        for pitch in note.pitches:
            events += [
                (start, _ON, mido.Message("note_on", channel=channel, note=pitch, velocity=_velocity(note))),
                (stop, _OFF, mido.Message("note_off", channel=channel, note=pitch)),
            ]
    return events


def _velocity(note: Note) -> int:
    return min(127, max(1, note.velocity))


def _timed(events: Iterable[tuple[int, int, object]], ticks: int) -> list[object]:
    """Messages with the time since the one before; a note ends before another begins at its tick."""
    import mido

    messages = []
    before = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        messages.append(message.copy(time=(tick - before) * SCALE))  # type: ignore[attr-defined]
        before = tick
    return [*messages, mido.MetaMessage("end_of_track", time=max(0, ticks - before) * SCALE)]
