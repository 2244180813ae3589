"""Nodes tell each other what a relay has signed for them; who finds two histories shows them to the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from evm_anvil import Anvil
from ledger_market import party, task_id
from network_of import ToneRunner
from relay_market import RelayMarket, chain_key

from antiphon.clock import SystemClock
from antiphon.door import convicting
from antiphon.door.settings import Settings
from antiphon.economy.types import Role
from antiphon.errors import InputError, ProtocolError
from antiphon.ledger.book import Head
from antiphon.ledger.evm import config
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.watch import ContradictionError, WatchedLedger
from antiphon.nodes.producer import Producer
from antiphon.parties.actor import Actor, Context
from antiphon.parties.gossip import ask_head
from antiphon.transport import InProcessTransport

Open = Callable[..., Awaitable[RelayMarket]]


@pytest.fixture
async def watched(founded: Anvil, opened: Open, tmp_path: Path) -> WatchedLedger:
    market = await opened(founded)
    await market.open(task_id(1))
    made = WatchedLedger(market.ledger, market.ledger._facts, tmp_path / "head.json")
    await made.watch()
    return made


def other(watched: WatchedLedger, key: str = "relay", book: bytes = b"", ahead: int = 0) -> Head:
    """Another history up to where ours is, as `key` signs it."""
    head = watched.head
    assert head is not None
    chain, digest = watched.facts.contracts.chain, sha256(b"another history").digest()
    return heads.sign(chain, chain_key(key), book or head.book, head.sequence + ahead, digest)


async def test_a_node_tells_anybody_the_head_that_it_was_given(watched: WatchedLedger) -> None:
    transport = InProcessTransport()
    node = Producer(Context(party("producer 0"), watched, transport, SystemClock()), ToneRunner())
    record = await watched.node(node.node_id, Role.PROCESSOR)
    endpoint = transport.register("node", node.handle)
    stranger = Actor(Context(party("a stranger"), watched, transport, SystemClock()))
    assert await ask_head(stranger, msgspec.structs.replace(record, endpoint=endpoint)) == watched.head
    await node.stop(goodbye=False)


async def test_another_history_is_noticed_by_what_others_were_told(watched: WatchedLedger) -> None:
    with pytest.raises(ContradictionError, match="signed two histories"):
        await watched.hear(other(watched))
    assert isinstance(watched.caught, ContradictionError)
    with pytest.raises(ContradictionError):
        await watched.nodes()


async def test_a_book_that_is_longer_for_others_is_noticed(watched: WatchedLedger) -> None:
    with pytest.raises(ProtocolError, match=r"ends at .* for us, at .* for others"):
        await watched.hear(other(watched, ahead=5))


async def test_what_the_relay_did_not_sign_accuses_nobody(watched: WatchedLedger) -> None:
    await watched.hear(other(watched, key="producer 0"))
    await watched.hear(other(watched, book=bytes(32)))
    assert watched.head is not None
    await watched.hear(watched.head)
    assert watched.caught is None


async def test_whoever_has_a_chain_key_reports_at_once_and_others_are_told_how(
    own_chain: Anvil, opened: Open, deployed: tuple[Path, ChainFile], tmp_path: Path
) -> None:
    market = await opened(own_chain)
    watched = WatchedLedger(market.ledger, market.ledger._facts, tmp_path / "head.json")
    await watched.watch()
    with pytest.raises(ContradictionError) as caught:
        await watched.hear(other(watched))
    config.save(tmp_path / "chain.json", deployed[1])
    told: list[str] = []
    poor, rich = (tmp_path / name for name in ("poor", "rich"))
    fields = {"rpc": own_chain.url, "chain": tmp_path / "chain.json", "tell": told.append}
    await convicting.convict(Settings(poor, **fields), caught.value.proof)
    (file,) = (poor / "relays").glob("*.proof.json")
    assert told[-1].endswith(f"antiphon chain report {file}")
    with pytest.raises(InputError, match="no chain key"):
        await convicting.report(Settings(poor, **fields), convicting.read(file))

    key = chain_key("producer 0")
    settings = Settings(rich, **fields, chain_key=bytes(key._account.key).hex())
    await convicting.convict(settings, caught.value.proof)
    assert told[-1].endswith("has lost its bond")
    registry = watched.facts.contracts.registry
    assert (await registry.read("nodes", chain_key("relay").address))[1] == 0
    assert await registry.read("claims", key.address) > 0
    before = len(told)
    await convicting.convict(settings, caught.value.proof)
    assert len(told) == before, "once"
