"""What is signed while a task runs over a relay is enough for the chain: without the relay, and against who cheated."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, INVALID, OPERATOR, SALT, VALID, party, producer, seated, task_id
from relay_market import BOND_NANO, SESSION_NANO, RelayMarket, chain_key, nodes
from test_relay_settling import NAMES, Parties, nano, on_chain, settler

from antiphon.economy.types import Role, Vote
from antiphon.errors import AntiphonError, ConflictError, InputError
from antiphon.ledger.evm import config
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.operations import Endorse, Reveal
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartRecord, PartState, TaskRecord
from antiphon.ledger.relay import quorum
from antiphon.ledger.relay.notary import ChainNotary
from antiphon.ledger.relay.signing import SigningStore
from antiphon.protocol import Identity

Open = Callable[..., Awaitable[RelayMarket]]
BY_NODE = {party(name).node_id: name for name, _, _ in nodes()} | {CLIENT.node_id: "client"}
GOOD = msgspec.structs.replace(VALID, measurements=())


class Signed:
    """A market in which everybody signs for the chain, too."""

    def __init__(self, market: RelayMarket, folder: Path) -> None:
        self.market, self.folder = market, folder
        facts = market.ledger._facts
        self.stores = {name: SigningStore(folder / f"notary-{name}.db") for name in NAMES}
        self.notaries = {
            name: ChainNotary(facts, chain_key(name), self.stores[name], node, OPERATOR.node_id, market.clock)
            for node, name in BY_NODE.items()
        }

    async def endorse(self, who: Identity, task: str, index: int = 0) -> Endorse | None:
        record, opened = await self.market.ledger.part(task, index), await self.market.ledger.task(task)
        made = await self.notaries[BY_NODE[who.node_id]].endorse(opened, record, who.node_id)
        if made is not None:
            await self.market.do(who, made)
        return made

    async def work(self, number: int, votes: Sequence[Vote] = (GOOD,) * 3, silent: int = 0) -> str:
        """A task from its opening to its verdict; of the seats, the last `silent` sign no ballot."""
        market, task = self.market, task_id(number)
        await market.open(task)
        record = await market.deliver(task)
        maker = BY_NODE[producer(record)]
        assert await self.endorse(CLIENT, task)
        assert await self.endorse(party(maker), task)
        seats = seated(record)
        for who, vote in zip(seats, votes, strict=True):
            await market.commit(task, 0, who, vote)
        for place, (who, vote) in enumerate(zip(seats, votes, strict=True)):
            record, opened = await market.ledger.part(task, 0), await market.ledger.task(task)
            ballot = await self.notaries[BY_NODE[who]].ballot(record, opened, vote)
            assert len(ballot) == 64
            ballot = b"" if place >= len(seats) - silent else ballot
            await market.do(who, Reveal(task=task, index=0, round=0, vote=vote, salt=SALT, ballot=ballot))
        await self.notaries[maker].keep(await market.ledger.task(task), await market.ledger.part(task, 0))
        return task


async def alone(anvil: Anvil, chain: object, folder: Path, name: str) -> tuple[Contracts, Outbox, Rpc]:
    """The chain as somebody sees it who has never heard of a relay."""
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain)
    outbox = await Outbox.open(rpc, chain_key(name), folder / f"alone-{name}.db", confirmations=2, fees=Fees())
    return contracts, outbox, rpc


def case_of(contracts: Contracts, kept: tuple[TaskRecord, PartRecord]) -> quorum.Case:
    opened, record = kept
    (made,) = quorum.cases(record, opened.request_hash, opened.client, contracts.quorum, contracts.chain.chain_id)
    return made


def paid(record: PartRecord) -> dict[str, int]:
    """What the ruling gave, by name."""
    found: dict[str, int] = {}
    for move in record.rulings[-1].settlement.transfers:
        kind, _, node = move.target.partition(":")
        if kind == "balance" and node != CLIENT.node_id:
            found[BY_NODE[node]] = found.get(BY_NODE[node], 0) + move.amount_nano
    return found


async def test_a_relay_that_is_gone_for_good_after_a_vote_keeps_no_pay_from_a_producer(
    own_chain: Anvil, opened: Open, deployed, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed = Signed(market, tmp_path)
    task = await signed.work(1)
    record = await market.ledger.part(task, 0)
    expected, maker = paid(record), BY_NODE[producer(record)]
    await market.ledger.close()
    (tmp_path / "relay.db").unlink()  # it is never heard of again
    contracts, outbox, rpc = await alone(own_chain, deployed[1], tmp_path, maker)
    (kept,) = signed.stores[maker].cases(task)
    case = case_of(contracts, kept)
    receipt = await quorum.settle(outbox, contracts.quorum, case)
    assert await quorum.settle(outbox, contracts.quorum, case) == receipt, "given again, it is the same transaction"
    for name in NAMES[1:]:
        found = await contracts.quorum.read("balances", chain_key(name).address)
        assert found == expected.get(name, 0), name
    assert expected[maker] > 0
    assert (await contracts.quorum.read("sessions", 1))[4] == SESSION_NANO - sum(expected.values())
    other = await Outbox.open(rpc, chain_key("client"), tmp_path / "other.db", confirmations=2, fees=Fees())
    with pytest.raises(AntiphonError, match="settled already"):
        await quorum.settle(other, contracts.quorum, case)
    await rpc.close()


async def test_the_bond_of_a_producer_that_cheats_pays_and_so_does_a_dissenters(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, facts = Signed(market, tmp_path), market.ledger._facts
    bad = await signed.work(1, (INVALID, INVALID, INVALID))
    dissent = await signed.work(2, (GOOD, GOOD, INVALID))
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "client.db", confirmations=2, fees=Fees()
    )
    fined: dict[str, int] = {}
    cases = []
    for task in (bad, dissent):
        record = await market.ledger.part(task, 0)
        maker = BY_NODE[record.rulings[0].producer.node]
        (kept,) = signed.stores[maker].cases(task)
        cases.append(case_of(facts.contracts, kept))
        await quorum.settle(outbox, facts.contracts.quorum, cases[-1])
        with pytest.raises(AntiphonError, match="too early"):
            await quorum.carry_out(outbox, facts.contracts, cases[-1])
        for move in record.rulings[0].settlement.transfers:
            if move.source.startswith("stake:"):
                name = BY_NODE[move.source.removeprefix("stake:")]
                fined[name] = fined.get(name, 0) + move.amount_nano
    own_chain.ask("evm_increaseTime", 4_000)
    own_chain.mine(3)
    for case in cases:
        assert await quorum.carry_out(outbox, facts.contracts, case)
    assert len(fined) == 2
    for name in NAMES[1:]:
        bond = await facts.contracts.quorum.read("bonds", chain_key(name).address)
        assert bond == BOND_NANO - fined.get(name, 0), name
    assert await facts.contracts.registry.read("claims", chain_key("client").address) > 0, "the client is made whole"


async def test_a_vote_that_is_missing_is_waited_for_and_then_left_out(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, facts = Signed(market, tmp_path), market.ledger._facts
    await asyncio.to_thread(own_chain.mine, 1)
    now_s = (await facts.contracts.rpc.block("latest")).time_s
    market.clock.advance(now_s - market.clock.now_ms() // 1_000)
    for name, role, price in nodes():
        await market.register(party(name), role, price)
    task = await signed.work(1, silent=1)
    record, opened_ = await market.ledger.part(task, 0), await market.ledger.task(task)
    maker = BY_NODE[producer(record)]
    case = case_of(facts.contracts, (opened_, record))
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key(maker), tmp_path / "maker.db", confirmations=2, fees=Fees()
    )
    with pytest.raises(AntiphonError, match="a vote is missing"):
        await quorum.settle(outbox, facts.contracts.quorum, case)
    own_chain.ask("evm_increaseTime", case.assignment.due_s - now_s + 60)
    own_chain.mine(3)
    await quorum.settle(outbox, facts.contracts.quorum, case)
    assert await on_chain(market, maker) == paid(record)[maker]


async def test_what_the_quorum_settled_leaves_the_relays_book_and_is_not_netted(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, facts = Signed(market, tmp_path), market.ledger._facts
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path)
    alone_, netted, fine = [await signed.work(n, v) for n, v in ((1, (GOOD,) * 3), (2, (GOOD,) * 3))] + [
        await signed.work(3, (GOOD, GOOD, INVALID))
    ]
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "client.db", confirmations=2, fees=Fees()
    )
    for task in (alone_, fine):
        record, opened_ = await market.ledger.part(task, 0), await market.ledger.task(task)
        case = case_of(facts.contracts, (opened_, record))
        await quorum.settle(outbox, facts.contracts.quorum, case)
    own_chain.ask("evm_increaseTime", 4_000)
    own_chain.mine(3)
    assert await quorum.carry_out(outbox, facts.contracts, case)
    maker = BY_NODE[(await market.ledger.part(alone_, 0)).rulings[0].producer.node]
    assert await parties.balance(maker).check([alone_]) > 0, "it is still on the relay's book"
    await market.ledger.follow()
    left = await parties.balance(maker).check([alone_, netted, fine])
    assert left == await nano(market, maker), "what the chain has paid, the relay need not"
    await relay.step()
    (batch,) = await market.ledger.batches()
    assert batch.tasks == (netted,)
    await parties.attend()
    await relay.step()
    for name in NAMES[1:]:
        assert await nano(market, name) == 0, name
        account = await market.ledger.account(party(name).node_id)
        assert account.stake_nano == await facts.contracts.quorum.read("bonds", chain_key(name).address), name
    record, opened_ = await market.ledger.part(netted, 0), await market.ledger.task(netted)
    with pytest.raises(AntiphonError, match="settled already"):
        await quorum.settle(outbox, facts.contracts.quorum, case_of(facts.contracts, (opened_, record)))
    supply = await market.ledger.supply()
    stakes = sum([(await market.ledger.account(party(name).node_id)).stake_nano for name in NAMES[1:]])
    assert supply.issued_nano - supply.burnt_nano == await nano(market, "client") + stakes


async def test_evidence_keeps_the_signatures_and_replays_with_them(
    founded: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(founded)
    signed = Signed(market, tmp_path)
    task = await signed.work(1)
    receipt = await build(market.ledger, task)
    report = audit(receipt, ledger=OPERATOR.node_id)
    assert report.named == ((1, 499),)
    record = await market.ledger.part(task, 0)
    assert [one.node for one in record.endorsed] == [CLIENT.node_id, producer(record)]
    assert {one.node for one in record.ballots} == set(record.rulings[0].votes)
    await signed.work(2)
    assert (await market.ledger.part(task_id(2), 0)).endorsed[0].operation.part == 498, "each part is promised once"


async def test_what_the_chain_does_not_back_is_not_signed(founded: Anvil, opened: Open, tmp_path: Path) -> None:
    market = await opened(founded)
    signed = Signed(market, tmp_path)
    task = task_id(1)
    await market.open(task)
    record = await market.deliver(task)
    maker, opened_ = BY_NODE[producer(record)], await market.ledger.task(task)
    good = await signed.notaries["client"].endorse(opened_, record, CLIENT.node_id)
    assert good is not None
    for change in (
        {"session": 99},
        {"part": 2_000},
        {"producer": chain_key("client").address},
        {"due_s": 2**39},
        {"seats": good.seats[::-1]},
        {"signature": bytes(64)},
    ):
        bad = msgspec.structs.replace(good, **change)
        fake = msgspec.structs.replace(record, endorsed=(*record.endorsed, type_endorsed(CLIENT.node_id, bad)))
        assert await signed.notaries[maker].endorse(opened_, fake, party(maker).node_id) is None, change
    fake = msgspec.structs.replace(
        record,
        endorsed=(type_endorsed(CLIENT.node_id, msgspec.structs.replace(good, seats=(chain_key("x").address,) * 3)),),
    )
    assert await signed.notaries[BY_NODE[seated(record)[0]]].ballot(fake, opened_, GOOD) == b""
    with pytest.raises(ConflictError, match="has not endorsed"):
        await market.do(producer(record), good)
    with pytest.raises((ConflictError, InputError)):
        await market.do(seated(record)[0], good)
    await market.do(CLIENT, good)
    with pytest.raises(ConflictError, match="has endorsed"):
        await market.do(CLIENT, msgspec.structs.replace(good, part=1))
    with pytest.raises(InputError, match="An address has"):
        await market.do(CLIENT, msgspec.structs.replace(good, producer="0x12"))
    assert (await market.judge(task)).state is PartState.VALID
    assert Role.PROCESSOR in {role for _, role, _ in nodes()}


def type_endorsed(node: str, operation: Endorse):
    from antiphon.ledger.records import Endorsed

    return Endorsed(node=node, operation=operation)


async def test_the_command_settles_a_task_alone_with_what_its_data_folder_kept(
    own_chain: Anvil, opened: Open, deployed, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed = Signed(market, tmp_path)
    task = await signed.work(1)
    record, opened_ = await market.ledger.part(task, 0), await market.ledger.task(task)
    home = tmp_path / "home"
    config.save(home / "chain.json", deployed[1])
    SigningStore(home / "relays" / "gone.db").keep_case(opened_, record)
    maker = BY_NODE[producer(record)]
    environment = {
        **os.environ,
        "ANTIPHON_HOME": str(home),
        "ANTIPHON_RPC": own_chain.url,
        "ANTIPHON_CHAIN_KEY": hashlib.sha256(f"chain key of {maker}".encode()).hexdigest(),
    }

    async def command(*words: str) -> tuple[int | None, str]:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "antiphon", *words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return started.returncode or await started.wait(), (await started.stdout.read()).decode()

    code, told = await command("chain", "settle", task[:8])
    assert (code, "settled in block" in told) == (0, True), told
    assert await on_chain(market, maker) == paid(record)[maker]
    code, told = await command("chain", "settle", "f" * 32)
    assert code
    assert "Nothing that was signed" in told
