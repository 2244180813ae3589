"""Running processes settle: the relay proposes, everybody computes and signs, the chain pays, the book gives it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, INVALID, OPERATOR, VALID, party, task_id
from relay_market import SESSION_NANO, RelayMarket, chain_key, nodes
from test_relay_watch import Lying

from antiphon.economy import accounts
from antiphon.economy.types import NANO
from antiphon.errors import AntiphonError, ConflictError, InputError, ProtocolError
from antiphon.ledger.batches import Batch
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.operations import SignBatch
from antiphon.ledger.queries import ListBatches, ReadAccount
from antiphon.ledger.receipts import build
from antiphon.ledger.relay import proving
from antiphon.ledger.relay.settling import Settler
from antiphon.ledger.relay.signing import Balance, Signer, SigningStore
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.sql import batches
from antiphon.protocol import receipt as receipts

Open = Callable[..., Awaitable[RelayMarket]]
NAMES = ["client", *(name for name, _, _ in nodes())]


class Parties:
    """Everybody who signs, each with a watcher of its own. `lying` stands between them and the relay."""

    def __init__(self, market: RelayMarket, folder: Path) -> None:
        self.market, self.folder = market, folder
        self.lying = Lying(market.ledger)
        facts = market.ledger._facts
        self.watched = {name: WatchedLedger(self.lying, facts, folder / f"{name}-head.json") for name in NAMES}
        self.stores = {name: SigningStore(folder / f"{name}.db") for name in NAMES}
        self.signers = {name: Signer(self.watched[name], facts, chain_key(name), self.stores[name]) for name in NAMES}

    async def attend(self, names: Iterable[str] = NAMES) -> int:
        count = 0
        for name in names:
            for operation in await self.signers[name].attend():
                await self.market.do(CLIENT if name == "client" else party(name), operation)
                count += 1
        return count

    def balance(self, name: str) -> Balance:
        who = CLIENT if name == "client" else party(name)
        facts = self.market.ledger._facts
        return Balance(self.watched[name], facts, who.node_id, chain_key(name).address, self.stores[name])


async def settler(market: RelayMarket, folder: Path, within_s: int = 3_000) -> Settler:
    facts, store = market.ledger._facts, market.ledger._store
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("relay"), folder / "settler.db", confirmations=2, fees=Fees()
    )
    return Settler(store, facts, outbox, market.clock, every_s=0, within_s=within_s)


async def work(market: RelayMarket, number: int, **votes: Any) -> str:
    await market.open(task_id(number))
    await market.deliver(task_id(number))
    await market.judge(task_id(number), **votes)
    return task_id(number)


async def nano(market: RelayMarket, name: str) -> int:
    who = CLIENT if name == "client" else party(name)
    return (await market.ledger.account(who.node_id)).balance_nano


async def on_chain(market: RelayMarket, name: str) -> int:
    return int(await market.ledger._facts.contracts.quorum.read("balances", chain_key(name).address))


async def test_what_is_earned_at_a_relay_becomes_a_deposit_on_the_chain_exactly_once(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    for number in (1, 2, 3):
        await work(market, number)
    earned = {name: await nano(market, name) for name in NAMES}
    await relay.step()
    (batch,) = await market.ledger.batches()
    assert len(batch.tasks) == 3
    assert await parties.attend() == len(batch.parties)
    assert await parties.attend() == 0, "whoever has signed is done"
    await relay.step()
    (batch,) = await market.ledger.batches(task_id(1))
    assert batch.settled is not None
    assert not await market.ledger.batches()
    for name in NAMES[1:]:
        assert await nano(market, name) == 0, name
        assert await on_chain(market, name) == earned[name], name
    assert await nano(market, "client") == earned["client"], "what it paid came out of its session"
    contracts = market.ledger._facts.contracts
    left = (await contracts.quorum.read("sessions", 1))[4]
    assert SESSION_NANO - left == sum(earned[name] for name in NAMES[1:])
    await relay.step()  # there is nothing more
    assert not await market.ledger.batches()
    await expect_proven(market, batch)
    supply = await market.ledger.supply()
    bonds = sum([(await market.ledger.account(party(name).node_id)).stake_nano for name in NAMES[1:]])
    assert supply.issued_nano == await nano(market, "client") + bonds


async def expect_proven(market: RelayMarket, batch: Batch) -> None:
    """A receipt proves offline which contract and which batch it belongs to."""
    contracts = market.ledger._facts.contracts
    proof = await proving.prove(contracts, batch)
    receipt = msgspec.structs.replace(await build(market.ledger, task_id(2)), settled=proof)
    kept = receipts.load(receipts.dump(receipt))
    assert kept == receipt
    assert len(proving.check(kept.settled, task_id(2)).changes) == len(batch.parties)
    await proving.confirm(contracts, kept.settled)
    for change, words in (
        ({"chain_id": 1}, "did not sign"),
        ({"contract": chain_key("x").address}, "did not sign"),
        ({"tasks": proof.tasks[1:]}, "does not name task|for other tasks"),
        ({"call": proof.call[:-1]}, "no call"),
        ({"call": proof.call.replace(proof.call[36:68], bytes(31) + b"1", 1)}, "did not sign|for other tasks"),
    ):
        with pytest.raises(ProtocolError, match=words):
            proving.check(msgspec.structs.replace(proof, **change), task_id(2))
    with pytest.raises(ProtocolError, match="does not name task"):
        proving.check(proof, task_id(9))
    for change in ({"block_hash": "0x" + 64 * "0"}, {"transaction": "0x" + 64 * "1"}):
        with pytest.raises(ProtocolError, match="no such transaction"):
            await proving.confirm(contracts, msgspec.structs.replace(proof, **change))


async def test_a_party_that_does_not_answer_is_left_out_and_asked_again_later(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path, within_s=30)
    tasks = {await work(market, number): number for number in range(1, 6)}
    await relay.step()
    (batch,) = await market.ledger.batches()
    names = {chain_key(name).address: name for name in NAMES}
    silent = next(names[one] for one in batch.parties if names[one].startswith("validator"))
    others = [name for name in NAMES if name != silent]
    await parties.attend(others)
    with pytest.raises(ConflictError, match="has not expired"):
        await parties.signers["client"].check(batch)
    own_chain.ask("evm_increaseTime", 60)
    own_chain.mine(6)
    await relay.step()  # dropped
    assert not await market.ledger.batches()
    await relay.step()
    left = await market.ledger.batches()
    if left:  # some task was judged without the silent one
        assert chain_key(silent).address not in left[0].parties
        await parties.attend(others)
        await relay.step()
        assert (await market.ledger.batches(left[0].tasks[0]))[0].settled
        await relay.step()
    for _ in range(2):
        await relay.step()
    (again,) = await market.ledger.batches()
    assert chain_key(silent).address in again.parties
    await parties.attend()
    await relay.step()
    settled = [task for task in tasks if (await market.ledger.batches(task))[0].settled]
    assert len(settled) == 5
    assert [await nano(market, name) for name in NAMES[1:]] == [0] * 10


async def test_a_batch_that_is_not_what_the_evidence_says_is_not_signed(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    await work(market, 1)
    await work(market, 2)
    await relay.step()
    (batch,) = await market.ledger.batches()
    signer = parties.signers["client"]
    for other, words in (
        (msgspec.structs.replace(batch, tasks=batch.tasks[:1]), "not what its tasks' evidence says"),
        (msgspec.structs.replace(batch, expires_s=batch.expires_s + 1), "not what its tasks' evidence says"),
        (msgspec.structs.replace(batch, expires_s=batch.expires_s + 9_000), "expires at"),
        (msgspec.structs.replace(batch, tasks=()), "has 0 tasks"),
        (msgspec.structs.replace(batch, claims=()), "no address of"),
        (
            msgspec.structs.replace(
                batch, claims=(msgspec.structs.replace(batch.claims[0], account=party("producer 0").node_id),)
            ),
            "was not given to",
        ),
        (msgspec.structs.replace(batch, digest=bytes(32)), "not what its tasks' evidence says"),
    ):
        with pytest.raises(AntiphonError, match=words):
            await signer.check(other)
    parties.lying.change = lambda query, answer: (
        tuple(msgspec.structs.replace(one, digest=bytes(32)) for one in answer)
        if isinstance(query, ListBatches)
        else answer
    )
    assert await parties.attend() == 0
    with pytest.raises(InputError, match="another statement"):
        await market.do(CLIENT, SignBatch(batch=batch.number, signature=bytes(64)))
    with pytest.raises(ConflictError, match="waits for no signatures"):
        await market.do(CLIENT, SignBatch(batch=99, signature=bytes(64)))


async def test_a_batch_is_settled_once_whoever_brings_it_and_wherever_the_relay_was_killed(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    from antiphon.ledger.relay import netting
    from antiphon.ledger.relay.settling import KeptBatch
    from antiphon.protocol import canonical

    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    await work(market, 1)
    await relay.step()
    again = await settler(market, tmp_path)  # killed after it had proposed: the batch is the same
    await again.step()
    (batch,) = await market.ledger.batches()
    await parties.attend()
    store, facts = market.ledger._store, market.ledger._facts
    ((_, _, record),) = await store.write(lambda s: batches.find(s.db, number=batch.number))
    signed = await store.write(lambda s: batches.signatures(s.db, batch.number))
    rs = {one: (int.from_bytes(raw[:32]), int.from_bytes(raw[32:])) for one, raw in signed.items()}
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "client-outbox.db", confirmations=2, fees=Fees()
    )
    await netting.settle(outbox, facts.contracts.quorum, canonical.parse(KeptBatch, record).net, rs)
    third = await settler(market, tmp_path)  # killed after all had signed; a client has brought it
    await third.step()
    assert (await market.ledger.batches(task_id(1)))[0].settled
    nets = {accounts.balance(party("producer 0").node_id): 5}
    await store.write(lambda s: batches.take_off(s.db, f"batch {batch.number}", nets, at_ms=1))
    assert [await nano(market, name) for name in NAMES[1:]] == [0] * 10, "what is settled is taken off once"


async def test_more_than_256_parts_of_a_session_are_netted(own_chain: Anvil, opened: Open, tmp_path: Path) -> None:
    market = await opened(own_chain)
    facts = market.ledger._facts
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "small.db", confirmations=1, fees=Fees()
    )
    bank = await Outbox.open(facts.contracts.rpc, chain_key("producer 0"), tmp_path / "b.db", confirmations=1)
    await Wallet(facts.contracts, bank).pay(NANO, chain_key("client").address)
    wallet = Wallet(facts.contracts, outbox)
    await wallet.deposit(NANO)
    number = await wallet.open_session(parts=2_000, part_nano=400, lasts_s=6 * 86_400, relay=OPERATOR.node_id)
    own_chain.mine(5)
    await market.claim(number)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    for task in (1, 2):
        await work(market, task)
        await relay.step()
        await parties.attend()
        await relay.step()
        assert (await market.ledger.batches(task_id(task)))[0].settled
    spent = 800_000 - (await facts.contracts.quorum.read("sessions", number))[4]
    assert spent > 256 * 400
    assert await facts.contracts.quorum.read("is_settled", number, 256)
    assert not await facts.contracts.quorum.read("is_settled", number, -(-spent // 400) + 1)
    assert [await nano(market, name) for name in NAMES[1:]] == [0] * 10


async def test_a_task_with_a_fine_and_one_that_paid_nobody_are_set_aside(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    relay = await settler(market, tmp_path)
    await work(market, 1, votes=(VALID, VALID, INVALID))
    await relay.step()
    assert not await market.ledger.batches()
    store = market.ledger._store
    assert not await store.write(lambda s: batches.due(s.db, 9)), "nor is it looked at again"


async def test_a_relay_that_takes_pay_off_its_book_without_settling_it_is_noticed(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    task = await work(market, 1)
    part = await market.ledger.part(task, 0)
    name = next(one for one in NAMES if one != "client" and party(one).node_id == part.rulings[0].producer.node)
    balance = parties.balance(name)
    earned = await nano(market, name)
    assert await balance.check([task]) == earned > 0

    def takes(query: Any, answer: Any) -> Any:
        return msgspec.structs.replace(answer, balance_nano=0) if isinstance(query, ReadAccount) else answer

    parties.lying.change = takes
    with pytest.raises(ProtocolError, match=f"its tasks that are not settled have earned {earned}"):
        await balance.check([task])
    parties.lying.change = lambda _, answer: answer
    await relay.step()
    await parties.attend()
    await relay.step()
    assert await balance.check([task]) == 0, "the chain has it"
    assert OPERATOR.node_id == await parties.watched[name].identity()
