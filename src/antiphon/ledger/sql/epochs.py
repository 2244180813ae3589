"""Epochs as rows: what `ledger.epochs` allows, inside one transaction each."""

from __future__ import annotations

import msgspec

from antiphon.clock import Clock
from antiphon.economy import accounts
from antiphon.economy.epochs import Bonds, EpochRules
from antiphon.economy.types import NANO, Rules
from antiphon.errors import ConflictError, FundsError, InputError
from antiphon.ledger import epochs, limits
from antiphon.ledger.epochs import EpochRecord, EpochState, Member, Standing, Weights, epoch_id
from antiphon.ledger.operations import CallEpoch, CommitWeights, EpochOperation, RevealWeights, SetEpochRules
from antiphon.ledger.sql import judged, money, records
from antiphon.ledger.sql.database import Connection
from antiphon.ledger.sql.worker import Session
from antiphon.protocol import canonical, receipt
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.envelope import MAX_AGE_MS, Envelope
from antiphon.protocol.identity import Identity

CHANGES = ("epoch", 0)
"""What changes, to who waits, when the open epoch does."""
KEPT = 500
"""Epochs whose evidence is kept: about 25 days of the default."""

_VALIDATORS = """
SELECT u.uid, n.node, s.nano, n.live <> 0 AND n.seen_ms >= :alive_ms FROM nodes n
JOIN uids u ON u.node = n.node JOIN accounts s ON s.name = 'stake:' || n.node
WHERE n.role = 'validator' AND s.nano >= :min_stake ORDER BY s.nano DESC, u.uid LIMIT :most
"""

_RICHER = """
SELECT count(*) FROM nodes n JOIN uids u ON u.node = n.node JOIN accounts s ON s.name = 'stake:' || n.node
WHERE n.role = 'validator' AND (s.nano > :nano OR
  (s.nano = :nano AND u.uid < (SELECT uid FROM uids WHERE node = :node)))
"""
_MEMBERS = """
SELECT u.uid, u.node, u.since_ms, coalesce(s.nano, 0),
  EXISTS (SELECT 1 FROM nodes n WHERE n.node = u.node AND n.role = 'validator')
FROM uids u LEFT JOIN accounts s ON s.name = 'stake:' || u.node WHERE u.uid > ? ORDER BY u.uid LIMIT ?
"""


def read(db: Connection, number: int = 0) -> EpochRecord:
    """An epoch; 0: the open one. Raises InputError."""
    asked = number if 0 <= number < 1 << 53 else -1
    row = db.execute(
        "SELECT record FROM epochs WHERE number = CASE ? WHEN 0 THEN (SELECT max(number) FROM epochs) ELSE ? END",
        (asked, asked),
    ).fetchone()
    if row is None:
        raise InputError(f"There is no epoch {number} on this ledger", "They count from 1; see: antiphon epoch show")
    return canonical.parse(EpochRecord, row[0])


def is_closed(db: Connection, id_: str) -> bool:
    """Whether it is a closed epoch's id. Raises ConflictError for the open one's, InputError once evidence is gone."""
    row = db.execute("SELECT record FROM epochs WHERE id = ?", (id_,)).fetchone()
    if row is None:
        return False
    record = canonical.parse(EpochRecord, row[0])
    if record.state is not EpochState.CLOSED:
        raise ConflictError(f"Epoch {record.number} is still open", "Its evidence is handed out once it is closed.")
    if record.number + KEPT < read(db).number:
        raise InputError(f"The evidence of epoch {record.number} is kept no more", f"Of the last {KEPT} it is.")
    return True


def members(db: Connection, after: int, limit: int, rules: Rules) -> tuple[Member, ...]:
    """Registered identities by uid."""
    rows = db.execute(_MEMBERS, (after, limit))
    return tuple(
        Member(uid=uid, node=node, since_ms=since_ms, validator=True, stake_nano=nano)
        if is_validator and nano >= rules.min_stake_nano
        else Member(uid=uid, node=node, since_ms=since_ms)
        for uid, node, since_ms, nano, is_validator in rows
    )


