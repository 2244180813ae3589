"""Pieces as files, and the music that leads from one to another or answers it."""

from __future__ import annotations

from pathlib import Path

from antiphon.codecs.chip.midi import MAX_BYTES
from antiphon.errors import InputError
from antiphon.music import linking
from antiphon.music.linking import Link, Place
from antiphon.ruby.arranging import Reading, key_of
from antiphon.ruby.midi import read_midi

HEARD_BARS = 8
"""The key of a piece's end, or beginning, is that of so many bars."""
SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0


def transition(before: Path, after: Path, bars: int) -> Link:
    """From the end of one MIDI file to the beginning of another. Raises `InputError`."""
    first, second = _read(before), _read(after)
    return linking.transition(_place(first, end=True), _place(second), bars)


def stinger(kind: str, piece: Path, seed: int) -> Link:
    """In the key of a MIDI file. Raises `InputError`."""
    return linking.stinger(kind, _place(_read(piece), bars=None), seed)


def _read(file: Path) -> Reading:
    try:
        with file.open("rb") as opened:
            reading = read_midi(opened.read(MAX_BYTES + 1))  # one too many is told by the reader
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "Name a .mid file.") from error
    if all(note.drum for note in reading.notes):
        raise InputError(f"{file} has no notes with a pitch", "A key is needed: name a piece that has one.")
    return reading


def _place(reading: Reading, *, end: bool = False, bars: int | None = HEARD_BARS) -> Place:
    pitched = [note for note in reading.notes if not note.drum]
    first, last = min(note.start for note in pitched), max(note.start for note in pitched)
    span = (bars or 0) * reading.meter.ticks
    near = [note for note in pitched if not bars or (note.start >= last - span if end else note.start <= first + span)]
    tonic, mode = key_of(near)
    return Place(
        quarter_bpm=min(max(reading.quarter_bpm, SLOWEST_BPM), FASTEST_BPM),
        meter=reading.meter,
        tonic=tonic,
        mode=mode,
        drums=any(note.drum for note in reading.notes),
    )
