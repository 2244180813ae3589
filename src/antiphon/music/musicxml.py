"""A score as MusicXML 4.0 (partwise): measures, key, time, notes split at bar lines and tied, drums unpitched."""

from __future__ import annotations

import bisect
import itertools
import statistics
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

from antiphon.music.meter import TICKS
from antiphon.music.score import DRUM_NOTES, Note, Score, Track
from antiphon.music.spelling import fifths, spelt

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPES = {
    96: ("whole", 0),
    72: ("half", 1),
    48: ("half", 0),
    36: ("quarter", 1),
    24: ("quarter", 0),
    18: ("eighth", 1),
    12: ("eighth", 0),
    9: ("16th", 1),
    6: ("16th", 0),
    3: ("32nd", 0),
}
"""Ticks -> how a note of that length is written: its type and dots."""

_KINDS = {
    (0, 4, 7): "major",
    (0, 3, 7): "minor",
    (0, 3, 6): "diminished",
    (0, 4, 8): "augmented",
    (0, 5, 7): "suspended-fourth",
    (0, 4, 7, 10): "dominant",
    (0, 4, 7, 11): "major-seventh",
    (0, 3, 7, 10): "minor-seventh",
    (0, 3, 6, 10): "half-diminished",
    (0, 3, 6, 9): "diminished-seventh",
}
"""Steps of a chord above its root -> MusicXML's name."""

_LOUDNESS = ((50, "pp"), (64, "p"), (78, "mp"), (92, "mf"), (108, "f"), (128, "ff"))
"""Below these velocities, the sign of dynamics."""

_CLEFS = {"bass": ("F", "4"), "drums": ("percussion", "")}
_STAFF = {"kick": ("F", "4"), "tom": ("A", "4"), "snare": ("C", "5"), "clap": ("E", "5")}
_METAL_STAFF = ("G", "5")
_DRUM_NAMES = {number: name for name, number in DRUM_NOTES.items()}


class _Piece(msgspec.Struct, frozen=True):
    """What is written as one symbol: the notes that sound (none: a rest), and whether it is tied to its neighbours."""

    start: int
    length: int
    notes: tuple[Note, ...]
    from_before: bool = False
    into_next: bool = False


def to_musicxml(score: Score) -> bytes:
    """The bytes of a `.musicxml` file (UTF-8). Swing is written straight, with a word above the first bar."""
    root = Element("score-partwise", version="4.0")
    SubElement(SubElement(root, "work"), "work-title").text = _printable(score.prompt)
    parts = SubElement(root, "part-list")
    for track in score.tracks:
        _listed(parts, track)
    bars = _bars(score)
    for index, track in enumerate(score.tracks):
        part = SubElement(root, "part", id=f"P-{track.name}")
        _write_part(part, score, track, bars, first=index == 0)
    indent(root)
    return (_DOCTYPE + tostring(root, encoding="unicode") + "\n").encode()