class EpochKeeper:
    """Applies what belongs to epochs, with the ledger's own key, rules and clock."""

    def __init__(self, operator: Identity, clock: Clock, rules: Rules) -> None:
        self._operator, self._clock, self._rules = operator, clock, rules

    def begin(self, db: Connection) -> None:
        """Open the first epoch, unless there is one."""
        if not db.execute("SELECT 1 FROM epochs").fetchone():
            self._open(db, 1, 0, self._clock.now_ms())

    def catch_up(self, session: Session) -> None:
        """Before an operation: a phase whose time has passed is over, whatever the operation says."""
        if 0 < read(session.db).deadline_ms <= self._clock.now_ms():
            self.turn(session)

    def is_over(self, session: Session) -> bool:
        """Whether the open epoch's present phase is over (rules 2 and 3)."""
        record, now_ms = read(session.db), self._clock.now_ms()
        if 0 < record.deadline_ms <= now_ms:
            return True
        if record.state is EpochState.REVEALING:
            return len(record.revealed) == len(record.committed)
        return bool(record.committed) and record.is_due(now_ms) and self._all_committed(session.db, record)

    def turn(self, session: Session) -> None:
        """End the present phase if it is over, and with the last one the epoch."""
        if not self.is_over(session):
            return
        record = read(session.db)
        now_ms = self._now_ms(session.db, record)
        if record.state is EpochState.COMMITTING:
            self._keep(session, msgspec.structs.replace(record, state=EpochState.REVEALING, committed_ms=now_ms))
        else:
            self._close(session, record, now_ms)

    def apply(self, session: Session, message: Envelope, raw: bytes, operation: EpochOperation) -> None:
        """One operation, and what follows from it at once."""
        record = read(session.db)
        now_ms = self._now_ms(session.db, record)
        if isinstance(operation, SetEpochRules):
            self._expect_operator(message.sender)
            session.db.execute("UPDATE meta SET value = ? WHERE key = 'epochs'", (canonical.pack(operation.rules),))
            records.add_envelope(session.db, message, raw, now_ms, task_="")
            self._keep(session, msgspec.structs.replace(record, coming=operation.rules))
            return
        number = operation.weights.epoch if isinstance(operation, RevealWeights) else operation.epoch
        if number != record.number:
            raise ConflictError(
                f"Epoch {number} is {'closed' if number < record.number else 'not open yet'}: "
                f"the open one is {record.number}",
                "Nothing was changed; take part in the open one.",
            )
        if message.task != record.id:
            raise InputError("The operation and its envelope name different epochs", f"Sign it for {record.id}.")
        if now_ms > message.time_ms + MAX_AGE_MS:  # the executor found it fresh by the clock
            raise ConflictError(
                f"The ledger's clock ran back: this epoch was at {now_ms - message.time_ms} ms later already",
                "Nothing was changed; try again when it has caught up.",
            )
        match operation:
            case CallEpoch():
                self._expect_operator(message.sender)
                record = msgspec.structs.replace(record, called=True)
            case CommitWeights():
                record = self._commit(session.db, record, message.sender, operation, now_ms)
            case RevealWeights():
                record = self._reveal(session.db, record, message.sender, operation, raw)
        records.add_envelope(session.db, message, raw, now_ms, task_=record.id)
        self._keep(session, record)
        self.turn(session)

    def _commit(
        self, db: Connection, record: EpochRecord, node: str, operation: CommitWeights, now_ms: int
    ) -> EpochRecord:
        """Rule 2."""
        if record.state is not EpochState.COMMITTING:
            raise ConflictError(f"The time to commit in epoch {record.number} is over", "Commit in the next one.")
        self._expect_permit(db, record, node)
        row = db.execute("SELECT commits FROM weights WHERE node = ? AND epoch = ?", (node, record.number)).fetchone()
        commits = row[0] + 1 if row else 1
        if commits > epochs.MAX_COMMITS:
            raise ConflictError(f"{node} has committed {commits - 1} times in this epoch", "The last one counts.")
        (committers,) = db.execute("SELECT count(*) FROM weights WHERE epoch = ?", (record.number,)).fetchone()
        if row is None and committers >= epochs.MAX_COMMITTERS:
            raise ConflictError(f"{committers} validators have committed in this epoch", "Commit in the next one.")
        db.execute(
            "INSERT INTO weights VALUES (?, ?, ?, ?, NULL) ON CONFLICT (node, epoch) DO UPDATE SET "
            "commits = excluded.commits, commitment = excluded.commitment, revealed = NULL",
            (node, record.number, commits, operation.commitment),
        )
        able = {one for _, one, _, _ in self._permitted(db, record)}
        others = tuple(one for one in record.committed if one != node and one in able)
        first_ms = record.first_commit_ms or now_ms
        return msgspec.structs.replace(record, committed=(*others, node), first_commit_ms=first_ms)

    def _reveal(
        self, db: Connection, record: EpochRecord, node: str, operation: RevealWeights, raw: bytes
    ) -> EpochRecord:
        """Rule 3."""
        if node not in record.committed:
            raise ConflictError(
                f"{node} has committed to no weights in epoch {record.number}, or lost its permit to more stake",
                "Commit in the next one.",
            )
        if record.state is EpochState.COMMITTING:
            raise ConflictError(
                "Others can still commit", "Reveal when the time to commit is over: nobody copies then."
            )
        if node in record.revealed:
            raise ConflictError(f"{node} has revealed its weights of this epoch already", "They count.")
        (expected,) = db.execute(
            "SELECT commitment FROM weights WHERE node = ? AND epoch = ?", (node, record.number)
        ).fetchone()
        ledger = self._operator.node_id
        if epochs.commitment(operation.weights, operation.salt, validator=node, ledger=ledger) != expected:
            raise InputError(
                "These are not the weights and the salt that were committed to",
                "The commitment stands: reveal what belongs to it.",
            )
        newest = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'uids'").fetchone()[0]
        epochs.check_weights(operation.weights, record, newest)
        db.execute("UPDATE weights SET revealed = ? WHERE node = ? AND epoch = ?", (raw, node, record.number))
        return msgspec.structs.replace(record, revealed=(*record.revealed, node))

    def _now_ms(self, db: Connection, record: EpochRecord) -> int:
        """The clock, which does not run back within an epoch: no time is paid for twice, and receipts stay in order."""
        latest_ms: int
        (latest_ms,) = db.execute(
            "SELECT coalesce(max(at_ms), 0) FROM envelopes WHERE task = ?", (record.id,)
        ).fetchone()
        return max(self._clock.now_ms(), record.opened_ms, record.committed_ms, latest_ms)

    def _expect_operator(self, sender: str) -> None:
        if sender != self._operator.node_id:
            raise InputError("Only the ledger's operator may do this", f"The operator is {self._operator.node_id}.")

    def _expect_permit(self, db: Connection, record: EpochRecord, node: str) -> None:
        held = money.holds(db, accounts.stake(node))
        if not db.execute("SELECT 1 FROM nodes WHERE node = ? AND role = 'validator'", (node,)).fetchone():
            raise InputError(f"{node} is no registered validator", "Stake and register first.")
        if held < self._rules.min_stake_nano:
            raise FundsError(
                f"A validator sets weights with a stake of {self._rules.min_stake_nano / NANO:g} ANT, "
                f"and this one has {held / NANO:g}",
                "Stake more.",
            )
        (richer,) = db.execute(_RICHER, {"node": node, "nano": held}).fetchone()
        if richer >= record.rules.permits:
            raise FundsError(
                f"{node} has no permit: {record.rules.permits} validators have more stake", "Stake more, or wait."
            )

    def _permitted(self, db: Connection, record: EpochRecord) -> list[tuple[int, str, int, int]]:
        """(uid, node, stake, live)."""
        values = {
            "alive_ms": self._clock.now_ms() - self._rules.live_s * 1000,
            "min_stake": self._rules.min_stake_nano,
            "most": record.rules.permits,
        }
        return db.execute(_VALIDATORS, values).fetchall()

    def _all_committed(self, db: Connection, record: EpochRecord) -> bool:
        committed, permitted = set(record.committed), self._permitted(db, record)
        stake_nano = sum(nano for _, node, nano, _ in permitted if node in committed)
        enough = 2 * stake_nano > sum(nano for _, _, nano, _ in permitted)
        return enough and all(node in committed for _, node, _, live in permitted if live)

    def _keep(self, session: Session, record: EpochRecord) -> EpochRecord:
        kept = msgspec.structs.replace(record, version=record.version + 1)
        session.db.execute(
            "UPDATE epochs SET record = ?, emission_nano = ? WHERE number = ?",
            (canonical.pack(kept), kept.emission_nano, kept.number),
        )
        session.changed.add(CHANGES)
        return kept

    def _open(self, db: Connection, number: int, version: int, now_ms: int) -> None:
        (rules,) = db.execute("SELECT value FROM meta WHERE key = 'epochs'").fetchone()
        record = EpochRecord(
            number=number,
            id=epoch_id(self._operator.node_id, number),
            state=EpochState.COMMITTING,
            rules=canonical.parse(EpochRules, rules),
            opened_ms=now_ms,
            version=version,
        )
        row = (number, record.id, canonical.pack(record))
        db.execute("INSERT INTO epochs (number, id, record) VALUES (?, ?, ?)", row)

    def _close(self, session: Session, record: EpochRecord, now_ms: int) -> None:
        """Rule 4: pay, sign, and open the next one."""
        db = session.db
        revealed = self._revealed(db, record, now_ms)
        standing = Standing(
            number=record.number,
            rules=record.rules,
            opened_ms=record.opened_ms,
            committed_ms=record.committed_ms,
            closed_ms=now_ms,
            room_nano=max(0, limits.MAX_SUPPLY_NANO + money.holds(db, accounts.ISSUED)),
            owner=self._operator.node_id,
            members=members(db, -1, -1, self._rules),
            applied_ms=_applied(db, record.id),
            bonds=_bonds(db),
            evidence=judged.read(db, record.number, record.rules.evidence_epochs),
            paid_sha256=b"",
        )
        settled = epochs.settle(standing, revealed)
        standing = msgspec.structs.replace(standing, paid_sha256=settled.paid_sha256)
        if settled.transfers:
            issue, *paid = settled.transfers
            money.move(db, [issue], at_ms=now_ms, task=record.id)
            money.pay_out(db, paid, at_ms=now_ms, task=record.id)
            money.end(db, issue.target)
        db.execute("DELETE FROM bonds")
        kept = [(service, canonical.pack(bonds)) for service, bonds in settled.computed.bonds.items()]
        db.executemany("INSERT INTO bonds VALUES (?, ?)", kept)
        self._sign(db, record.id, epochs.LEDGER_EPOCH, canonical.pack(standing), now_ms)
        raw = receipt.close(self._operator, record.id, records.evidence(db, record.id), self._clock)
        records.add_envelope(db, canonical.parse(Envelope, raw), raw, now_ms, task_=record.id)
        amount_nano = settled.computed.emission_nano
        closed = self._keep(
            session,
            msgspec.structs.replace(record, state=EpochState.CLOSED, closed_ms=now_ms, emission_nano=amount_nano),
        )
        self._open(db, record.number + 1, closed.version + 1, now_ms)
        _forget(db, record.number - KEPT, self._operator.node_id)

    def _revealed(self, db: Connection, record: EpochRecord, now_ms: int) -> dict[str, Weights]:
        """The newest weights of each validator with a permit; those of earlier epochs are carried into the evidence."""
        permitted = {node for _, node, _, _ in self._permitted(db, record)}
        rows = db.execute(
            "SELECT w.node, w.revealed, w.epoch FROM weights w JOIN (SELECT node, max(epoch) AS epoch FROM weights "
            "WHERE revealed IS NOT NULL AND epoch >= ? GROUP BY node) newest "
            "ON newest.node = w.node AND newest.epoch = w.epoch ORDER BY w.node",
            (record.number - record.rules.cutoff_epochs,),
        ).fetchall()
        found: dict[str, Weights] = {}
        for node, raw, number in rows:
            if number != record.number and node not in permitted:
                continue
            found[node] = canonical.parse(RevealWeights, canonical.parse(Envelope, raw).body).weights
            if number != record.number:
                self._sign(db, record.id, epochs.LEDGER_CARRIED, raw, now_ms)
        return found

    def _sign(self, db: Connection, id_: str, kind: str, body: bytes, now_ms: int) -> None:
        own = self._operator
        raw = envelopes.sign(own, kind=kind, receiver=own.node_id, task=id_, body=body, clock=self._clock)
        records.add_envelope(db, canonical.parse(Envelope, raw), raw, now_ms, task_=id_)


def _applied(db: Connection, id_: str) -> tuple[int, ...]:
    rows = db.execute("SELECT at_ms FROM envelopes WHERE task = ? AND raw IS NOT NULL ORDER BY seq", (id_,))
    return tuple(at_ms for (at_ms,) in rows)


def _bonds(db: Connection) -> dict[str, Bonds]:
    rows = db.execute("SELECT service, held FROM bonds ORDER BY service")
    return {service: canonical.parse(Bonds, held) for service, held in rows}


def _forget(db: Connection, number: int, ledger: str) -> None:
    """The evidence of an epoch that nobody asks for any more."""
    if number > 0:
        db.execute("UPDATE envelopes SET raw = NULL WHERE task = ?", (epoch_id(ledger, number),))
        db.execute("DELETE FROM weights WHERE epoch <= ?", (number,))
