"""A small market on any ledger: parties with keys, and the operations they sign."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from antiphon.clock import Clock
from antiphon.economy.beacon import Chain
from antiphon.economy.measurement import Measurement
from antiphon.economy.types import NANO, Mode, Part, Reading, Role, Rules, Verdict, Vote
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import (
    Commit,
    Deliver,
    Deposit,
    DrawSeats,
    Heartbeat,
    OpenTask,
    Operation,
    Register,
    Reveal,
    Selector,
    ServiceOffer,
    Stake,
)
from antiphon.ledger.panel import commitment, pool_hash, seats
from antiphon.ledger.records import PartRecord
from antiphon.protocol import canonical, envelope
from antiphon.protocol.consent import Grant, Use, sign_grant
from antiphon.protocol.identity import Identity

SPEECH = Selector(service="speech", language="en-us")
CLONE = Selector(service="clone", language="en-us")
SALT = b"s" * 16
VALID = Vote(
    verdict=Verdict.VALID,
    score_ppm=800_000,
    measurements=(Measurement(judge="content", name="wer", unit="ratio", value=0.05),),
    readings=(Reading(key="content.sureness", value=-1_234),),
)
INVALID = Vote(verdict=Verdict.INVALID, score_ppm=50_000)
UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
ABSENT = Vote(verdict=Verdict.ABSENT, score_ppm=None)


def party(name: str) -> Identity:
    return Identity.from_seed(hashlib.sha256(name.encode()).digest())


OPERATOR = party("operator")
CLIENT = party("client")
ADA = party("ada")


def consent(
    clock: Clock,
    *,
    grantor: Identity | None = None,
    grantee: str = "",
    begins_s: int = 0,
    lasts_s: int = 10**7,
    **more: int,
) -> bytes:
    """A signed grant of Ada's, or of somebody else."""
    begin_ms = clock.now_ms() + 1000 * begins_s
    grant = Grant(
        subject="Ada",
        references=(b"r" * 32,),
        uses=tuple(Use),
        grantee=grantee,
        not_before_ms=begin_ms,
        until_ms=begin_ms + 1000 * lasts_s,
        **more,
    )
    return sign_grant(grantor or ADA, grant, clock)


def task_id(number: int) -> str:
    return hashlib.sha256(b"task %d" % number).hexdigest()[:32]


