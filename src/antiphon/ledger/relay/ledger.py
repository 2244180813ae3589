"""The relay: the SQL ledger with its powers taken away.

1. Nobody deposits, pays, stakes, unstakes or issues here: balances are sessions, stakes are bonds, and both are the
   chain's.
2. A node registers only if the chain has it, in this role, bound both ways, with its bond.
3. A session is spent by one account on this relay, which the session's client has named, and no more an hour before it
   expires. One account has one at a time: claiming the next ends the one before, whose rest is on the chain.
4. No task is opened out of a session that was spent behind the relay's back (`backing`).
5. Everything applied has a place in the book, and the relay signs how far the book goes. Each place is signed once.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

from antiphon.clock import Clock
from antiphon.economy import accounts
from antiphon.errors import AntiphonError, ConflictError, InputError
from antiphon.ledger import limits
from antiphon.ledger.base import Ledger
from antiphon.ledger.book import BookPage
from antiphon.ledger.evm.contracts import Event, checked_address
from antiphon.ledger.evm.cursor import Cursor
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.limits import MAX_OPERATION_BYTES
from antiphon.ledger.operations import (
    CallEpoch,
    ClaimSession,
    CommitWeights,
    Deposit,
    OpenTask,
    Operation,
    Pay,
    Register,
    RevealWeights,
    SetEpochRules,
    SignBatch,
    Stake,
    Unstake,
)
from antiphon.ledger.queries import ListBatches, Query, ReadBook
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.backing import Backing
from antiphon.ledger.relay.facts import Bond, Facts, expect_node
from antiphon.ledger.relay.settling import Batches, ByQuorum
from antiphon.ledger.sql import SqlLedger, batches, mirror
from antiphon.ledger.sql import book as pages
from antiphon.ledger.sql.worker import Session
from antiphon.ledger.vouchers import SETTLE_S, Funds
from antiphon.protocol import canonical
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.envelope import Envelope

T = TypeVar("T")
_ON_CHAIN = "Money and stakes are on the chain: antiphon chain deposit, session, stake."


class RelayLedger(Ledger):
    """`Ledger` over a SqlLedger and a chain. Call `follow` often: it takes in what became final."""

    def __init__(self, store: SqlLedger, facts: Facts, cursor: Cursor, key: Key, clock: Clock) -> None:
        self._store, self._facts, self._cursor, self._key, self._clock = store, facts, cursor, key, clock
        self._bonds: dict[str, Bond] = {}  # by node
        self._fresh: set[str] = set()  # addresses that were read at the final block that is being taken in
        self._at = -1
        self._backing = Backing(store, facts, clock)
        self._batches, self._by_quorum = Batches(store, facts), ByQuorum(store, facts, clock)

    async def identity(self) -> str:
        return await self._store.identity()

    async def submit(self, envelope: bytes) -> None:
        match _peek(envelope):
            case Deposit() | Pay() | Stake() | Unstake():
                raise InputError("A relay moves no money of its own accord", _ON_CHAIN)
            case CommitWeights() | RevealWeights() | CallEpoch() | SetEpochRules():
                raise InputError("A relay issues no money and has no epochs", "Emission is the token's, on the chain.")
            case Register() as operation:
                limits.check(operation)
                node = envelopes.verify_at(envelope, await self.identity(), limit=MAX_OPERATION_BYTES).sender
                minimum = self._store.rules.min_stake_nano
                expect_node(self._bonds.get(node), node, operation.role, minimum)
            case ClaimSession() as operation:
                account = envelopes.verify_at(envelope, await self.identity(), limit=MAX_OPERATION_BYTES).sender
                await self._claim(account, operation)
            case OpenTask():
                client = envelopes.verify_at(envelope, await self.identity(), limit=MAX_OPERATION_BYTES).sender
                await self._backing.expect(client)
            case SignBatch() as operation:
                limits.check(operation)
                envelopes.verify_at(envelope, await self.identity(), limit=MAX_OPERATION_BYTES)
                await self._batches.sign(operation)
        await self._store.submit(envelope)

    async def read(self, query: Query[T]) -> T:
        if isinstance(query, ReadBook):
            return cast("T", await self._page(query.after, query.limit))
        if isinstance(query, ListBatches):
            return cast("T", await self._batches.listed(query.task))
        return await self._store.read(query)

    async def expire(self) -> int:
        return await self._store.expire()

    async def close(self) -> None:
        await self._store.close()

    async def follow(self) -> None:
        """Take in what the chain has made final: bonds that changed, sessions that end. Raises what the chain raises;
        then nothing is lost, and the next call goes on."""
        await self._cursor.catch_up(self._apply)
        if not self._bonds:
            await self._recall()
        now_s = self._cursor.final_s
        ending = [
            (name, account)
            for name, (account, _) in (await self._store.write(lambda s: mirror.applied(s.db, "session:"))).items()
            if now_s >= int(name.split(":")[2]) - SETTLE_S
        ]

        def end(session: Session) -> None:
            for name, account in ending:
                self._end(session, name, account)
            mirror.catch_up(session.db, at_ms=self._clock.now_ms())
            batches.catch_up(session.db, at_ms=self._clock.now_ms())

        await self._store.write(end)
        await self._by_quorum.take_off(self._cursor.final_block)

    async def _apply(self, event: Event) -> None:
        if event.contract == "quorum" and event.name in {"Settled", "Redeemed"}:
            await self._by_quorum.note(event.values["session"], event.values["part"])
        if event.contract not in {"registry", "quorum"} or "node" not in event.values:
            return
        await self._refresh(event.values["node"])

    async def _refresh(self, address: str) -> None:
        """What the chain says of this node now: its bond is its stake here."""
        if self._at != self._cursor.final_block:
            self._at, self._fresh = self._cursor.final_block, set()
        if address in self._fresh:
            return
        found = await self._facts.bond(address, self._at)
        before = [one for one in self._bonds.values() if one.address == address]
        now_ms = self._clock.now_ms()

        def keep(session: Session) -> None:
            for one in before:
                if found is None or one.node != found.node:
                    mirror.put(session.db, f"bond:{one.address}:{one.node}", accounts.stake(one.node), 0, at_ms=now_ms)
            if found is not None and found.role != "relay":
                account = accounts.stake(found.node)
                mirror.put(session.db, f"bond:{address}:{found.node}", account, found.nano, at_ms=now_ms)

        await self._store.write(keep)
        for one in before:
            del self._bonds[one.node]
        if found is not None:
            self._bonds[found.node] = found
        self._fresh.add(address)

    async def _recall(self) -> None:
        """After a restart: read every node again that is mirrored here."""
        for name in await self._store.write(lambda s: mirror.applied(s.db, "bond:")):
            await self._refresh(name.split(":")[1])

    async def _claim(self, account: str, operation: ClaimSession) -> None:
        """Rule 3. The credit comes first: a relay that is killed in between is sent the same envelope again."""
        try:
            found = await self._facts.session(operation.session, self._cursor.final_block)
        except InputError:
            await self.follow()  # it may have become final just now
            found = await self._facts.session(operation.session, self._cursor.final_block)
        relay = await self.identity()
        self._facts.check_claim(found, operation.signature, relay, account, self._cursor.final_s)
        name, target = f"session:{found.session}:{found.expires_s}", accounts.balance(account)

        def credit(session: Session) -> None:
            if mirror.is_over(session.db, name):
                raise ConflictError(f"Session {found.session} was ended here", "Open another: antiphon chain session")
            for other, (owner, _) in mirror.applied(session.db, "session:").items():
                if owner == target and other != name and not self._end(session, other, owner):
                    raise ConflictError(
                        f"Open tasks hold money of session {other.split(':')[1]}",
                        "Claim the next one when they are done.",
                    )
            now_ms = self._clock.now_ms()
            mirror.put(session.db, name, target, found.nano, at_ms=now_ms)
            address = checked_address(found.client)
            batches.keep_claim(session.db, account, found.session, address, operation.signature, at_ms=now_ms)
            funds = Funds(session=found.session, part=0, payer=address, part_nano=found.part_nano, due_s=0)
            mirror.begin_session(session.db, account, funds, found.parts, found.expires_s)

        await self._store.write(credit)
        self._backing.forget(account)

    def _end(self, session: Session, name: str, account: str) -> bool:
        """A session's time is over: what is left of it goes. Whether that was all: no task holds any of it."""
        owner = account.removeprefix(accounts.balance(""))
        open_ = session.db.execute("SELECT 1 FROM tasks WHERE client = ? AND open_parts > 0", (owner,)).fetchone()
        mirror.put(session.db, name, account, 0, at_ms=self._clock.now_ms())
        if open_ is None:
            mirror.forgive(session.db, name)  # what it has paid for is spent, not owed
        return open_ is None

    async def _page(self, after: int, limit: int) -> BookPage:
        def look(session: Session) -> tuple[tuple[bytes, ...], int, bytes]:
            pages.write(session.db)
            return pages.page(session.db, max(0, min(after, 2**62)), limit)

        hashes, last, digest = await self._store.write(look)
        own = bytes.fromhex(await self.identity())
        head = heads.sign(self._facts.contracts.chain, self._key, own, last, digest)
        return BookPage(first=last - len(hashes) + 1, hashes=hashes, head=head)


def _peek(raw: bytes) -> Any:
    """The operation in an envelope, before anything of it is believed; None when the store will say what is wrong."""
    try:
        message = canonical.parse(Envelope, raw, limit=MAX_OPERATION_BYTES)
        return canonical.parse(Operation, message.body)
    except (AntiphonError, msgspec.MsgspecError, ValueError):
        return None
