"""What can happen to a part, and what follows from it: the words of the machine."""

from __future__ import annotations

import msgspec

from antiphon.economy.types import Mode, Rules, ScoreEvent, Transfer, Turnout
from antiphon.ledger.operations import (
    Appeal,
    Cancel,
    Commit,
    Decline,
    Deliver,
    DrawSeats,
    Endorse,
    Expose,
    Redeem,
    Reveal,
    Skip,
)
from antiphon.ledger.records import PartRecord


class Tick(msgspec.Struct, frozen=True):
    """The part's deadline has passed."""


class Start(msgspec.Struct, frozen=True):
    """All earlier phases are valid."""


class Abandon(msgspec.Struct, frozen=True):
    """An earlier phase failed."""


class Withdraw(msgspec.Struct, frozen=True):
    """A consent that the task relies on was revoked."""


PartOperation = Deliver | Decline | Skip | Redeem | DrawSeats | Endorse | Commit | Reveal | Expose | Appeal
TaskOperation = PartOperation | Cancel
Event = TaskOperation | Tick | Start | Abandon | Withdraw


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a transition needs besides the record. `sender` is empty for the ledger's own events.

    `left_out`: who of the pool cannot be drawn now, where a draw is to come. `link`: the ledger's, for DRAW SEATS.
    """

    ledger: str
    client: str
    mode: Mode
    rules: Rules
    now_ms: int
    sender: str = ""
    left_out: tuple[str, ...] = ()
    link: bytes = b""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from one event: the new record, the money and the scores that move."""

    record: PartRecord
    transfers: tuple[Transfer, ...] = ()
    scores: tuple[ScoreEvent, ...] = ()
    turnout: tuple[Turnout, ...] = ()
