"""A client that takes its session back on the chain, behind the relay's back, gets no more work for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, SPEECH, chain, party, producer, task_id
from relay_market import SESSION_NANO, RelayMarket, chain_key
from test_relay_quorum import BY_NODE, GOOD, Signed
from test_relay_settling import Parties, settler, work

from antiphon.economy.types import NANO, Mode, Part
from antiphon.errors import ConflictError, FundsError
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.operations import OpenTask
from antiphon.ledger.relay import netting, quorum
from antiphon.ledger.relay.backing import LASTS_MS
from antiphon.ledger.relay.vouchers import Voucher, Vouchers, redeem

Open = Callable[..., Awaitable[RelayMarket]]


async def take_back(market: RelayMarket, folder: Path, parts: range, nano: int) -> None:
    """A batch with one party: the client ends parts of its own session, and gives them to itself."""
    contracts, key = market.ledger._facts.contracts, chain_key("client")
    words: dict[int, int] = {}
    for part in parts:
        words[part // 256] = words.get(part // 256, 0) | 1 << part % 256
    spends, left = [], nano
    for word, bits in words.items():
        given = min(left, bits.bit_count() * NANO)
        spends.append((1, word, bits.to_bytes(32), given))
        left -= given
    expires_s = (await contracts.rpc.block("latest")).time_s + 600
    net = netting.Net(
        evidence=bytes(32),
        expires_s=expires_s,
        burnt_nano=0,
        spends=tuple(spends),
        changes=((key.address, nano),),
        clients=(0,) * len(spends),
    )
    outbox = await Outbox.open(contracts.rpc, key, folder / "thief.db", confirmations=2, fees=Fees())
    signed = {key.address: netting.sign(contracts.quorum, contracts.chain.chain_id, net, key)}
    await netting.settle(outbox, contracts.quorum, net, signed)


@pytest.mark.parametrize("nano", [1, SESSION_NANO])
async def test_a_session_that_its_client_took_back_buys_nothing_more(
    own_chain: Anvil, opened: Open, tmp_path: Path, nano: int
) -> None:
    market = await opened(own_chain)
    await work(market, 1)
    await take_back(market, tmp_path, range(1 + nano // NANO) if nano == 1 else range(1_000), nano)
    market.clock.advance(LASTS_MS // 1_000)
    with pytest.raises(ConflictError, match=f"has given {nano} nano on the chain, of which 0 for tasks here"):
        await market.open(task_id(2))


async def test_a_promised_part_that_its_client_ends_for_nothing_is_noticed(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed = Signed(market, tmp_path)
    await signed.work(1)
    await take_back(market, tmp_path, range(499, 500), 0)
    market.clock.advance(LASTS_MS // 1_000)
    with pytest.raises(ConflictError, match="Part 499 of session 1 was promised for a task"):
        await market.open(task_id(2))


async def test_what_was_taken_back_before_the_claim_buys_nothing(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain, found=False)
    await take_back(market, tmp_path, range(1_000), SESSION_NANO)
    await market.found()
    with pytest.raises(ConflictError, match="has given"):
        await market.open(task_id(1))


async def test_who_settles_as_the_relay_orders_or_by_quorum_goes_on(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, parties, relay = Signed(market, tmp_path), Parties(market, tmp_path), await settler(market, tmp_path)
    facts = market.ledger._facts

    async def goes_on(number: int) -> None:
        market.clock.advance(LASTS_MS // 1_000)
        await signed.work(number)

    await goes_on(1)
    await relay.step()
    await goes_on(2)  # a batch waits for signatures
    await parties.attend()
    await relay.step()
    assert (await market.ledger.batches(task_id(1)))[0].settled
    await goes_on(3)
    record, opened_ = await market.ledger.part(task_id(2), 0), await market.ledger.task(task_id(2))
    outbox = await Outbox.open(
        facts.contracts.rpc, chain_key("client"), tmp_path / "client.db", confirmations=2, fees=Fees()
    )
    (case,) = quorum.cases(
        record, opened_.request_hash, CLIENT.node_id, facts.contracts.quorum, facts.contracts.chain.chain_id
    )
    await quorum.settle(outbox, facts.contracts.quorum, case)
    await goes_on(4)  # not noted yet
    await market.ledger.follow()
    await goes_on(5)


async def test_a_node_does_not_order_with_what_the_chain_is_about_to_pay_it(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    await work(market, 1)
    rich = producer(await market.ledger.part(task_id(1), 0))
    assert (await market.ledger.account(rich)).balance_nano
    part = Part(index=0, units=1)
    opening = OpenTask(
        task=task_id(2), mode=Mode.VERIFIED, request_hash=bytes(32), tips=(chain(task_id(2), 0).tip,), parts=(part,),
        selector=SPEECH, max_total_nano=NANO,
    )  # fmt: skip
    with pytest.raises(FundsError, match="paid out of a session, and this account has none"):
        await market.do(party(BY_NODE[rich]), opening)


async def test_a_part_that_its_client_gives_to_itself_is_not_its_producers_pay(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, contracts = Signed(market, tmp_path), market.ledger._facts.contracts
    task = await signed.work(1)
    record, opened_ = await market.ledger.part(task, 0), await market.ledger.task(task)
    maker = producer(record)
    earned = (await market.ledger.account(maker)).balance_nano
    where = contracts.quorum, contracts.chain.chain_id
    (real,) = quorum.cases(record, opened_.request_hash, CLIENT.node_id, *where)
    key, seats = chain_key("client"), [chain_key(f"own seat {n}") for n in range(3)]
    seats.sort(key=lambda one: int(one.address, 16))
    given = real.assignment.reward_nano + sum(fee for _, _, fee in real.assignment.seats)
    fake = msgspec.structs.replace(
        real.assignment,
        producer=key.address,
        reward_nano=given - 3,
        seats=tuple((seat.address, "", 1) for seat in seats),
    )

    def split(signature: bytes) -> tuple[int, int]:
        return int.from_bytes(signature[:32]), int.from_bytes(signature[32:])

    case = msgspec.structs.replace(
        real,
        assignment=fake,
        client=split(quorum.sign(quorum.assignment_digest(*where, fake), key)),
        votes=tuple((GOOD, split(quorum.sign(quorum.vote_digest(*where, fake, GOOD), seat))) for seat in seats),
    )
    outbox = await Outbox.open(contracts.rpc, key, tmp_path / "thief.db", confirmations=2, fees=Fees())
    await quorum.settle(outbox, contracts.quorum, case)
    await market.ledger.follow()
    assert earned > 0
    assert (await market.ledger.account(maker)).balance_nano == earned, "nobody has paid it yet"
    market.clock.advance(LASTS_MS // 1_000)
    with pytest.raises(ConflictError, match="has given"):
        await market.open(task_id(2))


async def test_what_a_voucher_paid_on_the_chain_leaves_the_book_once(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, contracts = Signed(market, tmp_path), market.ledger._facts.contracts
    record = await market.ledger.part(await signed.work(1), 0)
    maker = producer(record)
    earned = (await market.ledger.account(maker)).balance_nano
    terms, key = record.endorsed[0].operation, chain_key(BY_NODE[maker])
    made = Voucher(
        session=1, part=terms.part, producer=key.address, amount=earned - 7, position=1, stream=bytes(32), due=0
    )
    kept = msgspec.structs.replace(made, signature=Vouchers(contracts.chain).sign(made, chain_key("client")))
    outbox = await Outbox.open(contracts.rpc, key, tmp_path / "maker.db", confirmations=2, fees=Fees())
    await redeem(outbox, contracts.quorum, [kept])
    for _ in range(2):
        await market.ledger.follow()
        assert (await market.ledger.account(maker)).balance_nano == 7
    market.clock.advance(LASTS_MS // 1_000)
    await market.open(task_id(2))
