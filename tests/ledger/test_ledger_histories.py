"""Random histories: whatever anybody does in whatever order, also across reopened files, money and stake add up."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger_market import (
    ABSENT,
    ADA,
    CLIENT,
    CLONE,
    INVALID,
    OPERATOR,
    SALT,
    UNSURE,
    VALID,
    Market,
    chain,
    committed,
    consent,
    delivery,
    drawing,
    producer,
    seated,
    task_id,
)

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Mode, Rules, Verdict, Vote
from antiphon.errors import ConflictError, FundsError, InputError, ProtocolError, UnavailableError
from antiphon.ledger import appeals, panel
from antiphon.ledger.operations import (
    Appeal,
    Cancel,
    Commit,
    Decline,
    Deposit,
    Expose,
    Operation,
    Reveal,
    Revoke,
    Skip,
    Stake,
    Unstake,
)
from antiphon.ledger.panel import commitment
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.ledger.showings import SHOWN, Shown
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical, envelope
from antiphon.protocol.consent import grant_id

RULES = Rules(live_s=10**7, deliver_s=60, draw_s=60, commit_s=60, reveal_s=60, failovers=1)
ANSWERS = (ConflictError, FundsError, InputError, UnavailableError)
VOTES = st.sampled_from([VALID, VALID, VALID, INVALID, UNSURE, ABSENT])
_FOUNDED: dict[str, Path] = {}


async def _found(path: Path) -> None:
    clock = ManualClock()
    ledger = await SqlLedger.open(path, operator=OPERATOR, clock=clock, rules=RULES)
    await Market(ledger, clock, producers=3, validators=6).found()
    await ledger.close()


def founded() -> Path:
    """A ledger file with a market on it, made once and then copied."""
    if "path" not in _FOUNDED:
        path = Path(tempfile.mkdtemp()) / "founded.db"
        asyncio.run(_found(path))
        _FOUNDED["path"] = path
    return _FOUNDED["path"]


class Histories(RuleBasedStateMachine):
    """Clients, producers and validators that behave, err and cheat, on one ledger file."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.db"
        self.tasks: list[str] = []
        self.sent: list[bytes] = []
        self.refused: dict[bytes, str] = {}
        self.audited: set[str] = set()
        self.votes: dict[tuple[str, int, int, str], Vote] = {}
        self.consents: list[bytes] = []
        self.revoked: set[bytes] = set()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        shutil.copy(founded(), self.path)
        self.clock = ManualClock()
        self.issued = 1_000 * NANO + 9 * 100 * NANO
        self.open_ledger()

    def open_ledger(self) -> None:
        self.ledger = self.run(SqlLedger.open(self.path, operator=OPERATOR, clock=self.clock, rules=RULES))
        self.market = Market(self.ledger, self.clock, producers=3, validators=6)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def send(self, who: str, operation: Operation) -> bool:
        """Whether the ledger took it. A refusal must be one of the answers that `submit` may give."""
        raw = self.market.sign(who, operation)
        self.sent.append(raw)
        try:
            self.run(self.ledger.submit(raw))
        except ANSWERS as e:
            self.refused[raw] = str(e)
            return False
        return True

    def part(self, data: st.DataObject, *states: PartState) -> PartRecord | None:
        """Any part of any task, preferably in one of the states."""
        records = [record for task in self.tasks for record in self.run(self.ledger.parts(task))]
        wanted = [record for record in records if record.state in states] or records
        return data.draw(st.sampled_from(wanted)) if wanted else None

    @rule(units=st.lists(st.integers(1, 5_000), min_size=1, max_size=2), mode=st.sampled_from(list(Mode)))
    def open_task(self, units: list[int], mode: Mode) -> None:
        task = task_id(len(self.tasks))
        try:
            self.run(self.market.open(task, units=units, mode=mode))
        except (FundsError, UnavailableError):
            return
        self.tasks.append(task)

    @rule(
        data=st.data(),
        units=st.lists(st.integers(1, 5_000), min_size=1, max_size=2),
        lasts_s=st.sampled_from([30, 10**7]),
    )
    def open_task_with_consent(self, data: st.DataObject, units: list[int], lasts_s: int) -> None:
        self.consents.append(consent(self.clock, lasts_s=lasts_s))
        grants = data.draw(st.lists(st.sampled_from(self.consents), max_size=3, unique=True))
        task = task_id(len(self.tasks))
        try:
            self.run(self.market.open(task, units=units, selector=CLONE, grants=tuple(grants)))
        except (FundsError, UnavailableError, InputError):
            return
        assert grants, "the service needs a consent"
        assert not self.revoked & set(grants), "a revoked consent opens nothing"
        self.tasks.append(task)

    @rule(data=st.data(), mine=st.integers(0, 3))
    def revoke(self, data: st.DataObject, mine: int) -> None:
        """Mostly one that is in use."""
        used = [ref.id for task in self.tasks for ref in self.run(self.ledger.task(task)).grants]
        wanted = [raw for raw in self.consents if grant_id(raw) in used] or self.consents
        if wanted:
            raw = data.draw(st.sampled_from(wanted))
            if self.send(ADA.node_id if mine else CLIENT.node_id, Revoke(grant=grant_id(raw))) and mine:
                self.revoked.add(raw)

    @rule(units=st.integers(1, 5_000), delivers=st.booleans())
    def change_of_mind(self, units: int, delivers: bool) -> None:
        """The ordinary course of a revocation, so that histories often have one."""
        raw, task = consent(self.clock), task_id(len(self.tasks))
        self.consents.append(raw)
        try:
            self.run(self.market.open(task, units=(units, units), selector=CLONE, grants=(raw,)))
        except (FundsError, UnavailableError):
            return
        self.tasks.append(task)
        if delivers:
            record = self.run(self.ledger.part(task, 0))
            assert self.send(producer(record), delivery(record))
        assert self.send(ADA.node_id, Revoke(grant=grant_id(raw)))
        self.revoked.add(raw)

    @rule(data=st.data(), honest=st.integers(0, 9))
    def deliver(self, data: st.DataObject, honest: int) -> None:
        if record := self.part(data, PartState.ASSIGNED):
            who = producer(record) if honest else data.draw(st.sampled_from(sorted(self.market.people)))
            taken = self.send(who, delivery(record))
            assert not (taken and record.state is not PartState.ASSIGNED), "only an assigned part is delivered"
            assert not (taken and who != producer(record)), "only by its producer"

    @rule(data=st.data(), honest=st.integers(0, 9), late=st.integers(-1, 9))
    def draw_seats(self, data: st.DataObject, honest: int, late: int) -> None:
        if record := self.part(data, PartState.DRAWING):
            who = CLIENT.node_id if honest else data.draw(st.sampled_from(sorted(self.market.people)))
            link = chain(record.task, record.part.index).link(max(0, record.round + min(late, 0)))
            taken = self.send(who, drawing(record, RULES, link=link))
            assert not (taken and record.state is not PartState.DRAWING), "only a delivered part has its seats drawn"
            assert not (taken and (who != CLIENT.node_id or (late < 0 and record.round))), "only by its next link"

    @rule(data=st.data(), vote=VOTES)
    def commit(self, data: st.DataObject, vote: Vote) -> None:
        if record := self.part(data, PartState.DELIVERED):
            self.vote(record, data.draw(st.sampled_from(seated(record) or [CLIENT.node_id])), vote)

    @rule(data=st.data(), votes=st.lists(VOTES, min_size=3, max_size=3))
    def all_commit(self, data: st.DataObject, votes: list[Vote]) -> None:
        if record := self.part(data, PartState.DELIVERED):
            for seat, vote in zip(seated(record), votes, strict=False):
                self.vote(record, seat, vote)

    def vote(self, record: PartRecord, who: str, vote: Vote) -> None:
        taken = self.send(who, committed(record, who, vote))
        assert not (taken and who in record.commits), "nobody votes twice in a round"
        if taken:
            self.votes[record.task, record.part.index, record.round, who] = vote

    @rule(data=st.data(), honest=st.integers(0, 9), hides=st.integers(0, 5))
    def reveal(self, data: st.DataObject, honest: int, hides: int) -> None:
        if record := self.part(data, PartState.REVEALING):
            task, index, round_ = record.task, record.part.index, record.round
            for who in sorted(record.commits)[hides == 0 :]:
                true = self.votes[task, index, round_, who]
                vote = true if honest else UNSURE
                taken = self.send(who, Reveal(task=task, index=index, round=round_, vote=vote, salt=SALT))
                assert not (taken and vote != true), "only the committed vote can be revealed"

    @rule(data=st.data(), votes=st.lists(st.sampled_from([VALID, VALID, INVALID]), min_size=3, max_size=3))
    def work_and_judge(self, data: st.DataObject, votes: list[Vote]) -> None:
        """The ordinary course of one part, so that histories also get far."""
        record = self.part(data, PartState.ASSIGNED)
        if record is None or not self.send(producer(record), delivery(record)):
            return
        record = self.run(self.ledger.part(record.task, record.part.index))
        if record.state.final or not self.send(CLIENT.node_id, drawing(record, RULES)):
            return
        record = self.run(self.ledger.part(record.task, record.part.index))
        seats = seated(record)
        for who, vote in zip(seats, votes, strict=False):
            self.vote(record, who, vote)
        for who, vote in zip(seats, votes, strict=False):
            task, index, round_ = record.task, record.part.index, record.round
            assert self.send(who, Reveal(task=task, index=index, round=round_, vote=vote, salt=SALT))

    @rule(data=st.data(), honest=st.integers(0, 9))
    def appeal(self, data: st.DataObject, honest: int) -> None:
        found = [(part, dispute) for part in self.parts() for dispute in part.disputes]
        if found:
            record, dispute = data.draw(st.sampled_from(found))
            able = sorted(appeals.may_appeal(record, dispute))
            who = data.draw(st.sampled_from(able if honest else sorted(self.market.people)))
            taken = self.send(who, Appeal(task=record.task, index=record.part.index, round=dispute.round))
            assert not (taken and who not in able), "only who is fined appeals"

    @rule(data=st.data(), votes=st.lists(VOTES, min_size=3, max_size=3), hides=st.integers(0, 5))
    def jury_votes(self, data: st.DataObject, votes: list[Vote], hides: int) -> None:
        found = [(part, dispute) for part in self.parts() for dispute in part.disputes if dispute.appellant]
        if not found:
            return
        record, dispute = data.draw(st.sampled_from(found))
        task, index, round_ = record.task, record.part.index, appeals.JURY + dispute.round
        cast = dict(zip(dispute.jury, votes, strict=False))
        for who, vote in cast.items():
            digest = commitment(vote, SALT, validator=who, task=task, index=index, round=round_)
            self.send(who, Commit(task=task, index=index, round=round_, commitment=digest))
        for who, vote in list(cast.items())[hides == 0 :]:
            self.send(who, Reveal(task=task, index=index, round=round_, vote=vote, salt=SALT))

    def parts(self) -> list[PartRecord]:
        return [part for task in self.tasks for part in self.run(self.ledger.parts(task))]

    @rule(data=st.data(), lies=st.booleans())
    def expose(self, data: st.DataObject, lies: bool) -> None:
        """A seat publishes what the producer signed: something else than it delivered, or the very same."""
        record = self.part(data, PartState.DELIVERED, PartState.REVEALING)
        if record is None or not seated(record) or record.delivery is None:
            return
        told = Shown(
            index=record.part.index,
            attempt=record.attempt,
            validator=seated(record)[0],
            result_hash=b"o" * 32 if lies else record.delivery.result_hash,
        )
        maker = self.market.people[producer(record)]
        raw = envelope.sign(
            maker,
            kind=SHOWN,
            receiver=OPERATOR.node_id,
            task=record.task,
            body=canonical.encode(told),
            clock=self.clock,
        )
        exposing = Expose(task=record.task, index=record.part.index, round=record.round, shown=raw)
        assert not (self.send(seated(record)[0], exposing) and not lies), "the same is no proof"

    @rule(data=st.data(), patience=st.integers(0, 2))
    def give_up(self, data: st.DataObject, patience: int) -> None:
        if patience == 0 and (record := self.part(data, PartState.ASSIGNED)):
            task, index, attempt = record.task, record.part.index, record.attempt
            if data.draw(st.booleans()):
                self.send(producer(record), Decline(task=task, index=index, attempt=attempt, reason="busy"))
            else:
                self.send(CLIENT.node_id, Skip(task=task, index=index, attempt=attempt, reason="silent"))

    @rule(data=st.data(), mine=st.integers(0, 9), patience=st.integers(0, 3))
    def cancel(self, data: st.DataObject, mine: int, patience: int) -> None:
        if self.tasks and patience == 0:
            who = CLIENT.node_id if mine else OPERATOR.node_id
            self.send(who, Cancel(task=data.draw(st.sampled_from(self.tasks))))

    @rule(data=st.data(), nano=st.integers(1, 60 * NANO), deed=st.sampled_from([Stake, Unstake]))
    def move_stake(self, data: st.DataObject, nano: int, deed: Any) -> None:
        self.send(data.draw(st.sampled_from(sorted(self.market.people))), deed(amount_nano=nano))

    @rule(nano=st.integers(1, NANO))
    def deposit(self, nano: int) -> None:
        if self.send(OPERATOR.node_id, Deposit(account=CLIENT.node_id, amount_nano=nano)):
            self.issued += nano

    @rule(seconds=st.sampled_from([1.0, 1.0, 10.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.run(self.ledger.expire())

    @rule(seconds=st.sampled_from([1.0, 5.0, 61.0]))
    def wait_unnoticed(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def crash_and_reopen(self) -> None:
        self.run(self.ledger.close())
        self.open_ledger()

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if not self.sent:
            return
        raw = data.draw(st.sampled_from(self.sent))
        before = self.picture()
        answer = ""
        try:
            self.run(self.ledger.submit(raw))
        except ProtocolError as e:
            answer = f"too old: {e}"
        except ANSWERS as e:
            answer = str(e)
        assert answer.startswith("too old") or answer == self.refused.get(raw, ""), "the first answer, again"
        assert self.picture() == before, "a repeated envelope changes nothing"

    def picture(self) -> bytes:
        accounts = [self.run(self.ledger.account(owner)) for owner in sorted(self.market.people)]
        return canonical.pack([accounts, [self.run(self.ledger.parts(task)) for task in self.tasks]])

    @invariant()
    def money_adds_up(self) -> None:
        db = sqlite3.connect(self.path)
        rows = dict(db.execute("SELECT name, nano FROM accounts").fetchall())
        moved = db.execute("SELECT source, target, nano FROM transfers").fetchall()
        db.close()
        assert sum(rows.values()) == 0
        assert rows.pop("issued") == -self.issued
        assert all(nano >= 0 for nano in rows.values())
        booked: dict[str, int] = {}
        for source, target, nano in moved:
            booked[source] = booked.get(source, 0) - nano
            booked[target] = booked.get(target, 0) + nano
        booked.pop("issued")
        assert {k: v for k, v in booked.items() if v} == {k: v for k, v in rows.items() if v}

    @invariant()
    def stake_covers_what_is_locked(self) -> None:
        for owner in self.market.people:
            account = self.run(self.ledger.account(owner))
            assert account.stake_nano >= account.locked_nano >= 0

    @invariant()
    def escrow_is_what_remains_of_open_parts(self) -> None:
        held = 0
        for task in self.tasks:
            record = self.run(self.ledger.task(task))
            parts = self.run(self.ledger.parts(task))
            remaining = sum(part.remaining_nano for part in parts)
            if record.state is TaskState.OPEN:
                held += remaining
                assert any(not part.settled for part in parts)
            else:
                assert remaining == 0
                assert all(part.settled for part in parts)
        assert self.run(self.ledger.account(CLIENT.node_id)).escrow_nano == held

    @invariant()
    def nothing_is_begun_under_a_revoked_consent(self) -> None:
        revoked = {grant_id(raw) for raw in self.revoked}
        for raw in self.consents:
            assert self.run(self.ledger.revoked(ADA.node_id, grant_id(raw))) == (raw in self.revoked)
        for task in self.tasks:
            if revoked & {ref.id for ref in self.run(self.ledger.task(task)).grants}:
                for part in self.run(self.ledger.parts(task)):
                    assert part.state not in {PartState.WAITING, PartState.ASSIGNED}
                    assert part.state.final or part.notes[-1] == "consent revoked"

    @invariant()
    def nobody_is_paid_twice_for_a_part(self) -> None:
        for task in self.tasks:
            for part in self.run(self.ledger.parts(task)):
                verdicts = [ruling.outcome.verdict for ruling in part.rulings]
                assert verdicts.count(Verdict.VALID) == (part.state is PartState.VALID)
                decided = [ruling.attempt for ruling in part.rulings if ruling.outcome.verdict]
                assert len(decided) == len(set(decided)), "a delivery is decided once"

    @invariant()
    def closed_tasks_pass_the_audit(self) -> None:
        for task in self.tasks:
            if task not in self.audited and self.run(self.ledger.task(task)).state is not TaskState.OPEN:
                audit(self.run(build(self.ledger, task)), ledger=OPERATOR.node_id)
                self.audited.add(task)

    @invariant()
    def what_clients_hold_is_what_is_locked(self) -> None:
        db = sqlite3.connect(self.path)
        held = dict(db.execute("SELECT node, sum(nano) FROM holds GROUP BY node HAVING sum(nano) > 0").fetchall())
        locked = dict(db.execute("SELECT node, nano FROM locked WHERE nano > 0").fetchall())
        seats = db.execute("SELECT task, idx, node FROM seats ORDER BY task, idx, node").fetchall()
        db.close()
        assert held == locked
        parts = [part for task in self.tasks for part in self.run(self.ledger.parts(task))]
        sitting = [(part.task, part.part.index, seat.node) for part in parts for seat in panel.sitting(part)]
        assert seats == sorted(sitting)

    @invariant()
    def nothing_is_locked_or_busy_when_all_is_closed(self) -> None:
        if all(self.run(self.ledger.task(task)).state is not TaskState.OPEN for task in self.tasks):
            assert all(self.run(self.ledger.account(owner)).locked_nano == 0 for owner in self.market.people)
            db = sqlite3.connect(self.path)
            assert db.execute("SELECT coalesce(sum(parts), 0) FROM loads").fetchone()[0] == 0
            db.close()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=30, suppress_health_check=list(HealthCheck))
