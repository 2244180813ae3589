"""MIDI files reach the chip's voices."""

import io
from collections.abc import Sequence

import mido
import numpy as np
import pytest

from antiphon.codecs.chip import ChipCodec, canonical, from_midi, layout, midi, rows
from antiphon.errors import InputError

BEAT = 480
HALF_S = 30  # frames of a beat at 120 to the minute


def track(program: int, channel: int, notes: Sequence[tuple[int, int, int]], velocity: int = 100) -> mido.MidiTrack:
    """Notes are key, start and end in beats."""
    events = [(start, 1, key) for key, start, _ in notes] + [(end, 0, key) for key, _, end in notes]
    made, now = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)]), 0
    for beat, on, key in sorted(events):
        kind = "note_on" if on else "note_off"
        made.append(mido.Message(kind, channel=channel, note=key, velocity=velocity, time=(beat - now) * BEAT))
        now = beat
    return made


def saved(*tracks: mido.MidiTrack) -> bytes:
    song, target = mido.MidiFile(ticks_per_beat=BEAT), io.BytesIO()
    song.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(120))]))
    song.tracks.extend(tracks)
    song.save(file=target)
    return target.getvalue()


LEAD = track(80, 0, [(72, 0, 1), (74, 1, 2), (76, 2, 4)])
BASS = track(33, 1, [(36, 0, 2), (43, 2, 4)])
CHORD = track(0, 2, [(60, 0, 4), (64, 0, 4), (67, 0, 4)])
DRUMS = track(0, 9, [(36, 0, 1), (42, 0, 1), (38, 1, 2), (42, 1, 2), (49, 2, 3)])


def middle(values: np.ndarray, beat: int) -> float:
    return float(values[beat * HALF_S + HALF_S // 2])


def test_lead_bass_chord_and_drums_find_their_voices() -> None:
    grid = from_midi(saved(LEAD, BASS, CHORD, DRUMS))
    lead, chord, bass, noise, sample = rows(grid)
    assert grid.frames >= 4 * HALF_S
    assert [middle(lead.pitch, beat) for beat in range(4)] == [72, 74, 76, 76]
    assert [middle(bass.pitch, beat) for beat in range(4)] == [36, 36, 43, 43]
    assert set(chord.pitch[: 4 * HALF_S - 1]) == {60.0, 64.0, 67.0}
    strokes = {frame: layout.DRUMS[int(sample.kind[frame])] for frame in np.flatnonzero(sample.volume)}
    assert strokes == {0: "kick", HALF_S: "snare", 2 * HALF_S: "cymbal"}
    assert noise.volume[0] > 0
    assert noise.volume[HALF_S] > 0
    assert noise.volume[HALF_S // 2] == 0
    assert np.array_equal(canonical(grid).tokens, grid.tokens)
    assert np.abs(ChipCodec().decode(grid).samples).max() > 0.1


def test_tempo_changes_bends_pan_and_range_are_followed() -> None:
    part = mido.MidiTrack(
        [
            mido.Message("control_change", control=10, value=127),
            mido.Message("note_on", note=5, velocity=127),
            mido.Message("pitchwheel", pitch=4096, time=BEAT),
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60)),
            mido.Message("note_off", note=5, time=BEAT),
        ]
    )
    row = rows(from_midi(saved(part)))[0]
    assert middle(row.pitch, 0) == 29  # two octaves up, into the range
    assert middle(row.pitch, 1) == 30
    assert np.count_nonzero(row.volume) in range(88, 92)
    assert np.nanmax(row.pan) == np.nanmin(row.pan) == layout.PANS - 1


def test_louder_notes_are_louder_and_the_loudest_are_full() -> None:
    soft, loud = track(80, 0, [(60, 0, 2)], velocity=30), track(80, 0, [(60, 2, 4)], velocity=90)
    volume = rows(from_midi(saved(soft, loud)))[0].volume
    assert 0 < volume[: 2 * HALF_S].max() < volume[2 * HALF_S :].max() == layout.VOLUMES


def test_a_note_without_an_end_lasts_to_the_end_of_the_file() -> None:
    open_note = mido.MidiTrack([mido.Message("note_on", note=60, velocity=90)])
    row = rows(from_midi(saved(LEAD, open_note)))[1]
    assert row.pitch[3 * HALF_S] == 60


@pytest.mark.parametrize("data", [b"", b"RIFF....", saved(LEAD)[:40], b"MThd" + bytes(40), saved(mido.MidiTrack())])
def test_what_is_no_midi_or_has_no_notes_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        from_midi(data)


def test_limits_are_named() -> None:
    with pytest.raises(InputError, match="bytes"):
        from_midi(bytes(midi.MAX_BYTES + 1))
    endless = mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=BEAT * 2**14)])
    with pytest.raises(InputError, match="900 s"):
        from_midi(saved(endless))
