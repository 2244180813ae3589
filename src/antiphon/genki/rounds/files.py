"""Files that are there whole or not at all, and arrays in them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from antiphon import durable
from antiphon.errors import OutputError, StateError, is_full
from antiphon.genki.learning import Parameters


def write(file: Path, content: bytes) -> None:
    """Replace `file`, durably. Raises `OutputError` and leaves the file as it was."""
    try:
        durable.replace(file, content)
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
