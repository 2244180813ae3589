"""Whoever uses a relay notices what it withholds, reorders, invents or skips, and when it signs two histories."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, OPERATOR, party, task_id
from relay_market import BOND_NANO, RelayMarket, chain_key

from antiphon.economy.types import NANO, Role
from antiphon.errors import InputError, ProtocolError
from antiphon.ledger import book
from antiphon.ledger.base import Ledger
from antiphon.ledger.evm.leaving import claim
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.queries import ListParts, ReadBook, ReadEvidence, ReadNode, ReadTask
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.watch import ContradictionError, WatchedLedger, report

Open = Callable[..., Awaitable[RelayMarket]]


class Lying(Ledger):
    """A relay that changes some answers. `change(query, answer)` gives what it says instead; the keys are its own."""

    def __init__(self, honest: Ledger) -> None:
        self.honest = honest
        self.change: Callable[[Any, Any], Any] = lambda _, answer: answer
        self.swallows = False

    async def identity(self) -> str:
        return await self.honest.identity()

    async def submit(self, envelope: bytes) -> None:
        if not self.swallows:
            await self.honest.submit(envelope)

    async def read(self, query: Any) -> Any:
        return self.change(query, await self.honest.read(query))

    async def expire(self) -> int:
        return await self.honest.expire()

    async def close(self) -> None:
        await self.honest.close()

    def signed(self, page: book.BookPage, hashes: tuple[bytes, ...]) -> book.BookPage:
        """Another page, which adds up, under the relay's own signature. From the book's beginning."""
        chain = self.honest._facts.contracts.chain
        digest = book.extend(book.EMPTY, hashes)
        head = heads.sign(chain, chain_key("relay"), page.head.book, page.first + len(hashes) - 1, digest)
        return msgspec.structs.replace(page, hashes=hashes, head=head)


@pytest.fixture
async def watched(founded: Anvil, opened: Open, tmp_path: Path) -> tuple[RelayMarket, Lying]:
    """A market through a watching client, and the relay that it watches."""
    market = await opened(founded, found=False)
    lying = Lying(market.ledger)
    facts = market.ledger._facts
    market.ledger = WatchedLedger(lying, facts, tmp_path / "head.json")
    market.ledger._facts = facts
    await market.found()
    return market, lying


async def work(market: RelayMarket, number: int = 1) -> str:
    await market.open(task_id(number))
    await market.deliver(task_id(number))
    await market.judge(task_id(number))
    return task_id(number)


async def test_an_honest_relay_passes(watched: tuple[RelayMarket, Lying]) -> None:
    market, _ = watched
    task = await work(market)
    assert await market.ledger.evidence(task)
    length = await market.ledger.watch()
    assert length >= 12
    assert await market.ledger.watch() == length
    assert (await market.ledger.node(party("producer 0").node_id, Role.PROCESSOR)).stake_nano == BOND_NANO
    assert len(await market.ledger.nodes()) == 10


async def test_many_who_watch_at_once_accuse_nobody_wrongly(watched: tuple[RelayMarket, Lying]) -> None:
    market, _ = watched
    tasks = [work(market, number) for number in range(1, 6)]
    await asyncio.gather(*tasks, *(market.ledger.watch() for _ in range(20)))
    lengths = await asyncio.gather(*(market.ledger.watch() for _ in range(20)))
    assert len(set(lengths)) == 1


async def test_an_operation_that_was_accepted_and_is_not_there_is_noticed(watched: tuple[RelayMarket, Lying]) -> None:
    market, lying = watched
    await market.ledger.watch()
    lying.swallows = True
    await market.open(task_id(1))
    with pytest.raises(ProtocolError, match="withholds an operation that it had accepted"):
        await market.ledger.watch()


async def test_reordered_operations_are_noticed(watched: tuple[RelayMarket, Lying]) -> None:
    market, lying = watched
    await market.open(task_id(1))
    await market.open(task_id(2))

    told: list[book.BookPage] = []

    def swap(query: Any, answer: Any) -> Any:
        if isinstance(query, ReadBook) and query.after == 0:
            told.append(lying.signed(answer, tuple(reversed(answer.hashes))))
            return told[0]
        return msgspec.structs.replace(told[0], hashes=()) if isinstance(query, ReadBook) else answer

    lying.change = swap
    with pytest.raises(ProtocolError, match="has our operations in another order"):
        await market.ledger.watch()


async def test_a_page_that_does_not_add_up_to_its_head_is_noticed(watched: tuple[RelayMarket, Lying]) -> None:
    market, lying = watched
    await market.open(task_id(1))

    def drop(query: Any, answer: Any) -> Any:
        return msgspec.structs.replace(answer, hashes=answer.hashes[1:]) if isinstance(query, ReadBook) else answer

    lying.change = drop
    with pytest.raises(ProtocolError, match="does not add up to its head"):
        await market.ledger.watch()


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (lambda told: told[:3] + told[4:], "leaves out what we did"),
        (lambda told: (*told[:2], told[3], told[2], *told[4:]), "in another order than the book"),
        (lambda told: (*told[:3], told[3] + b"x", *told[4:]), "not in the book"),
        (lambda told: (*told[:4], told[3], *told[4:]), "in another order than the book"),
    ],
    ids=["skipped", "reordered", "invented", "doubled"],
)
async def test_evidence_that_is_not_the_books_is_noticed(
    watched: tuple[RelayMarket, Lying], fake: Callable[[tuple], tuple], words: str
) -> None:
    market, lying = watched
    task = await work(market)
    lying.change = lambda query, answer: fake(answer) if isinstance(query, ReadEvidence) else answer
    with pytest.raises(ProtocolError, match=words):
        await market.ledger.evidence(task)
    lying.change = lambda _, answer: answer
    assert await market.ledger.evidence(task)


async def test_an_invented_stake_is_noticed(watched: tuple[RelayMarket, Lying]) -> None:
    market, lying = watched

    def rich(query: Any, answer: Any) -> Any:
        if isinstance(query, ReadNode):
            return msgspec.structs.replace(answer, stake_nano=answer.stake_nano + 1)
        return answer

    lying.change = rich
    with pytest.raises(ProtocolError, match=r"a stake of 100000000001 nano, the chain 100000000000"):
        await market.ledger.node(party("producer 0").node_id, Role.PROCESSOR)


async def test_a_head_that_somebody_else_signed_is_refused(watched: tuple[RelayMarket, Lying]) -> None:
    market, lying = watched
    chain = market.ledger._facts.contracts.chain

    def forged(query: Any, answer: Any) -> Any:
        if isinstance(query, ReadBook):
            head = answer.head
            mine = heads.sign(chain, chain_key("client"), head.book, head.sequence, head.digest)
            return msgspec.structs.replace(answer, head=mine)
        return answer

    lying.change = forged
    with pytest.raises(ProtocolError, match=r"The chain knows no relay .* that signs as 0x"):
        await market.ledger.watch()


async def test_two_histories_cost_the_relay_its_bond(own_chain: Anvil, opened: Open, tmp_path: Path) -> None:
    """One user kept a head. The relay later signs another history at the same place, and the chain takes its bond."""
    market = await opened(own_chain)
    lying, facts = Lying(market.ledger), market.ledger._facts
    mine = WatchedLedger(lying, facts, tmp_path / "mine.json")
    length = await mine.watch()

    def other(query: Any, answer: Any) -> Any:
        if isinstance(query, ReadBook) and query.limit == 1:
            head = heads.sign(facts.contracts.chain, chain_key("relay"), answer.head.book, length, b"o" * 32)
            return msgspec.structs.replace(answer, head=head)
        return answer

    theirs = WatchedLedger(lying, facts, tmp_path / "theirs.json")
    await theirs.compare(mine.head)
    lying.change = other
    with pytest.raises(ContradictionError, match="signed two histories") as caught:
        await theirs.compare(mine.head)
    proof = caught.value.proof
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "report.db", confirmations=2, fees=Fees()
    )
    await report(facts.contracts, outbox, proof)
    assert (await facts.contracts.registry.read("nodes", chain_key("relay").address))[1] == 0
    assert await facts.contracts.registry.read("claims", chain_key("client").address) == BOND_NANO // 10
    wallet = Wallet(facts.contracts, outbox)
    before = (await wallet.holdings()).wallet_nano
    assert await claim(wallet) == BOND_NANO // 10
    assert await claim(wallet) == 0
    assert (await wallet.holdings()).wallet_nano == before + BOND_NANO // 10
    with pytest.raises(ProtocolError, match="has no bond left"):
        await WatchedLedger(lying, facts, tmp_path / "new.json").watch()


async def test_a_relay_that_begins_anew_contradicts_what_a_restarted_client_kept(
    watched: tuple[RelayMarket, Lying], tmp_path: Path
) -> None:
    market, lying = watched
    await market.ledger.watch()
    told: list[book.BookPage] = []

    def forgot(query: Any, answer: Any) -> Any:
        if isinstance(query, ReadBook) and query.after == 0:
            told.append(lying.signed(answer, answer.hashes[:-1]))
            return told[0]
        if isinstance(query, ReadBook):
            return msgspec.structs.replace(told[0], hashes=())
        return answer

    lying.change = forgot
    again = WatchedLedger(lying, market.ledger._facts, tmp_path / "head.json")
    with pytest.raises(ProtocolError, match=r"ends at .* it went to .* before"):
        await again.watch()


async def test_questions_that_are_not_of_the_book_pass_through(watched: tuple[RelayMarket, Lying]) -> None:
    market, _ = watched
    task = await work(market)
    assert (await market.ledger.read(ReadTask(task=task))).client == CLIENT.node_id
    assert len(await market.ledger.read(ListParts(task=task))) == 1
    assert await market.ledger.identity() == OPERATOR.node_id
    with pytest.raises(InputError):
        await market.ledger.task("f" * 32)
    assert NANO == 10**9
