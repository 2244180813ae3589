"""The event cursor: final events only, each once, over restarts; a node that leaves some out is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from evm_anvil import DEV_KEYS, Anvil

from antiphon.economy.types import NANO
from antiphon.errors import StateError, UnavailableError
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts, Event
from antiphon.ledger.evm.cursor import Cursor
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.wallet import Wallet
from antiphon.protocol import Identity


class Seen:
    """What was applied; fails at the events that it is told to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.events: list[Event] = []
        self.fails_at = fails_at

    async def __call__(self, event: Event) -> None:
        if len(self.events) == self.fails_at:
            raise UnavailableError("the disk is full")
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events if event.contract == "quorum"]


@pytest.fixture
async def world(anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path):
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    outbox = await Outbox.open(rpc, from_hex(DEV_KEYS[0]), tmp_path / "outbox.db", confirmations=2, fees=Fees())
    yield contracts, Wallet(contracts, outbox)
    await rpc.close()


async def test_each_final_event_is_applied_once_over_restarts(world: tuple[Contracts, Wallet], tmp_path: Path) -> None:
    contracts, wallet = world
    seen = Seen()
    cursor = Cursor(contracts, tmp_path / "cursor.json")
    await wallet.deposit(5 * NANO)
    await cursor.catch_up(seen)
    assert seen.names == ["Deposited"]
    await wallet.withdraw(2 * NANO)
    await wallet.deposit(5 * NANO)
    again = Cursor(contracts, tmp_path / "cursor.json")
    await again.catch_up(seen)
    await again.catch_up(seen)
    assert seen.names == ["Deposited", "Withdrawn", "Deposited"]
    assert again.reached.held["quorum"] == 8 * NANO
    places = [(event.block, event.index) for event in seen.events]
    assert places == sorted(set(places))


async def test_what_was_not_applied_is_read_again(world: tuple[Contracts, Wallet], tmp_path: Path) -> None:
    contracts, wallet = world
    await wallet.deposit(NANO)
    cursor, seen = Cursor(contracts, tmp_path / "cursor.json"), Seen(fails_at=1)
    with pytest.raises(UnavailableError, match="disk is full"):
        await cursor.catch_up(seen)
    seen.fails_at = -1
    await Cursor(contracts, tmp_path / "cursor.json").catch_up(seen)
    assert seen.names == ["Deposited"]


async def test_a_node_that_leaves_events_out_is_noticed(
    world: tuple[Contracts, Wallet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts, wallet = world
    await wallet.deposit(NANO)
    cursor, honest = Cursor(contracts, tmp_path / "cursor.json"), contracts.events

    async def censoring(first: int, last: int) -> list[Event]:
        return [event for event in await honest(first, last) if event.name != "Deposited"]

    monkeypatch.setattr(contracts, "events", censoring)
    seen = Seen()
    with pytest.raises(UnavailableError, match=r"leaves events out: .* the quorum holds 1000000000 nano.* say 0"):
        await cursor.catch_up(seen)
    assert not seen.events
    monkeypatch.setattr(contracts, "events", honest)
    await cursor.catch_up(seen)
    assert seen.names == ["Deposited"]


async def test_another_chain_under_the_cursor_is_refused(world: tuple[Contracts, Wallet], tmp_path: Path) -> None:
    contracts, wallet = world
    await wallet.deposit(NANO)
    file = tmp_path / "cursor.json"
    cursor = Cursor(contracts, file)
    await cursor.catch_up(Seen())
    file.write_text(file.read_text().replace(cursor.reached.hash, "0x" + "ab" * 32))
    with pytest.raises(StateError, match=r"was final when .* and is another one now"):
        await Cursor(contracts, file).catch_up(Seen())
    file.write_text("{")
    with pytest.raises(StateError, match="Delete it: the events are read again"):
        Cursor(contracts, file)


async def test_a_reorg_shows_no_event_that_did_not_stay(
    still: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    """The event is in a block, the block goes; only what is final was ever shown."""
    rpc = Rpc(still.url)
    contracts = await Contracts.open(rpc, chain[0])
    cursor, seen = Cursor(contracts, tmp_path / "cursor.json"), Seen()
    token = contracts.token
    data = "0x" + token.encode("transfer", "0x0000000000000000000000000000000000001111", 3).hex()
    sender = from_hex(DEV_KEYS[0]).address
    still.ask("eth_sendTransaction", {"from": sender, "to": token.address, "data": data})
    still.mine(2)
    await cursor.catch_up(seen)
    transfers = [event for event in seen.events if event.contract == "token" and event.values.get("value") == 3]
    assert transfers == []
    still.ask("anvil_reorg", 2, [])
    still.mine(5)
    await cursor.catch_up(seen)
    transfers = [event for event in seen.events if event.contract == "token" and event.values.get("value") == 3]
    assert transfers == []
    await rpc.close()


async def test_a_node_registers_with_both_keys_and_bonds_its_stake(world: tuple[Contracts, Wallet]) -> None:
    from antiphon.errors import ConflictError, ProtocolError
    from antiphon.ledger.evm.binding import binding_message, check_binding

    contracts, wallet = world
    node = Identity.from_seed(b"n" * 32)
    await wallet.stake(100 * NANO, node, "validator", "http://node.example")
    found = await wallet.holdings()
    assert (found.role, found.node, found.bond_nano) == ("validator", node.node_id, 100 * NANO)
    kept = await contracts.registry.read("nodes", wallet.address)
    assert await contracts.registry.read("binding_message", wallet.address, kept[7]) == binding_message(
        contracts.chain, wallet.address, node.node_id
    )
    check_binding(contracts.chain, wallet.address, node.node_id, kept[8])
    with pytest.raises(ProtocolError, match="never said so"):
        check_binding(contracts.chain, wallet.address, Identity.from_seed(b"m" * 32).node_id, kept[8])
    await wallet.stake(50 * NANO, None, "", "")
    assert (await wallet.holdings()).bond_nano == 150 * NANO
    with pytest.raises(ConflictError, match="of another role already"):
        await wallet.stake(NANO, node, "relay", "")