@dataclass
class Market:
    """Signs for everybody. `last` is the envelope sent last, for sending it again."""

    ledger: Ledger
    clock: Clock
    producers: int = 3
    validators: int = 7
    people: dict[str, Identity] = field(default_factory=dict)
    last: bytes = b""

    def __post_init__(self) -> None:
        names = [f"producer {i}" for i in range(self.producers)] + [f"validator {i}" for i in range(self.validators)]
        everybody = [OPERATOR, CLIENT, ADA, *map(party, names)]
        self.people = {identity.node_id: identity for identity in everybody}

    def sign(self, who: str | Identity, operation: Operation) -> bytes:
        identity = self.people[who] if isinstance(who, str) else who
        self.last = envelope.sign(
            identity,
            kind="ledger",
            receiver=OPERATOR.node_id,
            task=getattr(operation, "task", ""),
            body=canonical.encode(operation),
            clock=self.clock,
        )
        return self.last

    async def do(self, who: str | Identity, operation: Operation) -> None:
        await self.ledger.submit(self.sign(who, operation))

    async def fund(self, who: Identity, nano: int = 1_000 * NANO) -> None:
        await self.do(OPERATOR, Deposit(account=who.node_id, amount_nano=nano))

    async def join(self, who: Identity, role: Role, price_nano: int, *, stake_nano: int = 100 * NANO) -> None:
        await self.fund(who, stake_nano)
        await self.do(who, Stake(amount_nano=stake_nano))
        speech = ServiceOffer(service="speech", price_nano=price_nano, languages=("en",))
        offers = (speech, ServiceOffer(service="clone", price_nano=price_nano, languages=("en",)))
        await self.do(
            who, Register(role=role, offers=offers, seal_key=who.seal_public, endpoint=f"test:{who.node_id[:8]}")
        )

    async def beat(self, who: Identity, *, role: Role = Role.PROCESSOR, live: bool = True) -> None:
        await self.do(who, Heartbeat(role=role, endpoint=f"test:{who.node_id[:8]}", live=live))

    async def found(self) -> None:
        """Fund the client and register everybody."""
        await self.fund(CLIENT)
        for i in range(self.producers):
            await self.join(party(f"producer {i}"), Role.PROCESSOR, 1_000 + i)
        for i in range(self.validators):
            await self.join(party(f"validator {i}"), Role.VALIDATOR, 100)

    async def open(
        self, task: str, *, units: Sequence[int] = (100,), mode: Mode = Mode.VERIFIED, **more: object
    ) -> None:
        parts = tuple(Part(index=i, units=n) for i, n in enumerate(units))
        fields = {"parts": parts, "selector": SPEECH, "max_total_nano": 900 * NANO} | more
        fields = {"tips": tuple(chain(task, part.index).tip for part in fields["parts"])} | fields  # type: ignore[attr-defined]
        await self.do(CLIENT, OpenTask(task=task, mode=mode, request_hash=bytes(32), **fields))  # type: ignore[arg-type]

    async def deliver(self, task: str, index: int = 0, *, draws: bool = True, **more: object) -> PartRecord:
        """The producer delivers and, unless `draws` is false, the client opens its link for the seats."""
        record = await self.ledger.part(task, index)
        await self.do(producer(record), delivery(record, **more))
        return await self.draw(task, index) if draws else await self.ledger.part(task, index)

    async def draw(self, task: str, index: int = 0) -> PartRecord:
        record = await self.ledger.part(task, index)
        client = (await self.ledger.task(task)).client
        await self.do(client, drawing(record, await self.rules(task)))
        return await self.ledger.part(task, index)

    async def rules(self, task: str) -> Rules:
        return (await self.ledger.task(task)).rules

    async def commit(self, task: str, index: int, who: str, vote: Vote) -> None:
        record = await self.ledger.part(task, index)
        await self.do(who, committed(record, who, vote))

    async def reveal(self, task: str, index: int, who: str, vote: Vote) -> None:
        record = await self.ledger.part(task, index)
        await self.do(who, Reveal(task=task, index=index, round=record.round, vote=vote, salt=SALT))

    async def judge(self, task: str, index: int = 0, votes: Sequence[Vote] = (VALID, VALID, VALID)) -> PartRecord:
        """The seats of the round commit and reveal `votes`, in the order of their draw."""
        seats = seated(await self.ledger.part(task, index))
        for who, vote in zip(seats, votes, strict=True):
            await self.commit(task, index, who, vote)
        for who, vote in zip(seats, votes, strict=True):
            await self.reveal(task, index, who, vote)
        return await self.ledger.part(task, index)


def producer(record: PartRecord) -> str:
    return record.assignment.producers[record.attempt].node


def seated(record: PartRecord) -> list[str]:
    """Who was drawn for the record's round."""
    return [seat.node for seat in seats(record)]


def chain(task: str, index: int) -> Chain:
    """The client's chain for one part."""
    return Chain(hashlib.sha256(f"chain {task} {index}".encode()).digest())


def drawing(record: PartRecord, rules: Rules, **more: object) -> DrawSeats:
    """The client's next link."""
    fields = {"link": chain(record.task, record.part.index).link(record.round), "pool_hash": pool_hash(record, rules)}
    place = {"task": record.task, "index": record.part.index, "attempt": record.attempt, "round": record.round}
    return DrawSeats(**(place | fields | more))  # type: ignore[arg-type]


def delivery(record: PartRecord, **more: object) -> Deliver:
    fields = {"result_hash": b"r" * 32, "size": 48_000, "rate_hz": 24_000, "channels": 1} | more
    return Deliver(task=record.task, index=record.part.index, attempt=record.attempt, **fields)  # type: ignore[arg-type]


def committed(record: PartRecord, who: str, vote: Vote, salt: bytes = SALT) -> Commit:
    task, index, round_ = record.task, record.part.index, record.round
    digest = commitment(vote, salt, validator=who, task=task, index=index, round=round_)
    return Commit(task=task, index=index, round=round_, commitment=digest)
