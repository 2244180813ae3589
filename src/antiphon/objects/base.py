"""What an object store can do, whatever it stands on."""

from __future__ import annotations

import re
from typing import Protocol

from antiphon.errors import InputError

MAX_OBJECT_BYTES = 64 << 20
"""Longest object: whoever has more writes it in pieces, and so can go on where it was cut."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}(/[a-z0-9][a-z0-9._-]{0,127}){0,7}")


class ObjectStore(Protocol):
    """All methods raise `UnreachableError` for a store that does not answer, `OutputError` for one that is full or
    that may not be written to, and `InputError` for a bad name."""

    url: str

    def size(self, name: str) -> int | None:
        """Bytes of an object; None if there is none."""

    def read(self, name: str, most: int = MAX_OBJECT_BYTES) -> bytes:
        """The whole object. Raises `FileNotFoundError`, and `InputError` for more than `most` bytes."""

    def write(self, name: str, data: bytes, *, new: bool = False) -> bool:
        """Keep it. False: `new` was asked for, and there is one of that name already, which stays as it is."""

    def names(self, prefix: str) -> list[str]:
        """Of all objects below a prefix (a name, or nothing), in order."""

    def delete(self, name: str) -> None:
        """Forget an object; nothing happens where there is none."""


def check_name(name: str) -> str:
    """The name, if it is one. Raises `InputError`."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} is no name of an object", "Use a-z, 0-9, '.', '_', '-', and '/' between parts."
        )
    return name


def too_long(name: str, size: int, most: int) -> InputError:
    """An object is larger than who reads it wants."""
    return InputError(f"{name} has {size:,} bytes, more than {most:,}", "The store holds something else than expected.")
