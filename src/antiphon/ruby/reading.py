"""Any file that holds music as a piece: MIDI by its notes, a recording by ear."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from antiphon.codecs.chip.midi import MAX_BYTES
from antiphon.errors import InputError
from antiphon.ruby.arranging import Piece, arranged
from antiphon.ruby.midi import read_midi

MIDI: Final = frozenset({".mid", ".midi"})


def piece_of_file(path: Path) -> Piece:
    """Raises `InputError` for files that cannot be read, or hold no music on a grid."""
    if path.suffix.lower() not in MIDI:
        from antiphon.audio import read
        from antiphon.ruby.recordings import read_recording

        return arranged(read_recording(read(path)))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # one too many is told by the reader
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "Name a .mid file or a recording.") from error
    return arranged(read_midi(data))
