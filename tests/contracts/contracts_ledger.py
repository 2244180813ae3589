"""The embedded ledger beside the contracts: its own tables, money and state machine, driven by the chain's clock.

What it has beyond the chain is set aside: signatures, hold fees, failovers, appeals, and its own draw. Who sits follows
from the chain's draw, which the pool is narrowed to (decision record 25).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from antiphon.economy import accounts
from antiphon.economy.beacon import Chain
from antiphon.economy.settlement import withdrawable
from antiphon.economy.types import PPM, Assignment, Candidate, Mode, Part, Quote, Rules, Terms, Transfer, Vote
from antiphon.errors import FundsError, InputError
from antiphon.ledger import flow, limits, machine, panel
from antiphon.ledger.operations import Commit, Deliver, DrawSeats, Reveal, Selector
from antiphon.ledger.records import PartRecord, PartState, TaskRecord, TaskState
from antiphon.ledger.sql import files, market, money, records
from antiphon.ledger.sql.offers import OfferIndex
from antiphon.ledger.sql.worker import Session

LINKS = Chain(bytes(32))
"""Of both sides: they draw nothing here."""
SALT = b"s" * 16


class ChainDraws(records.SqlTaskStore):
    """A task whose seats the chain draws."""

    def left_out(self, record: PartRecord, /) -> tuple[str, ...]:
        return ()

    def link(self, record: PartRecord, /) -> bytes:
        return LINKS.link(record.round)


class EmbeddedLedger:
    """Tasks are numbers and nodes addresses, as on the chain; times are the chain's, in ms."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._folder = tempfile.TemporaryDirectory()
        self._db = files.prepare(Path(self._folder.name) / "ledger.db")
        self._session = Session(self._db, OfferIndex(bytes(32), rules))

    def close(self) -> None:
        self._db.close()
        self._folder.cleanup()

    # What anybody can ask

    def holds(self, account: str) -> int:
        return money.holds(self._db, account)

    def locked(self, node: str) -> int:
        return money.locked(self._db, node)

    def part(self, task: int) -> PartRecord:
        return records.part(self._db, name(task), 0)

    # What changes it: all of it, or nothing

    def move(self, source: str, target: str, nano: int) -> None:
        if nano <= 0:
            raise InputError("there is nothing to move")
        with self._whole():
            money.move(self._db, [Transfer(source=source, target=target, amount_nano=nano, why="test")], at_ms=0)

    def unstake(self, node: str, nano: int) -> None:
        free = withdrawable(self.holds(accounts.stake(node)), self.locked(node), self.rules)
        if nano > free:
            raise FundsError(f"only {free} nano are free")
        self.move(accounts.stake(node), accounts.unbonding(node), nano)

    def open(
        self, task: int, client: str, purse: str, producer: Terms, fees: Mapping[str, int], reserve: int, now_ms: int
    ) -> None:
        """Out of the account `purse`, which is what a session is on the chain; `fees` by who may be drawn."""
        producer = msgspec.structs.replace(producer, node=str(producer.node))
        judges = tuple(Candidate(node=str(node), price_nano=fee, quality_ppm=PPM) for node, fee in fees.items())
        assignment = Assignment(index=0, producers=(producer,), validators=judges, reserve_nano=reserve)
        part = PartRecord(
            task=name(task),
            part=Part(index=0, units=1),
            state=PartState.ASSIGNED,
            assignment=assignment,
            deadline_ms=now_ms + self.rules.deliver_s * 1000,
            remaining_nano=reserve,
            client_tip=LINKS.tip,
            ledger_tip=LINKS.tip,
        )
        record = TaskRecord(
            task=name(task),
            client=str(client),
            selector=Selector(service="speech"),
            mode=Mode.VERIFIED,
            state=TaskState.OPEN,
            quote=Quote(parts=()),
            rules=self.rules,
            request_hash=bytes(32),
            beacon=bytes(32),
            opened_ms=now_ms,
        )
        escrow = Transfer(source=purse, target=accounts.escrow(name(task)), amount_nano=reserve, why="escrow")
        with self._whole():
            money.move(self._db, [escrow], at_ms=now_ms, task=name(task))
            records.add_task(self._session, record, [part])
            held = panel.locks(part, self.rules)
            market.hold(self._db, str(client), held)
            money.lock(self._db, held, at_ms=now_ms, task=name(task), part=0)
            market.load(self._db, Counter(), panel.active(part))

    def act(self, task: int, event: machine.TaskOperation | machine.Tick, sender: str, now_ms: int) -> None:
        """Raises what the ledger would answer."""
        if not isinstance(event, machine.Tick):
            limits.check(event)
        with self._whole():
            flow.act(self._store(task, now_ms), event, index=0, sender=str(sender), now_ms=now_ms)
            if records.is_over(self._db, name(task)):
                state = flow.closing_state(records.states(self._db, name(task)))
                assert state is not None
                records.close_task(self._db, name(task), state, now_ms)

    def deliver(self, task: int, producer: str, now_ms: int) -> None:
        done = Deliver(
            task=name(task), index=0, attempt=0, result_hash=bytes(32), size=48_000, rate_hz=24_000, channels=1
        )
        self.act(task, done, producer, now_ms)

    def draw(self, task: int, client: str, seats: Sequence[str], now_ms: int) -> None:
        """Seat whom the chain has drawn; `seats` may be empty where it refused to draw."""
        record = self.part(task)
        if record.state is PartState.DRAWING and seats:
            others = tuple(one.node for one in record.assignment.validators if one.node not in seats)
            narrowed = msgspec.structs.replace(record, left_out=others)
            with self._whole():
                self._store(task, now_ms).keep(record, machine.Step(record=narrowed))
            record = narrowed
        pool = panel.pool_hash(record, self.rules)
        place = {"task": name(task), "index": 0, "attempt": record.attempt, "round": record.round}
        self.act(task, DrawSeats(link=LINKS.link(record.round), pool_hash=pool, **place), client, now_ms)

    def commit(self, task: int, node: str, vote: Vote, now_ms: int) -> None:
        round_ = self.part(task).round
        digest = panel.commitment(vote, SALT, validator=node, task=name(task), index=0, round=round_)
        self.act(task, Commit(task=name(task), index=0, round=round_, commitment=digest), node, now_ms)

    def reveal(self, task: int, node: str, vote: Vote, now_ms: int) -> None:
        shown = Reveal(task=name(task), index=0, round=self.part(task).round, vote=vote, salt=SALT)
        self.act(task, shown, node, now_ms)

    def tick(self, task: int, now_ms: int) -> None:
        self.act(task, machine.Tick(), "", now_ms)

    def _store(self, task: int, now_ms: int) -> ChainDraws:
        return ChainDraws(self._session, "ledger", name(task), self.rules, bytes(32), now_ms)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            assert self._db.execute("SELECT nano FROM supply").fetchone() == (0,), "money is conserved"
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def name(task: int) -> str:
    return f"{task:032x}"
