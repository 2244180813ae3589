"""A relay brings what its tasks earned to the chain: it makes batches, collects their signatures, and sends them.

1. One batch at a time. It ends when the chain has settled it, or when it has expired on the chain: before that its
   tasks are in no other one, so that nothing can be settled twice.
2. Whoever has not signed a batch that expired is left out of the next ones (`choosing`). Its parts go by quorum, or it
   signs later.
3. What cannot be netted is set aside: a task with a fine, one whose payer is not known to the chain. A batch that all
   have signed and the chain refuses is made again in halves, down to the task that it refuses.
4. Everything is on disk: killed at any point, the relay goes on with the same batch and the same transaction. A batch
   that somebody else has brought is found by its event.
5. What was settled leaves the relay's book in the same transaction in which it is noted as settled.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from antiphon.clock import Clock
from antiphon.economy import accounts
from antiphon.errors import AntiphonError, ConflictError, InputError, UnavailableError
from antiphon.ledger.batches import Batch, ChainPlace, SessionClaim
from antiphon.ledger.relay import heads, netting, paying
from antiphon.ledger.relay.choosing import Choice
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.sql import SqlLedger, batches
from antiphon.protocol import canonical

if TYPE_CHECKING:
    from antiphon.ledger.evm.outbox import Outbox
    from antiphon.ledger.operations import SignBatch
    from antiphon.ledger.records import PartRecord, Ruling
    from antiphon.ledger.sql.batches import DueTask
    from antiphon.ledger.sql.worker import Session

MAX_TASKS = 1_000
WITHIN_S = 120
"""How long a batch may be signed and settled, by the chain's clock."""
log = logging.getLogger("antiphon.ledger")


class KeptBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and its statement, as a relay keeps them."""

    batch: Batch
    net: netting.Net


class Batches:
    """What a relay answers about batches, and the signatures that it takes."""

    def __init__(self, store: SqlLedger, facts: Facts) -> None:
        self._store, self._facts = store, facts

    async def listed(self, task: str) -> tuple[Batch, ...]:
        """Those that wait for signatures, or the task's."""

        def look(session: Session) -> tuple[Batch, ...]:
            state = "" if task else batches.SIGNING
            rows = batches.find(session.db, task=task, state=state)
            return tuple(_shown(session, number, record) for number, _, record in rows)

        return await self._store.write(look)

    async def sign(self, operation: SignBatch) -> None:
        """Keep a party's signature. Raises ConflictError (no such batch now), InputError (it is no party's)."""
        rows = await self._store.write(lambda s: batches.find(s.db, number=operation.batch))
        if not rows or rows[0][1] != batches.SIGNING:
            raise ConflictError(f"Batch {operation.batch} waits for no signatures", "Ask for the batches again.")
        batch = _read(rows[0][2]).batch
        party = heads.recovered(batch.digest, operation.signature)
        if party not in batch.parties:
            raise InputError(
                f"What was signed for batch {batch.number} is another statement, or no party's",
                "Sign with the chain key of the node, or of the session; then retry.",
            )
        await self._store.write(lambda s: batches.sign(s.db, batch.number, party, operation.signature))