def _printable(text: str) -> str:
    """XML knows no control characters, lone surrogates or non-characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def _listed(parts: Element, track: Track) -> None:
    entry = SubElement(parts, "score-part", id=f"P-{track.name}")
    SubElement(entry, "part-name").text = track.name.capitalize()
    if track.name == "drums":
        used = sorted({note.pitch for note in track.notes})
        for number in used:
            instrument = SubElement(entry, "score-instrument", id=f"I-{number}")
            SubElement(instrument, "instrument-name").text = _DRUM_NAMES[number]
        for number in used:
            midi = SubElement(entry, "midi-instrument", id=f"I-{number}")
            SubElement(midi, "midi-channel").text = "10"
            SubElement(midi, "midi-unpitched").text = str(number + 1)


def _bars(score: Score) -> list[tuple[int, int]]:
    """Start and length of each measure; the last is filled up with rests."""
    bars = [(0, score.pickup)] if score.pickup else []
    return bars + [(start, score.bar_ticks) for start in range(score.pickup, max(score.ticks, 1), score.bar_ticks)]


def _write_part(part: Element, score: Score, track: Track, bars: Sequence[tuple[int, int]], *, first: bool) -> None:
    pieces = _pieces(track, [edge for start, length in bars for edge in (start, start + length)])
    marks = {section.start: section.letter for section in score.sections}
    at = 0
    for index, (start, length) in enumerate(bars):
        upbeat = bool(score.pickup) and index == 0
        measure = SubElement(part, "measure", number=str(index if score.pickup else index + 1))
        if upbeat:
            measure.set("implicit", "yes")
        if score.loop and score.loop_start and start == score.loop_start:
            barline = SubElement(measure, "barline", location="left")
            SubElement(barline, "bar-style").text = "heavy-light"
            SubElement(barline, "repeat", direction="forward")
        if index == 0:
            _attributes(measure, score, track)
        if first:
            _directions(measure, score, marks.get(start), beginning=index == 0)
            _harmonies(measure, score, start, length)
        if start in marks:
            _dynamics(measure, track, start)
        while at < len(pieces) and pieces[at].start < start + length:
            _write(measure, pieces[at], score, track)
            at += 1
    if score.loop:
        barline = SubElement(part[-1], "barline", location="right")
        SubElement(barline, "bar-style").text = "light-heavy"
        SubElement(barline, "repeat", direction="backward")


def _attributes(measure: Element, score: Score, track: Track) -> None:
    attributes = SubElement(measure, "attributes")
    SubElement(attributes, "divisions").text = str(TICKS)
    key = SubElement(attributes, "key")
    SubElement(key, "fifths").text = str(0 if track.name == "drums" else fifths(score.tonic, score.mode))
    SubElement(key, "mode").text = score.mode
    time = SubElement(attributes, "time")
    SubElement(time, "beats").text = str(score.meter.count)
    SubElement(time, "beat-type").text = str(score.meter.unit)
    sign, line = _CLEFS.get(track.name, ("G", "2"))
    clef = SubElement(attributes, "clef")
    SubElement(clef, "sign").text = sign
    if line:
        SubElement(clef, "line").text = line


def _directions(measure: Element, score: Score, mark: str | None, *, beginning: bool) -> None:
    if beginning:
        direction = SubElement(measure, "direction", placement="above")
        kind = SubElement(direction, "direction-type")
        metronome = SubElement(kind, "metronome")
        SubElement(metronome, "beat-unit").text = "quarter"
        if score.meter.compound:
            SubElement(metronome, "beat-unit-dot")
        SubElement(metronome, "per-minute").text = f"{score.tempo_bpm:g}"
        SubElement(direction, "sound", tempo=f"{score.ticks_a_minute / TICKS:g}")
        if score.swing:
            direction = SubElement(measure, "direction", placement="above")
            SubElement(SubElement(direction, "direction-type"), "words").text = "Swing"
    if mark:
        direction = SubElement(measure, "direction", placement="above")
        SubElement(SubElement(direction, "direction-type"), "rehearsal").text = mark


def _harmonies(measure: Element, score: Score, start: int, length: int) -> None:
    """Chord symbols above the first part, where they begin."""
    for chord in score.chords:
        if not start <= chord.start < start + length:
            continue
        letter, alter, _ = spelt(60 + chord.root, score.tonic, score.mode)
        harmony = SubElement(measure, "harmony")
        root = SubElement(harmony, "root")
        SubElement(root, "root-step").text = letter
        if alter:
            SubElement(root, "root-alter").text = str(alter)
        SubElement(harmony, "kind").text = _KINDS[chord.steps]
        SubElement(harmony, "offset").text = str(chord.start - start)


def _dynamics(measure: Element, track: Track, start: int) -> None:
    """How loud a part is where a section begins, by its next eight notes."""
    first = bisect.bisect_left(track.notes, start, key=lambda note: note.start)
    near = [note.velocity for note in track.notes[first : first + 8]]
    if near:
        loudness = statistics.median(near)
        direction = SubElement(measure, "direction", placement="below")
        sign = next(sign for bound, sign in _LOUDNESS if loudness < bound)
        SubElement(SubElement(SubElement(direction, "direction-type"), "dynamics"), sign)


def _pieces(track: Track, edges: Sequence[int]) -> list[_Piece]:
    """Notes and the rests between them, cut at bar lines and into lengths that have a sign of their own."""
    pieces: list[_Piece] = []
    at = 0
    for start, group in itertools.groupby(track.notes, key=lambda note: note.start):
        notes = tuple(group)
        following = next((note.start for note in track.notes[_after(track, start) :]), edges[-1])
        stop = min(max(note.stop for note in notes), following)
        pieces += _cut(at, start, (), edges)
        pieces += _cut(start, stop, notes, edges)
        at = stop
    return pieces + _cut(at, edges[-1], (), edges)


def _after(track: Track, start: int) -> int:
    """Index of the first note that begins later than `start`."""
    return bisect.bisect_right(track.notes, start, key=lambda note: note.start)


def _cut(start: int, stop: int, notes: tuple[Note, ...], edges: Sequence[int]) -> list[_Piece]:
    spans = list(_spans(start, stop, edges))
    return [
        _Piece(begin, length, notes, bool(notes) and index > 0, bool(notes) and index < len(spans) - 1)
        for index, (begin, length) in enumerate(spans)
    ]


def _spans(start: int, stop: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    while start < stop:
        edge = next(edge for edge in edges if edge > start)
        room = min(stop, edge) - start
        length = next((ticks for ticks in _TYPES if ticks <= room), room)
        yield start, length
        start += length


def _write(measure: Element, piece: _Piece, score: Score, track: Track) -> None:
    if not piece.notes:
        note = SubElement(measure, "note")
        SubElement(note, "rest")
        _timing(note, piece)
        return
    pitches = [(note.pitch if track.name != "drums" else None, note) for note in piece.notes]
    if track.name != "drums":
        pitches = [(pitch, note) for note in piece.notes for pitch in note.pitches]
    for index, (pitch, source) in enumerate(pitches):
        note = SubElement(measure, "note")
        if index:
            SubElement(note, "chord")
        if pitch is None:
            _unpitched(note, source)
        else:
            _pitched(note, pitch, score)
        _timing(note, piece, instrument=f"I-{source.pitch}" if pitch is None else "")
        _notations(note, piece, source)


def _pitched(note: Element, pitch: int, score: Score) -> None:
    letter, alter, octave = spelt(pitch, score.tonic, score.mode)
    element = SubElement(note, "pitch")
    SubElement(element, "step").text = letter
    if alter:
        SubElement(element, "alter").text = str(alter)
    SubElement(element, "octave").text = str(octave)


def _unpitched(note: Element, source: Note) -> None:
    step, octave = _STAFF.get(_DRUM_NAMES[source.pitch], _METAL_STAFF)
    element = SubElement(note, "unpitched")
    SubElement(element, "display-step").text = step
    SubElement(element, "display-octave").text = octave


def _timing(note: Element, piece: _Piece, instrument: str = "") -> None:
    SubElement(note, "duration").text = str(piece.length)
    for wanted, kind in ((piece.from_before, "stop"), (piece.into_next, "start")):
        if wanted:
            SubElement(note, "tie", type=kind)
    if instrument:
        SubElement(note, "instrument", id=instrument)
    SubElement(note, "voice").text = "1"
    if piece.length in _TYPES:
        kind, dots = _TYPES[piece.length]
        SubElement(note, "type").text = kind
        for _ in range(dots):
            SubElement(note, "dot")


def _notations(note: Element, piece: _Piece, source: Note) -> None:
    staccato = source.articulation == "staccato" and not piece.from_before
    if not (piece.from_before or piece.into_next or staccato):
        return
    notations = SubElement(note, "notations")
    for wanted, kind in ((piece.from_before, "stop"), (piece.into_next, "start")):
        if wanted:
            SubElement(notations, "tied", type=kind)
    if staccato:
        SubElement(SubElement(notations, "articulations"), "staccato")
