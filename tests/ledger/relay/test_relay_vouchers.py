"""Listening over a relay: who hangs up pays for what was heard, to the unit; no producer risks more than one chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, OPERATOR, SPEECH, party, task_id
from ledger_market import producer as maker
from network_of import ScriptedEvaluator, ToneRunner, collect, say
from relay_market import RelayMarket, chain_key

from antiphon.client.client import Client, Job
from antiphon.client.events import Audio, Opened
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Mode
from antiphon.errors import AntiphonError, ConflictError, ProtocolError, UnavailableError
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.operations import Cancel, Decline, Redeem, Skip
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState
from antiphon.ledger.relay import netting
from antiphon.ledger.relay import vouchers as chain_vouchers
from antiphon.ledger.relay.collecting import SessionWallet, VoucherStore, due
from antiphon.ledger.relay.collecting import redeem as redeem_kept
from antiphon.ledger.relay.vouchers import Voucher, Vouchers
from antiphon.ledger.vouchers import HEARD, Funds, Heard, owed_nano
from antiphon.nodes.producer import Producer
from antiphon.nodes.production import FRAME_BYTES
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Context
from antiphon.protocol import canonical, envelope
from antiphon.transport import InProcessTransport

Open = Callable[..., Awaitable[RelayMarket]]
TEXT = "A sentence that takes a while to be heard, and is cut into several chunks of sound. " * 3
FUNDS = Funds(session=1, part=3, payer=chain_key("client").address, part_nano=10**9, due_s=1_000)
HEARD_IT = Heard(index=0, attempt=0, position=96_000, stream=b"s" * 32, amount_nano=5_000, signature=b"")


def voucher(**changes: object) -> Voucher:
    made = Voucher.of(FUNDS, chain_key("producer 0").address, HEARD_IT)
    return msgspec.structs.replace(made, **changes)


def test_a_voucher_is_what_eip_712_says(deployed) -> None:
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    chain = deployed[1]
    fields = {"session": "uint256", "part": "uint256", "producer": "address", "amount": "uint256"}
    fields |= {"position": "uint256", "stream": "bytes32", "due": "uint256"}
    types = {"Voucher": [{"name": name, "type": kind} for name, kind in fields.items()]}
    domain = {"name": "Antiphon quorum", "version": "1", "chainId": chain.chain_id}
    domain["verifyingContract"] = chain.contracts["quorum"].address
    made, key = voucher(), chain_key("client")
    message = encode_typed_data(domain, types, {name: getattr(made, name) for name in fields})
    signature = Vouchers(chain).sign(made, key)
    r, vs = signature[:32], int.from_bytes(signature[32:], "big")
    expanded = r + (vs & (2**255 - 1)).to_bytes(32, "big") + bytes([27 + (vs >> 255)])
    assert Account.recover_message(message, signature=expanded) == key.address


def test_a_voucher_counts_as_it_was_signed_on_its_own_network(deployed) -> None:
    chain, key = deployed[1], chain_key("client")
    vouchers = Vouchers(chain)
    signed = voucher(signature=vouchers.sign(voucher(), key))
    vouchers.check(signed, key.address)
    changes = ("session", 2), ("part", 4), ("amount", 5_001), ("position", 1), ("stream", bytes(32)), ("due", 999)
    for field, value in (*changes, ("producer", chain_key("producer 1").address), ("signature", b"")):
        with pytest.raises(ProtocolError, match="not signed by"):
            vouchers.check(msgspec.structs.replace(signed, **{field: value}), key.address)
    for other in (
        msgspec.structs.replace(chain, chain_id=1),
        msgspec.structs.replace(chain, contracts=chain.contracts | {"quorum": chain.contracts["market"]}),
    ):
        with pytest.raises(ProtocolError, match="for this chain and contract"):
            Vouchers(other).check(signed, key.address)


@asynccontextmanager
async def listening(
    market: RelayMarket, anvil: Anvil, folder: Path, *, wallet: str = "client", runner: ToneRunner | None = None
) -> AsyncIterator[tuple[Client, Producer]]:
    """A client and real nodes at a relay whose chain is `anvil`: one producer, three validators."""
    transport, facts, clock = InProcessTransport(), market.ledger._facts, SystemClock()
    store = VoucherStore(facts, party("producer 0").node_id, folder / "vouchers.db")
    made = Producer(
        Context(party("producer 0"), market.ledger, transport, clock, collector=store), runner or ToneRunner(1_000)
    )
    evaluator = ScriptedEvaluator()
    nodes = {"producer 0": made} | {
        f"validator {n}": Validator(Context(party(f"validator {n}"), market.ledger, transport, clock), evaluator, 100)
        for n in range(4)
    }
    for name, node in nodes.items():
        await node.start(transport.register(name, node.handle))
    signer = SessionWallet(facts, chain_key(wallet)) if wallet else None
    try:
        yield Client(Context(CLIENT, market.ledger, transport, clock, wallet=signer)), made
    finally:
        for node in nodes.values():
            await node.drain()
            await node.stop()
        await transport.close()
        store.close()


@pytest.fixture
async def market(own_chain: Anvil, opened: Open) -> RelayMarket:
    made = await opened(own_chain, SystemClock(), found=False)
    await made.claim(1)
    return made


JOB = Job(
    selector=msgspec.structs.replace(SPEECH, voice="tone"), requests=say(TEXT), mode=Mode.STREAM, max_total_nano=None
)


async def hang_up(client: Client, after_bytes: int) -> tuple[str, int]:
    """The task, and how many bytes were heard."""
    task, heard = "", 0
    async with aclosing(client.run(JOB)) as events:
        async for event in events:
            if isinstance(event, Opened):
                task = event.task
            elif isinstance(event, Audio) and event.audio is not None:
                heard += 2 * event.audio.samples.shape[1]
                if heard >= after_bytes:
                    break
    return task, heard


async def closed(client: Client, task: str):
    async with asyncio.timeout(300):
        record = await client.context.ledger.part(task, 0)
        while not record.state.final:
            record = await client.changed(record)
    return record


@pytest.mark.parametrize("chunks", [1, 3])
async def test_who_hangs_up_pays_for_what_was_heard_to_the_unit(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path, chunks: int
) -> None:
    ledger = market.ledger
    async with listening(market, own_chain, tmp_path) as (client, producer):
        before = (await ledger.account(CLIENT.node_id)).balance_nano
        task, heard = await hang_up(client, chunks * FRAME_BYTES)
        record = await closed(client, task)
        assert record.state is PartState.CANCELLED
        terms = record.assignment.producers[0]
        told = int(record.notes[-1].split()[0])
        assert heard <= told < len(TEXT) * 2_400, "what had arrived when the listener hung up"
        owed = owed_nano(terms.reward_nano, record.part.units, 48_000, told, record.funds)
        assert 0 < owed < terms.reward_nano
        assert before - (await ledger.account(CLIENT.node_id)).balance_nano == owed
        assert (await ledger.account(producer.node_id)).balance_nano == owed
        report = audit(await build(ledger, task), ledger=OPERATOR.node_id)
        assert report.drawn == ((1, record.funds.part, owed),)


async def test_a_stream_that_is_heard_to_its_end_is_judged_and_paid_as_ever(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path
) -> None:
    async with listening(market, own_chain, tmp_path) as (client, producer):
        events, (done,) = await collect(client, JOB)
        assert done.parts[0].state is PartState.VALID
        assert sum(e.audio.samples.shape[1] for e in events if isinstance(e, Audio) and e.audio) == len(TEXT) * 1_200
        assert (await market.ledger.account(producer.node_id)).balance_nano == done.parts[0].assignment.producers[
            0
        ].reward_nano


async def test_who_signs_nothing_is_sent_one_chunk_and_no_more(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.nodes.production.VOUCHER_S", 0.5)

    async def silent(*_: object) -> None:
        return None

    monkeypatch.setattr("antiphon.client.attempt._vouch", silent)
    async with listening(market, own_chain, tmp_path) as (client, producer):
        heard, said = 0, ""
        try:
            async for event in client.run(JOB):
                if isinstance(event, Audio) and event.audio is not None:
                    heard += 2 * event.audio.samples.shape[1]
        except UnavailableError as error:
            said = error.what
        assert (heard, "no voucher" in said) == (FRAME_BYTES, True)
        assert (await market.ledger.account(producer.node_id)).balance_nano < 10**6, "what stood by is paid for that"


async def test_a_voucher_that_goes_back_or_is_over_too_little_is_refused(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal is one line, and the producer goes on with what it had."""
    refused: list[str] = []
    async with listening(market, own_chain, tmp_path) as (client, producer):
        wallet, endpoint = client.context.wallet, producer._endpoint
        sign = wallet.sign

        async def also_wrong(funds: Funds, node: str, heard: Heard) -> Heard:
            for changed in (
                {"amount_nano": heard.amount_nano - 1},
                {"position": heard.position - 2},
                {"stream": bytes(32)},
                {"index": 7},
            ):
                wrong = await sign(funds, node, msgspec.structs.replace(heard, **changed))
                await told(wrong)
            other = msgspec.structs.replace(funds, session=2)
            await told(await sign(other, node, heard))
            return await sign(funds, node, heard)

        async def told(wrong: Heard) -> None:
            try:
                message = client.sign(HEARD, producer.node_id, producer_task(producer), wrong)
                async for _ in client.context.transport.request(endpoint, message, deadline_s=5):
                    pass
            except AntiphonError as error:
                refused.append(error.what)

        monkeypatch.setattr(wallet, "sign", also_wrong)
        task, _ = await hang_up(client, FRAME_BYTES)
        record = await closed(client, task)
        assert record.notes[-1].endswith("were heard")
    words = ("are owed", "not what was sent", "not what was sent", "not streamed", "not signed by")
    assert all(word in line for word, line in zip(words, refused[:5], strict=True)), refused


