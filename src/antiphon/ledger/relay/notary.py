"""Signs with a chain key what one party does over a relay, so that each part can be settled by quorum without it.

1. The client names a part of its session for each attempt: the one that stands behind its vouchers, or one of the
   session's second quarter, from its middle down; netting takes from the first one up, vouchers from the last one down.
   So one part of a session is promised once. Where there is no session, or none of it is left, nothing is signed: the
   task is paid by netting alone.
2. The producer signs the same only if the chain backs it: the client's own session, running until after the votes are
   due, with the part unsettled and dear enough, and the seats are the addresses of those that were drawn.
3. A seat signs its vote on what the client endorsed, if that names its own address.
"""

from __future__ import annotations

import logging

import msgspec

from antiphon.clock import Clock
from antiphon.economy.types import Vote
from antiphon.errors import AntiphonError
from antiphon.ledger import panel
from antiphon.ledger.evm.contracts import Contract, checked_address
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.operations import Endorse
from antiphon.ledger.records import PartRecord, TaskRecord
from antiphon.ledger.relay import quorum
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.heads import recovered
from antiphon.ledger.relay.signing import SigningStore

log = logging.getLogger("antiphon")


class ChainNotary:
    """`Notary` of one account with one chain key."""

    def __init__(self, facts: Facts, key: Key, store: SigningStore, account: str, relay: str, clock: Clock) -> None:
        self._facts, self._key, self._store, self._account = facts, key, store, account
        self._relay, self._clock = relay, clock
        self._addresses: dict[str, str] = {}
        self._told: set[str] = set()

    async def endorse(self, task: TaskRecord, record: PartRecord, node: str) -> Endorse | None:
        try:
            if node == task.client:
                return await self._assign(task, record)
            return await self._consent(task, record, node)
        except AntiphonError as e:
            self._tell(f"nothing is signed for the chain: {e}")
            return None

    async def ballot(self, record: PartRecord, task: TaskRecord, vote: Vote) -> bytes:
        terms = self._terms(record, task.client)
        if terms is None:
            return b""
        try:
            made = quorum.assignment(record, task.request_hash, terms)
            if (self._key.address, self._account) not in {(address, seat) for address, seat, _ in made.seats}:
                self._tell("a client named another address for this node's seat: its vote is not signed for the chain")
                return b""
            return quorum.sign(quorum.vote_digest(*self._chain(), made, vote), self._key)
        except AntiphonError as e:
            self._tell(f"a vote is not signed for the chain: {e}")
            return b""

    async def keep(self, task: TaskRecord, record: PartRecord) -> None:
        if any(one.node == task.client for one in record.endorsed):
            self._store.keep_case(task, record)

    async def _assign(self, task: TaskRecord, record: PartRecord) -> Endorse | None:
        """Rule 1."""
        if self._terms(record, task.client) is not None:
            return None
        own = record.funds.session if record.funds else None
        session = own or await self._facts.session_at(self._relay, self._key.address)
        if session is None:
            return None
        found = await self._facts.session(session, "latest")
        if checked_address(found.client) != self._key.address:
            self._tell(f"session {session} was opened by another key: nothing is signed for the chain")
            return None
        producer = await self._address(panel.producer(record).node)
        seats = [await self._address(seat.node) for seat in panel.seats(record)]
        named = session, found.parts, record.task, record.part.index, record.attempt
        part = record.funds.part if record.funds else self._store.name_part(*named)
        if part is None or producer is None or None in seats:
            self._tell(f"session {session} has no part left to sign for, or a node has no address on the chain")
            return None
        due_s = self._clock.now_ms() // 1000 + task.rules.commit_s + task.rules.reveal_s
        terms = Endorse(
            task=record.task,
            index=record.part.index,
            attempt=record.attempt,
            round=record.round,
            session=session,
            part=part,
            due_s=due_s,
            producer=producer,
            seats=tuple(seat for seat in seats if seat is not None),
            signature=bytes(64),
        )
        made = quorum.assignment(record, task.request_hash, terms)
        if made.cost_nano > found.part_nano or due_s >= found.expires_s:
            self._tell(f"a part of session {session} does not cover {made.cost_nano} nano in time: it is netted")
            return None
        return self._signed(made, terms)

    async def _consent(self, task: TaskRecord, record: PartRecord, node: str) -> Endorse | None:
        """Rule 2."""
        terms = self._terms(record, task.client)
        if terms is None or any(
            one.node == node and (one.operation.attempt, one.operation.round) == (record.attempt, record.round)
            for one in record.endorsed
        ):
            return None
        made, found = (
            quorum.assignment(record, task.request_hash, terms),
            await self._facts.session(terms.session, "latest"),
        )
        backed = (
            recovered(quorum.assignment_digest(*self._chain(), made), terms.signature) == checked_address(found.client)
            and terms.part < found.parts
            and made.cost_nano <= found.part_nano
            and terms.due_s < found.expires_s
            and made.producer == self._key.address
            and [await self._address(node) for _, node, _ in made.seats] == [address for address, _, _ in made.seats]
            and not await self._facts.contracts.quorum.read("is_settled", terms.session, terms.part)
        )
        if not backed:
            self._tell(f"the chain does not back what the client of task {task.task} signed: it is not signed here")
            return None
        return self._signed(made, terms)

    def _signed(self, made: quorum.Assignment, terms: Endorse) -> Endorse:
        digest = quorum.assignment_digest(*self._chain(), made)
        return msgspec.structs.replace(terms, signature=quorum.sign(digest, self._key))

    def _terms(self, record: PartRecord, client: str) -> Endorse | None:
        """What the client has signed for the round that is judged."""
        place = record.attempt, record.round
        found = [one.operation for one in record.endorsed if one.node == client]
        return next((one for one in found if (one.attempt, one.round) == place), None)

    def _chain(self) -> tuple[Contract, int]:
        return self._facts.contracts.quorum, self._facts.contracts.chain.chain_id

    async def _address(self, node: str) -> str | None:
        if node not in self._addresses:
            address = await self._facts.address(node)
            if address is None:
                return None
            self._addresses[node] = address
        return self._addresses[node]

    def _tell(self, words: str) -> None:
        """Once each."""
        if words not in self._told:
            self._told.add(words)
            log.warning("%s", words)
