"""Tables of a part of a server's storage, as numbered steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schema:
    """Of a part. `file`: its SQLite file; `number`: of its lock; `steps`: statements that end in `;` and a new line;
    `holds`: what is in it, as "The keys"."""

    part: str
    number: int
    file: str
    holds: str
    steps: tuple[str, ...]