def producer_task(producer: Producer) -> str:
    return next(iter(producer._vouched))[0]


async def test_without_a_key_a_stream_is_heard_once_it_is_valid(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path
) -> None:
    async with listening(market, own_chain, tmp_path, wallet="") as (client, _):
        task, heard = await hang_up(client, 1)
        record = await closed(client, task)
        assert (record.funds, record.state) == (None, PartState.VALID)
        assert heard > 0


async def test_what_was_heard_is_netted_out_of_its_own_part(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path
) -> None:
    facts = market.ledger._facts
    quorum = facts.contracts.quorum
    async with listening(market, own_chain, tmp_path) as (client, producer):
        task, _ = await hang_up(client, FRAME_BYTES)
        record = await closed(client, task)
        report = audit(await build(market.ledger, task), ledger=OPERATOR.node_id)
    ((session, part, nano),) = report.drawn
    named = netting.named_parts([report], {CLIENT.node_id: session})
    purse = await netting.purse(quorum, session, nano, named[CLIENT.node_id])
    addresses = {producer.node_id: chain_key("producer 0").address, CLIENT.node_id: purse.client}
    expires_s = (await facts.contracts.rpc.block("latest")).time_s + 3_600
    net = netting.propose([report], addresses, {CLIENT.node_id: purse}, expires_s, named)
    assert net.spends == ((session, part // 256, (1 << part % 256).to_bytes(32), nano),)
    keys = {chain_key(name).address: chain_key(name) for name in ("client", "producer 0")}
    chain_id = facts.contracts.chain.chain_id
    signatures = {address: netting.sign(quorum, chain_id, net, keys[address]) for address, _ in net.changes}
    outbox = await outbox_of(facts, "producer 0", tmp_path)
    await netting.settle(outbox, quorum, net, signatures)
    assert await quorum.read("is_settled", session, part)
    (kept,) = due(tmp_path / "vouchers.db", quorum.address, record.funds.due_s)
    assert (kept.part, kept.amount) == (part, nano), "and its voucher brings nothing any more"


async def outbox_of(facts, name: str, folder: Path) -> Outbox:
    rpc = facts.contracts.rpc
    return await Outbox.open(rpc, chain_key(name), folder / f"{name}.db", confirmations=2, fees=Fees())


async def test_when_the_relay_is_gone_the_chain_pays_what_was_heard_and_the_rest_comes_back(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path
) -> None:
    facts, quorum = market.ledger._facts, market.ledger._facts.contracts.quorum
    file = tmp_path / "vouchers.db"
    async with listening(market, own_chain, tmp_path) as (client, _):
        task, _ = await hang_up(client, 2 * FRAME_BYTES)
        record = await closed(client, task)
    now_s = (await facts.contracts.rpc.block("latest")).time_s
    assert due(file, quorum.address, now_s) == ()
    (kept,) = due(file, quorum.address, record.funds.due_s)
    outbox = await outbox_of(facts, "producer 0", tmp_path)
    with pytest.raises(AntiphonError, match="not due, or expired"):
        await chain_vouchers.redeem(outbox, quorum, [kept])
    own_chain.ask("evm_setNextBlockTimestamp", record.funds.due_s + 1)
    own_chain.mine(3)
    stolen = await outbox_of(facts, "producer 1", tmp_path)
    with pytest.raises(AntiphonError, match="wrong signature"):
        await chain_vouchers.redeem(stolen, quorum, [kept])
    assert await redeem_kept(facts, stolen, file, chain_key("producer 1").address) == 0, "none of its own"
    assert await redeem_kept(facts, outbox, file, chain_key("producer 0").address) == kept.amount
    assert await quorum.read("balances", chain_key("producer 0").address) == kept.amount > 0
    assert await quorum.read("is_settled", kept.session, kept.part)
    own_chain.ask("evm_setNextBlockTimestamp", record.funds.due_s + 7_200)
    own_chain.mine(3)
    bank = await outbox_of(facts, "producer 2", tmp_path)
    await bank.send("close", quorum.address, quorum.encode("close", kept.session))
    assert await quorum.read("balances", chain_key("client").address) == 1_000 * NANO - kept.amount
    assert await redeem_kept(facts, outbox, file, chain_key("producer 0").address) == 0
    assert due(file, quorum.address, 2**60) == ()


def vouching(market: RelayMarket, record, who=CLIENT, **changes: object) -> bytes:
    """A voucher for the part's producer, as an envelope."""
    fields = {"index": 0, "attempt": record.attempt, "position": 96_000, "stream": bytes(32), "amount_nano": 5_000}
    heard = Heard(**(fields | {"signature": b""} | changes))
    to, body = maker(record), canonical.encode(heard)
    return envelope.sign(who, kind=HEARD, receiver=to, task=record.task, body=body, clock=market.clock)


async def listened(market: RelayMarket, number: int):
    await market.open(task_id(number), mode=Mode.STREAM, payer=FUNDS.payer)
    record = await market.ledger.part(task_id(number), 0)
    assert record.funds is not None
    return record


async def redeem(market: RelayMarket, record, raw: bytes, who: str = "") -> None:
    operation = Redeem(task=record.task, index=0, attempt=record.attempt, heard=raw)
    await market.do(who or maker(record), operation)


async def test_the_relay_pays_by_the_clients_word_alone(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    record = await listened(market, 1)
    reward = record.assignment.producers[0].reward_nano
    mallory = record.assignment.producers[-1].node
    for raw, why in (
        (vouching(market, record, who=party("validator 0")), "not the client's word"),
        (vouching(market, record, attempt=1), "not for attempt 0"),
        (vouching(market, record, amount_nano=reward + 1), "more than"),
        (vouching(market, record, amount_nano=0), "more than"),
        (b"?", "cannot be read|Envelope|message"),
    ):
        with pytest.raises(AntiphonError, match=why):
            await redeem(market, record, raw)
    good = vouching(market, record)
    if mallory != maker(record):
        with pytest.raises(ConflictError, match="belongs to"):
            await redeem(market, record, good, who=mallory)
    await redeem(market, record, good)
    done = await market.ledger.part(record.task, 0)
    assert done.state is PartState.CANCELLED
    assert (await market.ledger.account(maker(record))).balance_nano == 5_000
    with pytest.raises(ConflictError, match="already cancelled"):
        await redeem(market, record, good)
    report = audit(await build(market.ledger, record.task), ledger=OPERATOR.node_id)
    others = [terms.node for terms in record.assignment.producers[1:]]
    assert report.net_nano[f"balance:{maker(record)}"] == 5_000
    assert all(report.net_nano[f"balance:{node}"] > 0 for node in others), "who stood by is paid for that"


async def test_a_cancel_waits_for_the_last_voucher_and_no_longer(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    for number, ends in enumerate(("redeemed", "declined", "late"), start=1):
        record = await listened(market, number)
        await market.do(CLIENT, Cancel(task=record.task))
        left = await market.ledger.part(record.task, 0)
        assert left.state is PartState.LEFT
        if ends == "redeemed":
            await redeem(market, left, vouching(market, left))
        elif ends == "declined":
            await market.do(maker(left), Decline(task=left.task, index=0, attempt=left.attempt, reason="nothing"))
        else:
            market.clock.advance(left.deadline_ms - market.clock.now_ms())
            await market.ledger.expire()
            with pytest.raises(ConflictError):
                await redeem(market, left, vouching(market, left))
        done = await market.ledger.part(record.task, 0)
        assert done.state is PartState.CANCELLED
        assert (await market.ledger.account(CLIENT.node_id)).escrow_nano == 0
        audit(await build(market.ledger, record.task), ledger=OPERATOR.node_id)


async def test_a_skip_of_the_last_producer_pays_what_was_heard_of_it(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    record = await listened(market, 1)
    for attempt in range(len(record.assignment.producers)):
        await market.do(CLIENT, Skip(task=record.task, index=0, attempt=attempt, reason="enough"))
    left = await market.ledger.part(record.task, 0)
    assert (left.state, left.attempt) == (PartState.LEFT, len(record.assignment.producers) - 1)
    await redeem(market, left, vouching(market, left))
    assert (await market.ledger.account(maker(left))).balance_nano == 5_000


async def test_each_part_of_a_session_stands_behind_one_part_of_one_task(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    seen = set()
    for number in range(1, 4):
        await market.open(task_id(number), mode=Mode.STREAM, payer=FUNDS.payer, units=(10, 20, 30))
        parts = await market.ledger.parts(task_id(number))
        seen |= {(part.funds.session, part.funds.part) for part in parts}
    assert seen == {(1, part) for part in range(991, 1_000)}
    await market.open(task_id(4), mode=Mode.VERIFIED, payer=FUNDS.payer)
    await market.open(task_id(5), mode=Mode.STREAM)
    await market.open(task_id(6), mode=Mode.STREAM, payer=chain_key("relay").address)
    for number in (4, 5, 6):
        assert (await market.ledger.part(task_id(number), 0)).funds is None


async def test_a_client_with_another_chain_key_hears_its_part_when_it_is_valid(
    own_chain: Anvil, market: RelayMarket, tmp_path: Path
) -> None:
    async with listening(market, own_chain, tmp_path, wallet="relay") as (client, _):
        _, (done,) = await collect(client, JOB)
        assert (done.parts[0].funds, done.parts[0].state) == (None, PartState.VALID)
