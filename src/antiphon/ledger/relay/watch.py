"""Using a relay without believing it.

1. It is a relay: the chain knows the address that signs its heads, with its Ed25519 key, bound both ways, and a bond.
2. Its book only grows: every page adds up to a signed head, and what was signed before is still so. Else there are two
   heads that contradict each other, which cost it its bond (`Contradiction`, `report`).
3. What it has answered to us with yes is in the book, in the order in which we heard the answers. Else it withholds or
   reorders.
4. The evidence of a closed task is in the book, in the book's order, holds each of our operations on it, and replays
   (`ledger.replay`). Else something was skipped, reordered or invented.
5. A node has no more stake than the chain holds as its bond.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from antiphon.errors import AntiphonError, OutputError, ProtocolError, StateError
from antiphon.ledger import book, receipts
from antiphon.ledger.base import Ledger
from antiphon.ledger.book import EMPTY, BookPage, Head
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.outbox import Outbox
from antiphon.ledger.notary import Notary
from antiphon.ledger.operations import Heartbeat, Operation, Register
from antiphon.ledger.queries import ListNodes, Query, ReadBook, ReadEvidence, ReadNode
from antiphon.ledger.records import NodeRecord
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.facts import Facts
from antiphon.protocol import canonical
from antiphon.protocol.envelope import Envelope
from antiphon.protocol.receipt import Receipt

T = TypeVar("T")
BOND_S = 10.0
"""So long what the chain said of a bond is not asked again: a client reads the record of a node for each part."""
_HINT = "Do not use this relay any more: open a session at another one. What the chain holds is safe."


class Contradiction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two heads of one book with the same sequence: proof by itself."""

    relay: str  # address
    one: Head
    other: Head


class ContradictionError(ProtocolError):
    """The relay has signed two histories."""

    def __init__(self, proof: Contradiction) -> None:
        super().__init__(f"The relay {proof.relay} signed two histories at {proof.one.sequence}", _HINT)
        self.proof = proof


class _Sent(msgspec.Struct):
    digest: bytes
    task: str
    after: int  # how many of ours had been answered when this one was sent


