"""What a relay's tasks earned comes to the chain: signed by all, to the unit, and once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, INVALID, OPERATOR, VALID, party, task_id
from relay_market import SESSION_NANO, RelayMarket, chain_key, nodes

from antiphon.errors import AntiphonError, ConflictError, InputError
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.receipts import AuditReport, audit, build
from antiphon.ledger.relay import netting

Open = Callable[..., Awaitable[RelayMarket]]
NAMES = ["client", *(name for name, _, _ in nodes())]
KEYS = {chain_key(name).address: chain_key(name) for name in NAMES}
ADDRESSES = {party(name).node_id: chain_key(name).address for name in NAMES} | {
    CLIENT.node_id: chain_key("client").address
}


async def closed(market: RelayMarket, number: int, **votes: object) -> AuditReport:
    await market.open(task_id(number))
    await market.deliver(task_id(number))
    await market.judge(task_id(number), **votes)
    return audit(await build(market.ledger, task_id(number)), ledger=OPERATOR.node_id)


async def test_what_was_earned_at_the_relay_is_withdrawn_on_the_chain(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    contracts = market.ledger._facts.contracts
    quorum, chain_id = contracts.quorum, contracts.chain.chain_id
    reports = [await closed(market, number) for number in (1, 2, 3)]
    purse = await netting.purse(quorum, 1)
    expires_s = (await contracts.rpc.block("latest")).time_s + 3_600
    net = netting.propose(reports, ADDRESSES, {CLIENT.node_id: purse}, expires_s)
    assert net == netting.propose(reports[::-1], ADDRESSES, {CLIENT.node_id: purse}, expires_s), "whoever makes it"
    signatures = {address: netting.sign(quorum, chain_id, net, KEYS[address]) for address, _ in net.changes}
    outbox = await Outbox.open(
        contracts.rpc, chain_key("client"), tmp_path / "netting.db", confirmations=2, fees=Fees()
    )
    with pytest.raises(InputError, match="did not sign"):
        await netting.settle(outbox, quorum, net, dict(list(signatures.items())[1:]))
    forged = signatures | {net.changes[0][0]: signatures[net.changes[1][0]]}
    with pytest.raises(ConflictError, match="wrong signature"):
        await netting.settle(outbox, quorum, net, forged)
    receipt = await netting.settle(outbox, quorum, net, signatures)
    assert await netting.settle(outbox, quorum, net, signatures) == receipt
    for name, _, _ in nodes():
        earned = (await market.ledger.account(party(name).node_id)).balance_nano
        assert await quorum.read("balances", chain_key(name).address) == earned, name
    spent = SESSION_NANO - (await market.ledger.account(CLIENT.node_id)).balance_nano
    assert spent > 0
    assert (await quorum.read("sessions", 1))[4] == SESSION_NANO - spent
    later = msgspec.structs.replace(net, expires_s=expires_s + 1)
    signatures = {address: netting.sign(quorum, chain_id, later, KEYS[address]) for address, _ in later.changes}
    with pytest.raises(AntiphonError, match="part settled already"):
        await netting.settle(outbox, quorum, later, signatures)
    assert (await netting.purse(quorum, 1)).settled != 0


async def test_a_task_with_a_fine_is_not_netted(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    report = await closed(market, 1, votes=(VALID, VALID, INVALID))
    purse = netting.Purse(session=1, client=chain_key("client").address, parts=9, part_nano=10**9, settled=0)
    with pytest.raises(ConflictError, match="a bond was fined"):
        netting.propose([report], ADDRESSES, {CLIENT.node_id: purse}, 1)
    with pytest.raises(InputError, match="each once"):
        netting.propose([report, report], ADDRESSES, {CLIENT.node_id: purse}, 1)
