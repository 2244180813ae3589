"""What a ledger knows, as frozen records: accounts, nodes, tasks and their parts. `queries` are answered with them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from antiphon.economy.types import (
    Assignment,
    Mode,
    Outcome,
    Part,
    Quote,
    Role,
    Rules,
    ScoreEvent,
    Settlement,
    Terms,
    Transfer,
    Vote,
)
from antiphon.ledger.operations import Deliver, Endorse, Selector, ServiceOffer
from antiphon.ledger.vouchers import Funds
from antiphon.protocol.consent import GrantRef


class PartState(StrEnum):
    """States of one part. WAITING -> ASSIGNED -> DRAWING -> DELIVERED -> REVEALING -> one of the final four.
    ASSIGNED -> LEFT -> CANCELLED where a listener hangs up that signs vouchers.

    ASSIGNED returns to ASSIGNED on Decline/Skip/time-out (next producer, `attempt + 1`), DELIVERED/REVEALING return to
    DRAWING on a redraw (`round + 1`) and to ASSIGNED when an invalid result has a failover left.
    """

    WAITING = "waiting"  # an earlier phase is not finished
    ASSIGNED = "assigned"
    LEFT = "left"  # cancelled while it was listened to: its producer may bring the last voucher
    DRAWING = "drawing"  # delivered; the seats are drawn as soon as the client opens its link
    DELIVERED = "delivered"  # delivered, seats drawn: commit phase
    REVEALING = "revealing"
    VALID = "valid"  # final: producer and majority paid
    INVALID = "invalid"  # final: no producer left after an invalid result; client refunded
    REFUNDED = "refunded"  # final: nobody delivered, or no quorum; client refunded
    CANCELLED = "cancelled"  # final: the client cancelled, or a consent was revoked, before seats were drawn

    @property
    def final(self) -> bool:
        return self in {PartState.VALID, PartState.INVALID, PartState.REFUNDED, PartState.CANCELLED}


class TaskState(StrEnum):
    """OPEN until every part is final; then COMPLETED (all valid), PARTIAL (some), FAILED (none) or CANCELLED."""

    OPEN = "open"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """One judged delivery: who produced it, what was delivered, who voted what, and the money that followed."""

    attempt: int
    round: int
    producer: Terms
    delivery: Deliver
    votes: dict[str, Vote]
    outcome: Outcome
    settlement: Settlement


class Seating(msgspec.Struct, frozen=True, kw_only=True):
    """One draw of seats: the two opened links that fixed it, and who was drawn."""

    attempt: int
    round: int
    client_link: bytes
    ledger_link: bytes
    seats: tuple[Terms, ...]


class Endorsed(msgspec.Struct, frozen=True, kw_only=True):
    """What its client or its producer has signed for the chain."""

    node: str
    operation: Endorse


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """One seat's vote, signed for the chain."""

    attempt: int
    round: int
    node: str
    signature: bytes


class DisputeState(StrEnum):
    """OPEN until somebody appeals or the window ends; then the jury commits and reveals."""

    OPEN = "open"
    COMMITTING = "committing"
    REVEALING = "revealing"


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """Fines of one verdict that are held back, because whoever is fined may appeal (`ledger.appeals`)."""

    attempt: int
    round: int
    held: tuple[Transfer, ...]
    held_scores: tuple[ScoreEvent, ...]
    jury: tuple[str, ...]
    deadline_ms: int
    state: DisputeState = DisputeState.OPEN
    appellant: str = ""
    commits: dict[str, bytes] = {}
    reveals: dict[str, Vote] = {}


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One part as the ledger knows it. `version` grows by 1 with each change."""

    task: str
    part: Part
    state: PartState
    assignment: Assignment
    attempt: int = 0  # index into assignment.producers
    round: int = 0
    delivery: Deliver | None = None
    commits: dict[str, bytes] = {}
    reveals: dict[str, Vote] = {}
    deadline_ms: int = 0
    remaining_nano: int = 0  # of the reserve, not yet paid out or refunded
    lapsed_nano: int = 0  # hold fees of producers that were passed over or too late
    client_tip: bytes = b""  # of the chains whose links the draws open
    ledger_tip: bytes = b""
    left_out: tuple[str, ...] = ()  # of the pool: who cannot sit in the draw to come; fixed before it is opened
    seatings: tuple[Seating, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    endorsed: tuple[Endorsed, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    notes: tuple[str, ...] = ()  # declines, skips and time-outs, in words
    funds: Funds | None = None  # the client signs vouchers for it, and this stands behind them
    version: int = 0

    @property
    def settled(self) -> bool:
        """Final, and no fine waits for an appeal: nothing of it can change any more."""
        return self.state.final and not self.disputes

    @property
    def next_deadline_ms(self) -> int:
        """When something happens by itself; 0 = never."""
        times = [dispute.deadline_ms for dispute in self.disputes]
        return min([*times, *([self.deadline_ms] if self.deadline_ms else [])], default=0)


class OpenSeat(msgspec.Struct, frozen=True, kw_only=True):
    """One seat of a validator that is not judged yet. `number` grows with each seat that anybody gets."""

    number: int
    task: str
    index: int
    attempt: int
    round: int
    deadline_ms: int  # to commit


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One task. `evidence` (see `Ledger.evidence`) holds the signed envelopes behind it."""

    task: str
    client: str
    selector: Selector
    mode: Mode
    state: TaskState
    quote: Quote
    rules: Rules
    request_hash: bytes
    beacon: bytes  # the ledger's randomness for this task's draws
    opened_ms: int
    closed_ms: int = 0
    synthetic: bool = False  # shown, like `selector.node`, once the task is closed
    grants: tuple[GrantRef, ...] = ()  # the consents it relies on


class NodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One node in one role. `quality_ppm` is per service (score memory).

    `registration` is the node's own signed `Register`; offers, seal key and endpoint are what it says (`registration`).
    """

    node: str
    role: Role
    registration: bytes
    offers: tuple[ServiceOffer, ...]
    seal_key: bytes
    endpoint: str
    stake_nano: int
    locked_nano: int
    quality_ppm: dict[str, int]
    settled: dict[str, int]
    live: bool  # heard of within rules.live_s

    @property
    def key(self) -> str:
        """Where a listing goes on."""
        return f"{self.node}/{self.role}"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one identity."""

    owner: str
    balance_nano: int
    stake_nano: int
    locked_nano: int
    escrow_nano: int  # in own open tasks
    unbonding_nano: int = 0  # stake on its way back
    unbonding_until_ms: int = 0  # when it arrives; 0 = nothing is on its way


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """All money that was ever issued: deposited by the operator, or paid by epochs; and what of it was burnt."""

    issued_nano: int
    emitted_nano: int  # of that: by epochs
    burnt_nano: int
