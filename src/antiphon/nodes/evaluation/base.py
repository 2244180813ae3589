"""What a validator hands to its evaluator, and what that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from antiphon.audio import Waveform
from antiphon.economy.types import Vote
from antiphon.parties.messages import Form
from antiphon.services import Request


@dataclass(frozen=True, slots=True)
class AuditDraw:
    """What the draw of the seats chose to be opened, what was committed to, and what was shown of it."""

    beacon: bytes
    root: bytes
    shown: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """One delivery: the client's request, and the result exactly as the client gets it."""

    request: Request
    result: bytes | None  # None: it does not open, or is not what the producer committed to
    form: Form
    declared_size: int  # bytes
    places: bytes = b""  # randomness of the draw, at most 64 bytes: where long clips are listened to
    seed: int = 0  # the order's
    uncommitted: bool = False  # to how it was made, in a network that audits this
    audit: AuditDraw | None = None

    @property
    def audio(self) -> Waveform | None:
        """The result as sound; None when it is none."""
        frame = 2 * self.form.channels
        if self.result is None or not self.form.is_audio or len(self.result) % frame:
            return None
        return self.form.waveform(self.result)

    @property
    def declared_samples(self) -> int:
        """Per channel."""
        return self.declared_size // (2 * self.form.channels) if self.form.is_audio else 0


class Evaluator(Protocol):
    """Judges a piece of work: measurements to a vote. Blocking; called in a worker thread."""

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        """Services it judges, each with the languages whose words it can check (`en` covers `en-us`; empty = any)."""

    def vote(self, submission: Submission) -> Vote: ...
