"""Files that are there whole or not at all, and arrays in them."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np

from antiphon.errors import OutputError, StateError, is_full
from antiphon.genki.learning import Parameters


def write(file: Path, content: bytes) -> None:
    """Replace `file`, durably. Raises `OutputError` and leaves the file as it was."""
    beside = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        remedy = "Free some space, and start again: nothing is lost." if is_full(error) else "Check the folder's owner."
        raise OutputError(f"{file} cannot be written: {error.strerror}", remedy) from error


def write_arrays(file: Path, arrays: Parameters) -> None:
    """As `write`, in NumPy's format of several arrays."""
    held = io.BytesIO()
    np.savez(held, **arrays)  # type: ignore[arg-type]  # names are arrays' own
    write(file, held.getvalue())


def read_arrays(file: Path) -> Parameters:
    """Raises `StateError` for a file that is missing or damaged."""
    try:
        with np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise StateError(f"{file} cannot be read: {error}", "Restore it from a backup.") from error
