"""Tables of a part of a server's storage, as numbered steps."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.errors import BusyError


class AwayError(BusyError):
    """The store does not answer; what was asked last may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Of a part. `file`: its SQLite file; `number`: of its lock; `steps`: statements that end in `;` and a new line;
    `holds`: what is in it, as "The keys"."""

    part: str
    number: int
    file: str
    holds: str
    steps: tuple[str, ...]