class Settler:
    """`step` does what is to be done now; call it often. Raises UnavailableError while the chain is away."""

    def __init__(
        self, store: SqlLedger, facts: Facts, outbox: Outbox, clock: Clock, *, every_s: float, within_s: int = WITHIN_S
    ) -> None:
        self._store, self._facts, self._outbox, self._clock = store, facts, outbox, clock
        self._every_s, self._within_s = every_s, within_s
        self._due_ms = 0
        self._choice = Choice(store, facts, clock, within_s)
        self._limit = MAX_TASKS
        self._told = ""

    async def step(self) -> None:
        live = await self._store.write(lambda s: batches.find(s.db, state=batches.SIGNING))
        if live:
            await self._bring(_read(live[0][2]))
        elif self._clock.now_ms() >= self._due_ms and not await self._propose():
            self._due_ms = self._clock.now_ms() + int(1000 * self._every_s)

    async def _bring(self, kept: KeptBatch) -> None:
        """Rules 1, 2 and 4."""
        contracts, number = self._facts.contracts, kept.batch.number
        final = await contracts.rpc.final(contracts.chain.confirmations)
        place = await self._facts.netted(kept.net, final.number)
        signed = await self._store.write(lambda s: batches.signatures(s.db, number))
        missing = set(kept.batch.parties) - signed.keys()
        if place is None and final.time_s >= kept.batch.expires_s:
            await self._store.write(lambda s: batches.drop(s.db, number))
            await self._after(kept, missing)
            return
        if place is None and not missing:
            place = await self._send(kept, signed)
        if place is not None:
            await self._settled(kept, place)

    async def _after(self, kept: KeptBatch, missing: set[str]) -> None:
        """Rules 2 and 3."""
        if missing:
            log.warning("batch %d expired: %s did not sign", kept.batch.number, ", ".join(sorted(missing)))
            self._choice.expired(set(kept.batch.parties) - missing, missing)
        elif len(kept.batch.tasks) == 1:
            await self._choice.set_aside(kept.batch.tasks[0], batches.PENDING)
        else:
            self._limit = max(1, len(kept.batch.tasks) // 2)
        self._due_ms = 0

    async def _send(self, kept: KeptBatch, signed: Mapping[str, bytes]) -> ChainPlace | None:
        rs = {party: (int.from_bytes(one[:32]), int.from_bytes(one[32:])) for party, one in signed.items()}
        contracts = self._facts.contracts
        try:
            receipt = await netting.settle(self._outbox, contracts.quorum, kept.net, rs)
        except UnavailableError:
            raise
        except AntiphonError as e:
            if str(e) != self._told:
                log.warning("batch %d is refused: %s", kept.batch.number, e)
            self._told = str(e)
            return None
        return await self._facts.netted(kept.net, receipt.block)

    async def _settled(self, kept: KeptBatch, place: ChainPlace) -> None:
        """Rule 5."""
        batch = msgspec.structs.replace(kept.batch, settled=place, signed=kept.batch.parties)
        record, now_ms = canonical.pack(msgspec.structs.replace(kept, batch=batch)), self._clock.now_ms()

        def note(session: Session) -> None:
            found = batches.of_tasks(session.db, batch.tasks)
            nets = netting.booked(found, [one.account for one in batch.claims])
            assert sum(nets.values()) == sum(one[3] for one in kept.net.spends), "what sessions gave is what leaves"
            batches.settle(session.db, batch.number, record, nets, at_ms=now_ms)

        await self._store.write(note)
        self._choice.settled(batch.parties)
        self._limit, self._due_ms = MAX_TASKS, 0
        log.info("batch %d: %d tasks are settled in block %d", batch.number, len(batch.tasks), place.block)

    async def _propose(self) -> bool:
        """Whether there was anything to propose."""
        chosen = await self._choice.next(self._limit)
        while chosen:
            try:
                await self._begin(chosen)
                return True
            except UnavailableError:
                raise
            except AntiphonError as e:
                if len(chosen) == 1:  # rule 3
                    log.warning("task %s is not netted: %s", chosen[0].task, e)
                    await self._choice.set_aside(chosen[0].task, batches.PENDING)
                chosen = chosen[: len(chosen) // 2]
        return False

    async def _begin(self, chosen: Sequence[DueTask]) -> None:
        contracts = self._facts.contracts
        sessions = {one.client: one.session for one in chosen if one.session}
        claims = await self._store.write(lambda s: {a: batches.claim(s.db, a, n) for a, n in sessions.items()})
        cost, quorum = netting.costs(chosen, sessions), contracts.quorum
        named = netting.named_parts(chosen, sessions)
        purses = {a: await netting.purse(quorum, sessions[a], cost[a], named[a]) for a in sessions}
        final = await contracts.rpc.final(contracts.chain.confirmations)
        net = netting.propose(chosen, self._choice.addresses, purses, final.time_s + self._within_s, named)
        parties = tuple(address for address, _ in net.changes)
        claimed = [
            SessionClaim(account=account, session=number, signature=claims[account][1])
            for account, number in sorted(sessions.items())
        ]
        signed = netting.digest(quorum, contracts.chain.chain_id, net)

        def begin(session: Session) -> None:
            number = batches.begin(session.db, [one.task for one in chosen])
            batch = Batch(
                number=number,
                tasks=tuple(sorted(one.task for one in chosen)),
                claims=tuple(claimed),
                parties=parties,
                digest=signed,
                expires_s=net.expires_s,
            )
            batches.keep(session.db, number, canonical.pack(KeptBatch(batch=batch, net=net)))

        await self._store.write(begin)


class ByQuorum:
    """What the quorum has settled of the relay's tasks, part by part, leaves its book, too."""

    def __init__(self, store: SqlLedger, facts: Facts, clock: Clock) -> None:
        self._store, self._facts, self._clock = store, facts, clock

    async def note(self, session: int, part: int) -> None:
        """The chain has settled this part."""

        def mark(one: Session) -> None:
            for task in batches.endorsed(one.db, session, part):
                batches.note_quorum(one.db, task)

        await self._store.write(mark)

    async def take_off(self, final: int) -> None:
        """Of the tasks that are closed, everything that was settled by this block; once each."""
        for task in await self._store.write(lambda s: batches.pending(s.db)):
            opened, parts = await self._store.task(task), await self._store.parts(task)
            found = [await self._settled(opened.client, opened.request_hash, part, final) for part in parts]
            now_ms = self._clock.now_ms()

            def leave(session: Session, task: str = task, found: Any = found, now_ms: int = now_ms) -> None:
                for name, nets in (one for some in found for one in some):
                    batches.take_off(session.db, name, nets, at_ms=now_ms)
                batches.set_aside(session.db, task, batches.BY_QUORUM)

            await self._store.write(leave)

    async def _settled(
        self, client: str, request_hash: bytes, record: PartRecord, final: int
    ) -> list[tuple[str, dict[str, int]]]:
        """(name, what it changes) of each ruling on a part that the chain has settled."""
        made = []
        for one in record.endorsed:
            terms = one.operation
            ruling = next((r for r in record.rulings if (r.attempt, r.round) == (terms.attempt, terms.round)), None)
            if one.node != client or ruling is None or ruling.outcome.verdict is None:
                continue
            found = await paying.paid(self._facts, record, request_hash, terms, final)
            if found is not None:
                maker, name = accounts.balance(ruling.producer.node), f"part {terms.part} of session {terms.session}"
                nets = {maker: found.nano} if found.by_voucher else changes_of(ruling, client, record.task, found.nano)
                made.append((name, nets))
        return made


def changes_of(ruling: Ruling, client: str, task: str, spent_nano: int) -> dict[str, int]:
    """What a ruling that the quorum has settled changes. Where it gave other than the ruling (a vote was not brought),
    only the producer's reward is known to be paid."""
    escrow, own = accounts.escrow(task), accounts.balance(client)
    nets: Counter[str] = Counter()
    for move in ruling.settlement.transfers:
        if move.source != escrow:
            nets[move.source] -= move.amount_nano
        if move.source != escrow or move.target != own:
            nets[move.target] += move.amount_nano
    paid = sum(m.amount_nano for m in ruling.settlement.transfers if m.source == escrow and m.target != own)
    if paid != spent_nano:
        maker = accounts.balance(ruling.producer.node)
        log.warning("task %s: the chain gave %d nano for a part, its ruling %d", task, spent_nano, paid)
        return {maker: nets[maker]} if nets[maker] > 0 else {}
    return {account: nano for account, nano in nets.items() if nano}


def _read(record: bytes) -> KeptBatch:
    return canonical.parse(KeptBatch, record)


def _shown(session: Session, number: int, record: bytes) -> Batch:
    batch = _read(record).batch
    return msgspec.structs.replace(batch, signed=batch.signed or tuple(sorted(batches.signatures(session.db, number))))
