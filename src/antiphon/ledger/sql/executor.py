"""What each operation does inside one transaction. Checks first, then the rows; an exception undoes all of it.

1. Only `Deposit` is the operator's; every other operation acts for its sender alone. So a `Revoke` takes back a consent
   of its sender, whatever others call theirs.
2. Before an operation on a part, a deadline that has passed takes effect (and stays, even if the operation is refused).
3. When the last part of a task is final, the same transaction closes the task and signs its journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from antiphon.clock import Clock
from antiphon.economy import accounts
from antiphon.economy.quote import quote
from antiphon.economy.selection import sample
from antiphon.economy.settlement import withdrawable
from antiphon.economy.shortlist import Offers, shortlist
from antiphon.economy.types import Mode, Offer, Part, Quote, Role, Rules, Transfer
from antiphon.errors import AntiphonError, ConflictError, FundsError, InputError
from antiphon.ledger import appeals, flow, limits, machine, panel
from antiphon.ledger.epochs import ID_PREFIX
from antiphon.ledger.journal import LEDGER_JOURNAL, LEDGER_REVOKED, Journal
from antiphon.ledger.opening import LEDGER_OPEN, Opened, Opening, open_task, randomness
from antiphon.ledger.operations import (
    VOUCHER_KIND,
    Appeal,
    AssetOperation,
    Cancel,
    ClaimSession,
    Commit,
    Deposit,
    Endorse,
    EpochOperation,
    Heartbeat,
    OpenTask,
    Operation,
    Pay,
    Register,
    Retire,
    Revoke,
    Selector,
    SignBatch,
    Stake,
    Unstake,
    Voucher,
)
from antiphon.ledger.sql import (
    assets,
    batches,
    consents,
    epochs,
    judged,
    market,
    mirror,
    money,
    nodes,
    outcomes,
    records,
)
from antiphon.ledger.sql.worker import Session
from antiphon.protocol import canonical, receipt
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.consent import GrantRef
from antiphon.protocol.envelope import Envelope
from antiphon.protocol.identity import Identity

_MarketOperation: TypeAlias = Register | Retire | Heartbeat | Deposit | ClaimSession | SignBatch | Pay | Stake | Unstake


class _Call(msgspec.Struct, frozen=True):
    session: Session
    message: Envelope
    raw: bytes
    now_ms: int

    @property
    def sender(self) -> str:
        return self.message.sender


class OperationExecutor:
    """Applies operations: with the ledger's own keys, rules and clock, which is all that it needs besides the rows."""

    def __init__(self, operator: Identity, clock: Clock, rules: Rules, secret: bytes) -> None:
        self.operator, self.clock, self.rules, self.secret = operator, clock, rules, secret
        self.epochs = epochs.EpochKeeper(operator, clock, rules)

    def submit(self, session: Session, message: Envelope, raw: bytes, operation: Operation) -> AntiphonError | None:
        """Apply one verified operation. A refusal is returned, not raised: its answer is part of the transaction."""
        db, now_ms = session.db, self.clock.now_ms()
        try:
            if outcomes.recall(db, message, raw):
                return None
            outcomes.check_fresh(message, now_ms)
        except AntiphonError as e:
            return e
        if isinstance(operation, machine.PartOperation):
            self.tick(session, operation.task, operation.index)
        elif isinstance(operation, EpochOperation):
            self.epochs.catch_up(session)
        outcomes.prune(db, now_ms)
        changed = set(session.changed)
        db.execute("SAVEPOINT operation")
        try:
            self._apply(_Call(session, message, raw, now_ms), operation)
        except AntiphonError as e:
            if not outcomes.is_answer(e):
                raise
            db.execute("ROLLBACK TO operation")
            db.execute("RELEASE operation")
            session.changed = changed
            outcomes.refuse(db, message, raw, e, now_ms)
            return e
        db.execute("RELEASE operation")
        return None

    def tick(self, session: Session, task: str, index: int) -> bool:
        """Let a part's deadline take effect if it has passed (rule 2)."""
        now_ms = self.clock.now_ms()
        try:
            store = self._store(session, task, now_ms)
            if not machine.due(store.part(index), now_ms):
                return False
        except InputError:
            return False  # the operation itself will say that there is no such part
        flow.act(store, machine.Tick(), index=index, sender="", now_ms=now_ms)
        records.journal(session.db, task, now_ms, index, None, store.inputs)
        self._close_if_over(session, task, now_ms)
        return True

    def _store(self, session: Session, task: str, now_ms: int) -> records.SqlTaskStore:
        return records.SqlTaskStore(session, self.operator.node_id, task, self.rules, self.secret, now_ms)

    def price(self, session: Session, selector: Selector, parts: Sequence[Part]) -> Quote:
        """What opening a task would cost now."""
        opening = self._opening(session, selector, parts)
        producers = {Role(role): offers for role, offers in opening.producers.items()}
        return quote(parts, Offers(producers, opening.validators, self.rules))

    def candidates(self, session: Session, selector: Selector, role: Role) -> tuple[Offer, ...]:
        """Who a task with this selector would be drawn from."""
        session.index.refresh(session.db)
        found = session.index.choose(selector, role, now_ms=self.clock.now_ms())
        return assets.with_lineages(session.db, found)

    def has_passed(self, session: Session) -> bool:
        """Whether `let_pass` has something to do."""
        now_ms = self.clock.now_ms()
        passed = money.unbonded(session.db, now_ms) or nodes.silent(session.db, self.rules, now_ms)
        return bool(passed) or self.epochs.is_over(session)

    def let_pass(self, session: Session) -> None:
        """Stake whose time is over returns to its owner; nodes that were silent for too long leave; epochs go on."""
        db, now_ms = session.db, self.clock.now_ms()
        for node in money.unbonded(db, now_ms):
            money.release(db, node, at_ms=now_ms)
        nodes.forget(db, nodes.silent(db, self.rules, now_ms), self.rules, now_ms)
        self.epochs.turn(session)

    def _apply(self, call: _Call, operation: Operation) -> None:
        if getattr(operation, "task", call.message.task) != call.message.task:
            raise InputError("The operation and its envelope name different tasks", "Sign the envelope for the task.")
        match operation:
            case OpenTask():
                self._open(call, operation)
            case Cancel():
                self._on_task(call, operation, money.WHOLE_TASK)
            case Revoke():
                records.add_envelope(call.session.db, call.message, call.raw, call.now_ms, task_="")
                self._revoke(call, GrantRef(grantor=call.sender, id=operation.grant))
            case _ if isinstance(operation, AssetOperation):
                ledger = self.operator.node_id
                assets.apply(call.session.db, ledger, call.message, call.raw, operation, self.rules, call.now_ms)
                records.add_envelope(call.session.db, call.message, call.raw, call.now_ms, task_="")
            case _ if isinstance(operation, EpochOperation):
                self.epochs.apply(call.session, call.message, call.raw, operation)
            case _ if isinstance(operation, machine.PartOperation):
                self._on_task(call, operation, operation.index)
            case _:
                self._on_market(call, operation)
                kept = not isinstance(operation, Heartbeat | Register)  # of these only the last counts: see `nodes`
                records.add_envelope(call.session.db, call.message, call.raw, call.now_ms, task_="", kept=kept)

    def _on_market(self, call: _Call, operation: _MarketOperation) -> None:
        db, sender = call.session.db, call.sender
        match operation:
            case Register():
                nodes.register(db, call.message, operation, call.raw, call.now_ms, self.rules)
            case Retire():
                nodes.retire(db, sender, operation.role, self.rules)
            case Heartbeat():
                nodes.heartbeat(db, sender, operation, call.now_ms)
            case Deposit():
                self._deposit(call, operation)
            case ClaimSession():
                if not db.execute(
                    "SELECT 1 FROM mirrored WHERE name LIKE ?", (f"session:{operation.session}:%",)
                ).fetchone():
                    raise InputError("This ledger is no relay", "Its operator credits accounts: antiphon account.")
            case SignBatch():
                batches.expect_known(db, operation.batch)
            case Pay():
                target = accounts.balance(operation.account)
                _transfer(call, accounts.balance(sender), target, operation.amount_nano, "payment")
            case Stake():
                _transfer(call, accounts.balance(sender), accounts.stake(sender), operation.amount_nano, "stake")
            case Unstake():
                stake_nano, locked_nano = money.holds(db, accounts.stake(sender)), money.locked(db, sender)
                free_nano = withdrawable(stake_nano, locked_nano, self.rules)
                if operation.amount_nano > free_nano:
                    raise FundsError(
                        f"{sender} can take back {free_nano} nano of its stake, less than {operation.amount_nano}",
                        "Wait until running parts have released theirs.",
                    )
                _transfer(call, accounts.stake(sender), accounts.unbonding(sender), operation.amount_nano, "unstake")
                money.unbond(db, sender, due_ms=call.now_ms + self.rules.unbond_s * 1000)

    def _deposit(self, call: _Call, operation: Deposit) -> None:
        if call.sender != self.operator.node_id:  # rule 1
            raise InputError("Only the ledger's operator may deposit", f"The operator is {self.operator.node_id}.")
        issued_nano = -money.holds(call.session.db, accounts.ISSUED)
        if issued_nano + operation.amount_nano > limits.MAX_SUPPLY_NANO:
            raise FundsError(f"No more than {limits.MAX_SUPPLY_NANO} nano may exist, {issued_nano} do already")
        _transfer(call, accounts.ISSUED, accounts.balance(operation.account), operation.amount_nano, "deposit")

    def _open(self, call: _Call, operation: OpenTask) -> None:
        db = call.session.db
        if operation.task.startswith(ID_PREFIX):
            raise InputError(f"{operation.task} is no task's id: those of epochs begin so", "Choose a new random id.")
        if db.execute("SELECT 1 FROM tasks WHERE task = ?", (operation.task,)).fetchone():
            raise ConflictError(f"Task {operation.task} exists already", "Choose a new random id.")
        sponsor = self._sponsor(call, operation)
        seed, tips = randomness(self.secret, operation, call.raw)
        opening = self._opening(call.session, operation.selector, operation.parts, call.sender, sponsor, seed, tips)
        opened = open_task(self.operator.node_id, operation, call.sender, opening)
        if operation.payer and operation.mode is Mode.STREAM:
            dearest = max(part.assignment.reserve_nano for part in opened.parts)
            funds = mirror.allot(db, call.sender, operation.payer, len(opened.parts), dearest, call.now_ms // 1000)
            opening = msgspec.structs.replace(opening, funds=funds)
            opened = open_task(self.operator.node_id, operation, call.sender, opening)
        records.add_task(call.session, opened.record, opened.parts)
        if operation.synthetic:
            judged.sponsor(db, operation.task, sponsor)
        consents.rely(db, operation.task, opened.consents)
        money.move(db, [opened.lock], at_ms=call.now_ms, task=operation.task)
        _lock_stake(call, opened)
        records.add_envelope(db, call.message, call.raw, call.now_ms, task_=operation.task)
        self._sign(call.session, operation.task, LEDGER_OPEN, canonical.pack(opening))
        call.session.changed.update((operation.task, part.index) for part in operation.parts)

    def _sponsor(self, call: _Call, operation: OpenTask) -> str:
        """Whose task it is: the client's own, or that of the validator who vouches for it."""
        if not operation.synthetic:
            return call.sender
        sponsor = call.sender
        if operation.voucher:
            message = envelopes.verify_at(operation.voucher, self.operator.node_id, limit=limits.MAX_VOUCHER_BYTES)
            outcomes.check_fresh(message, call.now_ms)
            if message.kind != VOUCHER_KIND or canonical.decode(Voucher, message.body).client != call.sender:
                raise InputError("The voucher is not for this client", "Ask the validator for one.")
            sponsor = message.sender
        if not nodes.is_bonded(call.session.db, sponsor, Role.VALIDATOR, self.rules):
            raise InputError("Only a registered validator may open a synthetic task", "Stake and register first.")
        return sponsor

    def _opening(
        self,
        session: Session,
        selector: Selector,
        parts: Sequence[Part],
        client: str = "",
        sponsor: str = "",
        seed: bytes = b"",
        tips: tuple[bytes, ...] = (),
    ) -> Opening:
        """What the ledger knows now. A client neither works on nor judges its own task. Who vouches for it does not
        work on it; it may judge it like any other, or its absence from the pool would tell whose probe it is."""
        now_ms = self.clock.now_ms()
        session.index.refresh(session.db)

        def live(role: Role, units: int) -> tuple[Offer, ...]:
            without = (client,) if role is Role.VALIDATOR else (client, sponsor)
            found = session.index.choose(selector, role, now_ms=now_ms, units=units, without=without)
            found = assets.with_lineages(session.db, found)
            return market.conduct(session.db, found, selector.service, client, self.rules)

        largest = {part.role: part.units for part in sorted(parts, key=lambda part: part.units)}
        units = max(largest.values())
        validators = live(Role.VALIDATOR, units)
        if seed and len(validators) > self.rules.pool:
            validators = sample(shortlist(validators, units, self.rules), self.rules, seed)
        return Opening(
            opened_ms=now_ms,
            beacon=seed,
            rules=self.rules,
            producers={role.value: live(role, units) for role, units in sorted(largest.items())},
            validators=validators,
            tips=tips,
        )

    def _on_task(self, call: _Call, operation: machine.TaskOperation, index: int) -> None:
        task = operation.task
        store = self._store(call.session, task, call.now_ms)
        if isinstance(operation, Appeal):
            bond_nano = appeals.bond_of(store.part(index), appeals.find(store.part(index), operation.round))
            _expect_free(call, bond_nano, "An appeal")
        elif isinstance(operation, Commit) and operation.round >= appeals.JURY:
            _expect_free(call, appeals.at_risk(store.part(index), call.sender, self.rules), "A juror's vote")
        flow.act(store, operation, index=index, sender=call.sender, now_ms=call.now_ms)
        row = records.add_envelope(call.session.db, call.message, call.raw, call.now_ms, task_=task)
        records.journal(call.session.db, task, call.now_ms, index, row, store.inputs)
        if isinstance(operation, Endorse):
            batches.endorse(call.session.db, operation)
        self._close_if_over(call.session, task, call.now_ms)

    def _revoke(self, call: _Call, ref: GrantRef) -> None:
        """Each task that relies on the consent ends, and its evidence gets the grantor's own words."""
        session, now_ms = call.session, call.now_ms
        if not consents.revoke(session.db, ref, now_ms):
            return
        for task in consents.relying(session.db, ref):
            store = self._store(session, task, now_ms)
            flow.act(store, machine.Withdraw(), index=money.WHOLE_TASK, sender="", now_ms=now_ms)
            row = self._sign(session, task, LEDGER_REVOKED, call.raw)
            records.journal(session.db, task, now_ms, money.WHOLE_TASK, row)
            self._close_if_over(session, task, now_ms)

    def _close_if_over(self, session: Session, task: str, now_ms: int) -> None:
        """Rule 3."""
        if not records.is_over(session.db, task):
            return
        state = flow.closing_state(records.states(session.db, task))
        assert state is not None, "a task without open parts has an end state"
        records.close_task(session.db, task, state, now_ms)
        consents.release(session.db, task)
        journal = Journal(entries=records.entries(session.db, task), state=state, closed_ms=now_ms)
        self._sign(session, task, LEDGER_JOURNAL, canonical.pack(journal))
        raw = receipt.close(self.operator, task, records.evidence(session.db, task), self.clock)
        records.add_envelope(session.db, canonical.parse(Envelope, raw), raw, now_ms, task_=task)

    def _sign(self, session: Session, task: str, kind: str, body: bytes) -> int:
        """Add the ledger's own word to a task's evidence; its row number."""
        own = self.operator
        raw = envelopes.sign(own, kind=kind, receiver=own.node_id, task=task, body=body, clock=self.clock)
        return records.add_envelope(session.db, canonical.parse(Envelope, raw), raw, self.clock.now_ms(), task_=task)


def _transfer(call: _Call, source: str, target: str, amount_nano: int, why: str) -> None:
    moved = Transfer(source=source, target=target, amount_nano=amount_nano, why=why)
    money.move(call.session.db, [moved], at_ms=call.now_ms)


def _lock_stake(call: _Call, opened: Opened) -> None:
    rules = opened.facts.rules
    held: Counter[str] = Counter()
    busy: Counter[tuple[str, Role]] = Counter()
    for part in opened.parts:
        held.update(panel.locks(part, rules))
        busy.update(panel.active(part))
    market.hold(call.session.db, call.sender, held)
    market.load(call.session.db, Counter(), busy)
    money.lock(call.session.db, held, at_ms=call.now_ms, task=opened.facts.task, part=money.WHOLE_TASK)


def _expect_free(call: _Call, nano: int, what: str) -> None:
    db, sender = call.session.db, call.sender
    free_nano = money.holds(db, accounts.stake(sender)) - money.locked(db, sender)
    if free_nano < nano:
        raise FundsError(f"{what} puts {nano} nano of stake at risk, {sender} has {free_nano} free")
