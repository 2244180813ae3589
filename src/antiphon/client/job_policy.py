"""How a job is carried through: what is kept of it, what it may cost, what becomes of a part that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from antiphon.client.budget import Budget
from antiphon.parties.messages import Form
from antiphon.services import Origin, Request


@dataclass(frozen=True, slots=True)
class Result:
    """What was made and judged for one part: PCM of `form`, or other bytes."""

    form: Form
    data: bytes
    origin: Origin | None = None  # of what is no audio


@dataclass(frozen=True, slots=True)
class Ordered:
    """A part of a task that is about to be opened: with its key and the secret of its chain, seats can be drawn, and
    results that were paid for can be fetched, by another process of the same client."""

    slot: str
    index: int
    key: bytes
    secret: bytes


class Keeper(Protocol):
    """Keeps what a job has paid for, so that nothing is paid twice however the job ends.

    A slot names a request within its job: the same request keeps its slot when its neighbours change.
    """

    def slot(self, request: Request) -> str:
        """The slot of the job's next request. Call it once for each, in their order."""

    def has(self, slot: str) -> bool: ...

    def load(self, slot: str) -> Result:
        """What was kept. Raises `StateError` for what cannot be read."""

    def tries(self, slot: str) -> int:
        """How many results for it were rejected in earlier runs: so many seeds are used up."""

    def opening(self, task: str, parts: Sequence[Ordered]) -> None:
        """Remember a task before it holds money. Raises `OutputError`: then nothing may be bought."""

    def finished(self, slot: str, result: Result) -> None:
        """Keep a result, durably. Raises `OutputError`."""


@dataclass(slots=True)
class JobPolicy:
    """`keep_going`: a part that fails for good is told as `Missing`, and the rest of the job goes on. `kind`: with what
    others its cost is measured (`Pace`)."""

    budget: Budget = field(default_factory=Budget)
    keeper: Keeper | None = None
    keep_going: bool = False
    kind: str = ""
