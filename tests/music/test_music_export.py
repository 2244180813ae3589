from __future__ import annotations

import io
from collections import Counter
from xml.etree import ElementTree as ET

import mido
import pytest

from antiphon.music import Score, Track, compose, read, to_midi, to_musicxml
from antiphon.music.meter import TICKS

PROMPTS = [
    "boss fight, 150 bpm, A minor",
    "jazz shop in Bb major",
    "waltz in F# minor",
    "dark horror, 77 bpm",
    "Ab major march",
    "jig in D major",
    "7/8 dungeon in C minor",
]
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@pytest.fixture(params=[(prompt, seconds) for prompt in PROMPTS for seconds in (30.0, 2.5)], ids=str)
def score(request: pytest.FixtureRequest) -> Score:
    prompt, seconds = request.param
    return compose(read(prompt), seconds, 6)


def test_midi_holds_the_notes(score: Score) -> None:
    file = mido.MidiFile(file=io.BytesIO(to_midi(score)))
    assert len(file.tracks) == len(score.tracks) + 1
    for track, written in zip(file.tracks[1:], score.tracks, strict=True):
        assert track.name == written.name
        expected = Counter(
            (score.played(note.start), pitch, note.velocity) for note in written.notes for pitch in note.pitches
        )
        assert Counter(_midi_notes(track)) == expected


def _midi_notes(track: mido.MidiTrack) -> list[tuple[int, int, int]]:
    notes, sounding, now = [], set(), 0
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.note not in sounding or message.channel == 9
            sounding.add(message.note)
            notes.append((now // 20, message.note, message.velocity))
        elif message.type == "note_off":
            sounding.discard(message.note)
    assert not sounding
    return notes


def test_midi_holds_tempo_key_and_length(score: Score) -> None:
    file = mido.MidiFile(file=io.BytesIO(to_midi(score)))
    events = {message.type: message for message in file.tracks[0]}
    assert mido.tempo2bpm(events["set_tempo"].tempo) == pytest.approx(score.ticks_a_minute / TICKS, rel=1e-4)
    signature = events["time_signature"]
    assert f"{signature.numerator}/{signature.denominator}" == str(score.meter)
    assert events["key_signature"].key.endswith("m") == (score.mode == "minor")
    assert file.length == pytest.approx(score.seconds, abs=0.1)


def test_musicxml_holds_the_notes(score: Score) -> None:
    root = ET.fromstring(to_musicxml(score))
    assert root.get("version") == "4.0"
    for part, track in zip(root.findall("part"), score.tracks, strict=True):
        assert Counter(_xml_notes(part)) == Counter(_written(track))


def _written(track: Track) -> list[tuple[int, int, int]]:
    """What the part plays: strokes at once last as long as the longest, drums to the next."""
    starts = sorted({note.start for note in track.notes})
    found = []
    for note in track.notes:
        group = [other for other in track.notes if other.start == note.start]
        following = next((start for start in starts if start > note.start), 10**9)
        stop = min(max(other.stop for other in group), following)
        found += [(note.start, stop - note.start, pitch) for pitch in note.pitches]
    return found


def _xml_notes(part: ET.Element) -> list[tuple[int, int, int]]:
    instruments = {"I-36": 36}
    open_ties: dict[int, tuple[int, int]] = {}
    found, now, start = [], 0, 0
    for note in part.iter("note"):
        length = int(note.findtext("duration", "0"))
        if note.find("chord") is None:
            start, now = now, now + length
        if note.find("rest") is not None:
            continue
        pitch = _pitch(note, instruments)
        ties = {tie.get("type") for tie in note.findall("tie")}
        begin, before = open_ties.pop(pitch, (start, 0)) if "stop" in ties else (start, 0)
        assert begin + before == start
        if "start" in ties:
            open_ties[pitch] = (begin, before + length)
        else:
            found.append((begin, before + length, pitch))
    assert not open_ties
    return found


def _pitch(note: ET.Element, instruments: dict[str, int]) -> int:
    instrument = note.find("instrument")
    if instrument is not None:
        return int(str(instrument.get("id")).removeprefix("I-"))
    step, alter, octave = (note.findtext(f"pitch/{name}", "0") for name in ("step", "alter", "octave"))
    return 12 * (int(octave) + 1) + _NATURAL[step] + int(alter)


def test_every_measure_is_full(score: Score) -> None:
    for part in ET.fromstring(to_musicxml(score)).findall("part"):
        measures = part.findall("measure")
        for index, measure in enumerate(measures):
            length = sum(
                int(note.findtext("duration", "0")) for note in measure.findall("note") if note.find("chord") is None
            )
            upbeat = bool(score.pickup) and index == 0
            assert (measure.get("implicit") == "yes") == upbeat
            assert length == (score.pickup if upbeat else score.bar_ticks)


def test_measures_name_divisions_key_and_time(score: Score) -> None:
    root = ET.fromstring(to_musicxml(score))
    assert root.findtext("part/measure/attributes/divisions") == str(TICKS)
    assert root.findtext("part/measure/attributes/key/mode") == score.mode
    assert root.findtext("part/measure/attributes/time/beats") == str(score.meter.count)
    assert root.findtext("part/measure/attributes/time/beat-type") == str(score.meter.unit)
    declared = [entry.get("id") for entry in root.findall("part-list/score-part")]
    assert declared == [part.get("id") for part in root.findall("part")]


def test_any_prompt_can_be_written_down() -> None:
    score = compose(read("rock \x00\ud800 \u266b <&> \x1b"), 3, 1)
    assert ET.fromstring(to_musicxml(score)).findtext("work/work-title")
    assert to_midi(score)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_midi_of_a_loop_says_where_it_begins_and_ends(prompt: str) -> None:
    looped = compose(read(prompt), 20.0, 6, loop=True)
    file = mido.MidiFile(file=io.BytesIO(to_midi(looped)))
    now, marks = 0, {}
    for message in file.tracks[0]:
        now += message.time
        if message.type == "marker" and message.text.startswith("loop"):
            marks[message.text] = now
    assert marks == {"loopStart": 0, "loopEnd": looped.ticks * 20}
    once = mido.MidiFile(file=io.BytesIO(to_midi(compose(read(prompt), 20.0, 6))))
    assert not [m for m in once.tracks[0] if m.type == "marker" and m.text.startswith("loop")]
