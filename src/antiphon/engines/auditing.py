"""The contract of an engine whose work can be audited step by step, without making all of it again.

The producer's side: `traced` makes the audio and remembers how; its `Trace` has a root to commit to, and opens what a
beacon chooses that nobody knew before. The validator's side: `audit` derives the inputs from the request and the seed,
makes the opened steps again, and compares. What roots and openings hold is the engine's own affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from antiphon.audio.waveform import Waveform
from antiphon.engines.base import Engine
from antiphon.services import Request

ROOT_BYTES = 32


class Result(StrEnum):
    """How an audit ended.

    FAILED: what was committed to is not what was ordered or delivered; whoever audits finds the same. UNPROVEN: what
    was shown does not fit the commitment, or was made by other models than ours; others may see more. UNDECIDED:
    machines differ too much to tell, or ours failed.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNPROVEN = "unproven"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Finding:
    """`figure`: what only who really made the steps again can know, and all who did agree on (None: nothing)."""

    result: Result
    reason: str
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """All that is audited: the order, what was committed to and shown, and the audio as delivered."""

    request: Request
    seed: int
    root: bytes
    beacon: bytes
    opening: bytes
    audio: Waveform


class Trace(Protocol):
    """What is remembered of one generation. It is whole once all of its audio was made."""

    @property
    def root(self) -> bytes:
        """What to commit to, 32 bytes."""

    def open(self, beacon: bytes) -> bytes:
        """What the beacon chooses to be shown."""


@runtime_checkable
class Auditable(Engine, Protocol):
    """An engine with `capabilities.auditable`."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], Trace]:
        """`generate`, and its trace."""

    def audit(self, claim: Claim) -> Finding:
        """Raises `InputError` for a request that it cannot serve."""
