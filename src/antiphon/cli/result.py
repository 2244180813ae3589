"""What a command that orders sound leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.door.figures import EndedTask


@dataclass(frozen=True, slots=True)
class Gap:
    """A part that is missing from the sound."""

    number: int  # from 0
    begins: str  # its first words, as far as they are known
    why: str


@dataclass(slots=True)
class Result:
    """The file, its length, the tasks behind it and their receipts."""

    output: str
    seconds: float = 0.0
    first_audio_s: float | None = None
    opened: list[str] = field(default_factory=list)
    closed: list[EndedTask] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)  # what else the command has to tell in JSON
    missing: list[Gap] = field(default_factory=list)
    recalled: int = 0  # parts that earlier runs had paid for
    estimate_nano: int = 0  # the most it could cost, by the prices before it began
    limit_nano: int | None = None  # the most it will cost, as was told
    left: Path | None = None  # after an early end: where the sound up to there lies
    standing: str = "Nothing was paid."  # after a cancel: what was paid and what came back
