"""Files that are there whole or not at all, and still there when the power has failed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def replace(file: Path, content: bytes) -> None:
    """Write `file`, for its owner only; one that was there is replaced. Raises `OSError`, and all is as it was."""
    _write(file, content, new=False)


def create(file: Path, content: bytes) -> None:
    """Write `file`, for its owner only. Raises `FileExistsError` where there is one, else as `replace`."""
    _write(file, content, new=True)


def _write(file: Path, content: bytes, *, new: bool) -> None:
    file.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, _FLAGS, PRIVATE_FILE), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            os.link(beside, file)  # refused where there is one already, whoever is faster
        else:
            beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    sync(file.parent)


def sync(folder: Path) -> None:
    """What was made or removed in it stays so. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