class WatchedLedger(Ledger):
    """`Ledger` of a relay, checked (rules 1 to 5). `file` keeps the last head over restarts."""

    def __init__(self, ledger: Ledger, facts: Facts, file: Path) -> None:
        self._ledger, self._facts, self._file = ledger, facts, file
        self._places: dict[bytes, int] = {}
        self._digest, self._length = EMPTY, 0
        self._answered: list[_Sent] = []
        self._ours: set[bytes] = set()
        self._by_task: defaultdict[str, list[bytes]] = defaultdict(list)
        self._reached: list[int] = [0]  # highest place among the first n of ours, as far as they were looked for
        self._relay = ""
        self._caught: ProtocolError | None = None
        self._kept = self._load()
        self.notary: Notary | None = None
        """Who signs for the chain what is done over this relay, if somebody does."""
        self._reading = asyncio.Lock()
        self._bonded: dict[str, tuple[int, float]] = {}  # what the chain had, and when it was asked

    @property
    def caught(self) -> ProtocolError | None:
        """What it was found to have done."""
        return self._caught

    @property
    def facts(self) -> Facts:
        """What the chain says."""
        return self._facts

    async def identity(self) -> str:
        return await self._ledger.identity()

    async def submit(self, envelope: bytes) -> None:
        self._expect_honest()
        sent = _sent(envelope, len(self._answered))
        await self._ledger.submit(envelope)
        if sent is not None and sent.digest not in self._ours:
            self._ours.add(sent.digest)
            self._by_task[sent.task].append(sent.digest)
            self._answered.append(sent)

    async def read(self, query: Query[T]) -> T:
        self._expect_honest()
        answer: Any = await self._ledger.read(query)
        match query:
            case ReadNode():
                await self._check_bond(answer)
            case ListNodes():
                for record in answer:
                    await self._check_bond(record)
            case ReadEvidence():
                if any(sha256(one).digest() not in self._places for one in answer):
                    await self.watch()
                await self._check_evidence(query.task, answer)
        found: T = answer
        return found

    async def expire(self) -> int:
        return await self._ledger.expire()

    async def close(self) -> None:
        await self._ledger.close()

    async def watch(self) -> int:
        """Read on in the book; its length. Raises ProtocolError, ContradictionError (rules 1 to 3); so does every call
        from then on."""
        try:
            async with self._reading:  # each page continues the one before
                return await self._watch()
        except ProtocolError as e:
            self._caught = e
            raise

    def refuse(self, error: ProtocolError) -> None:
        """From now on every call raises this."""
        self._caught = error

    async def _watch(self) -> int:
        due = len(self._answered)
        while True:
            page = await self._ledger.read(ReadBook(after=self._length))
            await self._take(page)
            if not page.hashes:
                break
        self._check_own(due)
        return self._length

    def _expect_honest(self) -> None:
        if self._caught is not None:
            raise self._caught

    async def compare(self, head: Head) -> None:
        """Hold a head that somebody else was given against what we are given. Raises ContradictionError."""
        await self._check_relay(head)
        page = await self._ledger.read(ReadBook(after=head.sequence - 1, limit=1))
        await self._check_relay(page.head)
        if page.head.sequence == head.sequence and page.head.digest != head.digest:
            raise ContradictionError(Contradiction(self._relay, head, page.head))

    async def hear(self, head: Head) -> None:
        """What a stranger says that the relay has signed for it. What the relay did not sign is ignored; else as
        `compare`. Raises ProtocolError also when the book ends earlier for us than for others."""
        chain = self._facts.contracts.chain
        own = bytes.fromhex(await self.identity())
        if head.book != own or not self._relay or heads.head_signer(chain, head).lower() != self._relay.lower():
            return
        try:
            page = await self._ledger.read(ReadBook(after=head.sequence - 1, limit=1))
            await self._check_relay(page.head)
            if page.head.sequence < head.sequence:
                raise ProtocolError(
                    f"The relay's book ends at {page.head.sequence} for us, at {head.sequence} for others", _HINT
                )
            if page.head.sequence == head.sequence and page.head.digest != head.digest:
                raise ContradictionError(Contradiction(self._relay, head, page.head))
        except ProtocolError as e:
            self._caught = e
            raise

    @property
    def head(self) -> Head | None:
        """The newest head, for others to compare."""
        return self._kept

    @property
    def own_tasks(self) -> tuple[str, ...]:
        """Those on which we have done something."""
        return tuple(task for task in self._by_task if task)

    async def _take(self, page: BookPage) -> None:
        """Rule 2. What was kept before a restart is met again at its place."""
        await self._check_relay(page.head)
        digest, place, kept = self._digest, self._length, self._kept
        for one in page.hashes:
            digest, place = book.extend(digest, [one]), place + 1
            if kept is not None and place == kept.sequence and digest != kept.digest:
                await self.compare(kept)
                raise ProtocolError(f"The relay's book was another one up to {place}", _HINT)
            self._places.setdefault(one, place)
        if (page.head.sequence, page.head.digest) != (place, digest):
            if kept is not None and page.head.sequence == kept.sequence and page.head.digest != kept.digest:
                raise ContradictionError(Contradiction(self._relay, kept, page.head))
            raise ProtocolError(f"The relay's book does not add up to its head at {page.head.sequence}", _HINT)
        self._digest, self._length = digest, place
        if kept is None or place > kept.sequence:
            self._keep(page.head)
        elif not page.hashes and place < kept.sequence:
            raise ProtocolError(f"The relay's book ends at {place}; it went to {kept.sequence} before", _HINT)

    async def _check_relay(self, head: Head) -> None:
        """Rule 1, once for each signer."""
        own = await self.identity()
        if head.book.hex() != own:
            raise ProtocolError("The relay answers with the head of another book", _HINT)
        chain = self._facts.contracts.chain
        if self._relay:
            heads.check(chain, head, self._relay)
            return
        signer = heads.head_signer(chain, head)
        bond = await self._facts.bond(signer, "latest") if signer else None
        if bond is None or (bond.role, bond.node) != ("relay", own):
            raise ProtocolError(f"The chain knows no relay {own[:8]} that signs as {signer or 'nobody'}", _HINT)
        if bond.nano == 0:
            raise ProtocolError(f"The relay {own[:8]} has no bond left", _HINT)
        self._relay = signer

    def _check_own(self, due: int) -> None:
        """Rule 3, for those of the first `due` that were not looked for before."""
        reached = self._reached
        for number in range(len(reached) - 1, due):
            one = self._answered[number]
            place = self._places.get(one.digest)
            if place is None:
                raise ProtocolError("The relay withholds an operation that it had accepted", _HINT)
            if place < reached[min(one.after, number)]:
                raise ProtocolError("The relay's book has our operations in another order", _HINT)
            reached.append(max(reached[-1], place))

    async def _check_evidence(self, task: str, envelopes: Sequence[bytes]) -> None:
        """Rule 4."""
        found = [self._places.get(sha256(one).digest(), 0) for one in envelopes]
        if 0 in found:
            raise ProtocolError(f"The evidence of task {task} has an envelope that is not in the book", _HINT)
        if found != sorted(set(found)):
            raise ProtocolError(f"The evidence of task {task} is in another order than the book", _HINT)
        there = {sha256(one).digest() for one in envelopes}
        if not there.issuperset(self._by_task[task]):
            raise ProtocolError(f"The evidence of task {task} leaves out what we did", _HINT)
        own = await self.identity()
        receipts.audit(Receipt(ledger=own, task=task, envelopes=tuple(envelopes)), ledger=own)

    async def _check_bond(self, record: NodeRecord) -> None:
        """Rule 5. The bond may have grown since the relay looked; it may not be less than the relay says."""
        seen_nano, seen_s = self._bonded.get(record.node, (0, 0.0))
        if record.stake_nano <= seen_nano and time.monotonic() - seen_s < BOND_S:
            return
        bonds = [await self._facts.bond(address, "latest") for address in await self._facts.addresses(record.node)]
        bonded = sum(bond.nano for bond in bonds if bond is not None and bond.node == record.node)
        self._bonded[record.node] = bonded, time.monotonic()
        if record.stake_nano > bonded:
            raise ProtocolError(
                f"The relay gives {record.node[:8]} a stake of {record.stake_nano} nano, the chain {bonded}", _HINT
            )

    def _load(self) -> Head | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Head)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as e:
            raise StateError(
                f"{self._file} cannot be read: {e}", "Delete it to begin with what the relay says now."
            ) from e

    def _keep(self, head: Head) -> None:
        self._kept = head
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.write_bytes(msgspec.json.encode(head))
            beside.replace(self._file)
        except OSError as e:
            raise OutputError(f"{self._file} cannot be written: {e.strerror}", "Check the disk.") from e


async def report(contracts: Contracts, outbox: Outbox, proof: Contradiction) -> None:
    """Show the chain a contradiction: the relay loses its bond, a share of it goes to whoever reports."""
    registry, heads = contracts.registry, (proof.one, proof.other)
    rs = [(one.signature[:32], one.signature[32:64], one.signature[64]) for one in heads]
    r, s, v = ([parts[i] for parts in rs] for i in range(3))
    digests = [one.digest for one in heads]
    data = registry.encode("contradict", proof.relay, proof.one.book, proof.one.sequence, digests, v, r, s)
    await outbox.send(f"contradict:{proof.relay}:{proof.one.sequence}", registry.address, data)


def _sent(raw: bytes, answered: int) -> _Sent | None:
    """What to look for in the book; None for what has no place there (only the last registration counts)."""
    try:
        message = canonical.parse(Envelope, raw)
        operation: Operation = canonical.parse(Operation, message.body)
    except AntiphonError:
        return None
    if isinstance(operation, Heartbeat | Register):
        return None
    return _Sent(sha256(raw).digest(), message.task, answered)
