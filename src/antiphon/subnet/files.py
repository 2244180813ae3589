"""State on disk: written beside, synced, renamed. Whoever is killed leaves the old file or the new one."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from antiphon import durable
from antiphon.errors import OutputError, StateError, is_full

MAX_STATE_BYTES = 64 * 1024 * 1024

T = TypeVar("T")


def save(file: Path, state: object) -> None:
    """Raises OutputError; the old state then stays as it was."""
    try:
        durable.replace(file, msgspec.json.encode(state))
    except OSError as error:
        hint = "Make room; the state before is kept." if is_full(error) else "Choose another --home."
        raise OutputError(f"{file} cannot be written: {error.strerror}", hint) from error


def read(file: Path, kind: type[T]) -> T | None:
    """None where there is no file. Raises StateError for one that is damaged or of another version."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{file} cannot be read: {error.strerror}", "Check its owner and mode.") from error
    try:
        if len(raw) > MAX_STATE_BYTES:
            raise ValueError(f"more than {MAX_STATE_BYTES} bytes")
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateError(f"{file} is damaged: {error}", "Restore it, or move it away to begin anew.") from error
