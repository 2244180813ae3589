"""What a command that orders sound leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.nodes.events import Closed


@dataclass(slots=True)
class Result:
    """The file, its length, the tasks behind it and their receipts."""

    output: str
    seconds: float = 0.0
    first_audio_s: float | None = None
    opened: list[str] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)  # what else the command has to tell in JSON
    standing: str = "Nothing was paid."  # after a cancel: what was paid and what came back
