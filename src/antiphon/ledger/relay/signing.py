"""A party's side of a batch: everything that the relay says is computed again, and signed only if it is the same.

1. Each task's evidence is audited (`WatchedLedger` holds it against the book), and each claim of a session verified.
2. Addresses, sessions and what is settled of them are the chain's. What follows must be what the relay asks to sign.
3. A task is signed in one batch at a time: in another one only when the chain shows that the one before has expired and
   was not settled. What was signed is on disk before the signature is given away.
4. What our own tasks earned and the chain has not paid yet must be there, as our balance at the relay
   (`check_balance`). So whoever takes it off the book without settling it is noticed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from antiphon.economy import accounts
from antiphon.errors import AntiphonError, ConflictError, InputError, ProtocolError, StateError, UnavailableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.batches import Batch
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.operations import SignBatch
from antiphon.ledger.receipts import AuditReport, audit
from antiphon.ledger.records import PartRecord, TaskRecord
from antiphon.ledger.relay import heads, netting
from antiphon.ledger.relay.facts import Facts
from antiphon.protocol import canonical
from antiphon.protocol.receipt import Receipt

MAX_LASTS_S = 3_600
"""Longest time that a batch may be settled in, from the newest block on."""
MAX_TASKS = 1_000
_HINT = "Do not use this relay any more: what it holds back is settled by quorum (antiphon chain settle)."
_SCHEMA = """
CREATE TABLE IF NOT EXISTS signed (
  party TEXT NOT NULL, task TEXT NOT NULL, net BLOB NOT NULL, settled INTEGER NOT NULL, PRIMARY KEY (party, task)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS earned (
  node TEXT NOT NULL, task TEXT NOT NULL, nano INTEGER NOT NULL, settled INTEGER NOT NULL, PRIMARY KEY (node, task)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS named (
  session INTEGER NOT NULL, part INTEGER NOT NULL, task TEXT NOT NULL, idx INTEGER NOT NULL, attempt INTEGER NOT NULL,
  PRIMARY KEY (session, part), UNIQUE (session, task, idx, attempt)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cases (
  task TEXT NOT NULL, idx INTEGER NOT NULL, record BLOB NOT NULL, opened BLOB NOT NULL, PRIMARY KEY (task, idx)
) WITHOUT ROWID;
"""
log = logging.getLogger("antiphon")


class SigningStore:
    """What was signed and earned, on disk. Processes share the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(self._open()) as db:
                db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as e:
            raise StateError(f"{file} cannot be used: {e}", "Check its owner, its mode and the disk.") from e

    def statement(self, party: str, task: str) -> tuple[netting.Net, bool] | None:
        """(what a party has signed last for a task, whether it was settled)."""
        with closing(self._open()) as db:
            row = db.execute("SELECT net, settled FROM signed WHERE party = ? AND task = ?", (party, task)).fetchone()
        return None if row is None else (canonical.parse(netting.Net, row[0]), bool(row[1]))

    def sign(self, party: str, tasks: Iterable[str], net: netting.Net) -> None:
        raw = canonical.pack(net)
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO signed VALUES (?, ?, ?, 0)", [(party, task, raw) for task in tasks])
            db.execute("COMMIT")

    def earn(self, node: str, task: str, nano: int) -> None:
        with closing(self._open()) as db:
            db.execute("INSERT OR IGNORE INTO earned VALUES (?, ?, ?, 0)", (node, task, nano))

    def settle(self, tasks: Sequence[str]) -> None:
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            for table in ("signed", "earned"):
                db.executemany(f"UPDATE {table} SET settled = 1 WHERE task = ?", [(task,) for task in tasks])  # noqa: S608
            db.execute("COMMIT")

    def unsettled(self, node: str) -> dict[str, int]:
        """What a node's tasks have earned that the chain has not paid, by task, in nano."""
        with closing(self._open()) as db:
            rows = db.execute("SELECT task, nano FROM earned WHERE node = ? AND settled = 0", (node,))
            return {task: int(nano) for task, nano in rows}

    def known(self, node: str) -> set[str]:
        with closing(self._open()) as db:
            return {task for (task,) in db.execute("SELECT task FROM earned WHERE node = ?", (node,))}

    def name_part(self, session: int, parts: int, task: str, index: int, attempt: int) -> int | None:
        """A part of the session for this attempt, the same when asked again: of the second quarter, from the middle
        down. None: they are all named."""
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            row = db.execute(
                "SELECT part FROM named WHERE session = ? AND task = ? AND idx = ? AND attempt = ?",
                (session, task, index, attempt),
            ).fetchone()
            lowest = db.execute("SELECT min(part) FROM named WHERE session = ?", (session,)).fetchone()[0]
            part = int(row[0]) if row else (parts // 2 if lowest is None else int(lowest)) - 1
            if not row and part >= parts // 4:
                db.execute("INSERT INTO named VALUES (?, ?, ?, ?, ?)", (session, part, task, index, attempt))
            db.execute("COMMIT")
        return part if part >= parts // 4 else None

    def keep_case(self, task: TaskRecord, record: PartRecord) -> None:
        values = record.task, record.part.index, canonical.pack(record), canonical.pack(task)
        with closing(self._open()) as db:
            db.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?)", values)

    def cases(self, task: str) -> list[tuple[TaskRecord, PartRecord]]:
        """What was kept of a task whose id begins so."""
        with closing(self._open()) as db:
            rows = db.execute("SELECT opened, record FROM cases WHERE substr(task, 1, ?) = ?", (len(task), task))
            return [(canonical.parse(TaskRecord, one[0]), canonical.parse(PartRecord, one[1])) for one in rows]

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level=None, timeout=10.0)


class Signer:
    """Signs a relay's batches with one chain key. `ledger` is watched: it checks what it passes on."""

    def __init__(self, ledger: Ledger, facts: Facts, key: Key, store: SigningStore) -> None:
        self._ledger, self._facts, self._key, self._store = ledger, facts, key, store

    async def check(self, batch: Batch) -> netting.Net:
        """The statement, computed anew (rules 1 to 3). Raises ProtocolError when it is another than the relay's."""
        contracts, relay = self._facts.contracts, await self._ledger.identity()
        if not 0 < len(batch.tasks) <= MAX_TASKS:
            raise ProtocolError(f"Batch {batch.number} has {len(batch.tasks)} tasks", _HINT)
        head = await contracts.rpc.block("latest")
        if not head.time_s < batch.expires_s <= head.time_s + MAX_LASTS_S:
            raise ConflictError(f"Batch {batch.number} expires at {batch.expires_s}", "Wait for another one.")
        for task in batch.tasks:
            await self._expect_free(task)
        reports = [await self._audited(relay, task) for task in batch.tasks]
        sessions, cost = {}, netting.costs(reports, [claim.account for claim in batch.claims])
        named = netting.named_parts(reports, {claim.account: claim.session for claim in batch.claims})
        for claim in batch.claims:
            found = await self._facts.session(claim.session, "latest")
            content = heads.claim(relay, claim.account, claim.session)
            if heads.signer(heads.typed(contracts.chain, content), claim.signature).lower() != found.client.lower():
                raise ProtocolError(f"Session {claim.session} was not given to {claim.account[:8]}", _HINT)
            sessions[claim.account] = await netting.purse(
                contracts.quorum, claim.session, cost[claim.account], named[claim.account]
            )
        net = netting.propose(reports, await self._addresses(reports, sessions), sessions, batch.expires_s, named)
        if netting.digest(contracts.quorum, contracts.chain.chain_id, net) != batch.digest:
            raise ProtocolError(f"Batch {batch.number} is not what its tasks' evidence says", "It is not signed.")
        return net

    async def attend(self) -> list[SignBatch]:
        """What is to be submitted now: a signature for each batch that waits for ours and is right. One that is not is
        told, and not signed."""
        made = []
        for batch in await self._ledger.batches():
            party = self._key.address
            if party not in batch.parties or party in batch.signed:
                continue
            try:
                net = await self.check(batch)
            except UnavailableError:
                raise
            except AntiphonError as e:
                log.warning("batch %d of the relay is not signed: %s", batch.number, e)
                continue
            self._store.sign(party, batch.tasks, net)
            contracts = self._facts.contracts
            r, vs = netting.sign(contracts.quorum, contracts.chain.chain_id, net, self._key)
            made.append(SignBatch(batch=batch.number, signature=r.to_bytes(32) + vs.to_bytes(32)))
        return made

    async def _expect_free(self, task: str) -> None:
        """Rule 3."""
        before = self._store.statement(self._key.address, task)
        if before is None:
            return
        net, settled = before
        contracts = self._facts.contracts
        final = await contracts.rpc.final(contracts.chain.confirmations)
        if settled or await self._facts.netted(net, final.number) is not None:
            raise ConflictError(f"Task {task} was settled already", "It is not signed twice.")
        if final.time_s < net.expires_s:
            raise ConflictError(f"Task {task} is in a batch that has not expired", "Wait until it has.")

    async def _audited(self, relay: str, task: str) -> AuditReport:
        envelopes = await self._ledger.evidence(task)
        return audit(Receipt(ledger=relay, task=task, envelopes=envelopes), ledger=relay)

    async def _addresses(self, reports: Sequence[AuditReport], sessions: dict[str, netting.Purse]) -> dict[str, str]:
        """Rule 2. Who has a session is paid by the address that opened it."""
        prefix, found = accounts.balance(""), {}
        for account in {account for report in reports for account in report.net_nano}:
            node = account.removeprefix(prefix)
            if not account.startswith(prefix) or node in sessions:
                continue
            address = await self._facts.address(node)
            if address is None:
                raise InputError(f"The chain knows no address of {node[:8]}", "The relay leaves its tasks out.")
            found[node] = address
        return found


class Balance:
    """Rule 4: one node's money at a relay, held against its own tasks. `party`: the address of its chain key; without
    one it has signed nothing, so nothing of it can have been settled."""

    def __init__(self, ledger: Ledger, facts: Facts, node: str, party: str, store: SigningStore) -> None:
        self._ledger, self._facts, self._node, self._party, self._store = ledger, facts, node, party, store

    async def check(self, tasks: Iterable[str]) -> int:
        """What these tasks of ours have earned, as far as it is not settled, in nano; those that are open are passed
        over. Raises ProtocolError when the relay has less of it. While a task of our own holds money nothing is said.
        """
        tasks = list(tasks)
        await self._remember(tasks)
        gains = {task for task, nano in self._store.unsettled(self._node).items() if nano > 0}
        account = await self._ledger.account(self._node)
        await self._remember(tasks)
        await self._follow()
        earned = self._earned(gains)
        if not account.escrow_nano and account.balance_nano < earned:
            await self._by_quorum(gains)
            earned = self._earned(gains)
        if not account.escrow_nano and account.balance_nano < earned:
            raise ProtocolError(
                f"The relay gives {self._node[:8]} {account.balance_nano} nano, its tasks that are not settled have "
                f"earned {earned}",
                _HINT,
            )
        return sum(self._store.unsettled(self._node).values())

    def _earned(self, gains: set[str]) -> int:
        return sum(nano for task, nano in self._store.unsettled(self._node).items() if nano < 0 or task in gains)

    async def _by_quorum(self, tasks: Iterable[str]) -> None:
        """What the chain has settled alone, by votes or by a voucher, is no more the relay's to pay."""
        relay, contracts = await self._ledger.identity(), self._facts.contracts
        head = await contracts.rpc.number("eth_blockNumber")
        for task in tasks:
            report = audit(Receipt(ledger=relay, task=task, envelopes=await self._ledger.evidence(task)), ledger=relay)
            alone = [await self._facts.spent_nano(*place, head) is not None for place in report.named]
            alone += [await contracts.quorum.read("is_settled", *place) for *place, _ in report.drawn]
            if any(alone):
                self._store.settle([task])

    async def _remember(self, tasks: Iterable[str]) -> None:
        relay, known = await self._ledger.identity(), self._store.known(self._node)
        for task in tasks:
            if not task or task in known:
                continue
            try:
                envelopes = await self._ledger.evidence(task)
            except (ConflictError, InputError):
                continue  # still open, or never opened
            report = audit(Receipt(ledger=relay, task=task, envelopes=envelopes), ledger=relay)
            self._store.earn(self._node, task, report.net_nano.get(accounts.balance(self._node), 0))

    async def _follow(self) -> None:
        """Settled is what we have signed and the chain tells; not what the relay says."""
        head = await self._facts.contracts.rpc.number("eth_blockNumber")
        places: dict[bytes, bool] = {}
        for task in self._store.unsettled(self._node):
            found = self._store.statement(self._party, task)
            if found is None:
                continue
            net, _ = found
            key = canonical.pack(net)
            if key not in places:
                places[key] = await self._facts.netted(net, head) is not None
            if places[key]:
                self._store.settle([task])
