"""MIDI of any band to Ruby's voices."""

import io

import mido
import pytest

from antiphon.errors import InputError
from antiphon.music import compose, read, to_midi
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import arranged, measured, shares
from antiphon.ruby.midi import read_midi
from antiphon.ruby.scores import piece_of


def a_band(*, late: int = 0, meter: tuple[int, int] = (4, 4), bars: int = 8) -> bytes:
    """A bass, held chords, a melody above them and drums, in D minor at 100 bpm; every start `late` ticks of 480."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=600_000)])
    head.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    file.tracks.append(head)
    beats = meter[0] * bars
    for channel, program, pitches in (
        (0, 33, [38]),
        (1, 48, [62, 65, 69]),
        (2, 73, [74, 77, 81, 76]),
        (9, 0, [36, 42]),
    ):
        track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
        wait = late * (channel == 2)
        for beat in range(beats):
            struck = pitches if channel in (1, 9) else [pitches[beat % len(pitches)]]
            for pitch in struck:
                track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=90, time=wait))
                wait = 0
            for index, pitch in enumerate(struck):
                track.append(mido.Message("note_off", channel=channel, note=pitch, time=0 if index else 480))
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def test_each_voice_gets_the_part_that_suits_it() -> None:
    piece = arranged(read_midi(a_band()))
    assert (piece.quarter_bpm, piece.meter, piece.tonic, piece.mode) == (100.0, "4/4", 2, "minor")
    parts = grid.decode(piece.columns)
    assert {note.pitch for note in parts["bass"]} == {38}
    assert [note.pitch for note in parts["lead"][:4]] == [74, 77, 81, 76]
    assert {(note.pitch, note.chord) for note in parts["counter"]} == {(62, (3, 7))}
    assert {note.pitch for note in parts["drums"]} == {36, 42}


def test_what_is_measured_is_what_is_played() -> None:
    heard = measured(arranged(read_midi(a_band())))
    assert heard.bpm == 100.0
    assert heard.mode == "minor"
    assert {"drums", "bass", "lead", "counter"} <= set(heard.instruments)


def test_a_waltz_has_bars_of_three() -> None:
    assert arranged(read_midi(a_band(meter=(3, 4), bars=12))).meter == "3/4"


def test_the_composers_midi_is_its_score_again() -> None:
    score = compose(read("boss fight, A minor, 150 bpm"), 20, 3, loop=True)
    piece = arranged(read_midi(to_midi(score)))
    assert (piece.quarter_bpm, piece.tonic, piece.mode) == (150.0, 9, "minor")
    assert (piece.tokens[grid.BASS] == piece_of(score).tokens[grid.BASS][: piece.tokens.shape[1]]).mean() > 0.9


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "no readable MIDI"), (b"MThd" + bytes(40), "no "), (b"RIFF" * 100, "no readable MIDI")],
)
def test_what_is_no_midi_file_is_told(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        arranged(read_midi(data))


def test_playing_off_the_grid_and_too_short_pieces_are_told() -> None:
    with pytest.raises(InputError, match="with a pitch"):
        arranged(read_midi(a_band(bars=1)))


def test_grids_share_what_is_alike() -> None:
    piece = arranged(read_midi(a_band()))
    other = piece.tokens.copy()
    other[grid.LEAD, : other.shape[1] // 2] = 0
    assert shares(piece.tokens, piece.tokens) == 1.0
    assert 0.3 < shares(piece.tokens, other) < 0.7
