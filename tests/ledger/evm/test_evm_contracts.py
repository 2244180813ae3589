"""The contracts on a real chain: that they are the ones we know, and what is said when they are not."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import msgspec
import pytest
from evm_anvil import CHAIN, DEV_KEYS, Anvil, free_port

from antiphon.economy.epochs import EpochRules
from antiphon.economy.royalty import FLOOR_PPM
from antiphon.economy.types import NANO
from antiphon.errors import InputError, UnreachableError
from antiphon.ledger.evm import config, keys
from antiphon.ledger.evm.artefacts import CONTRACTS, artefact
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.deploy import creation
from antiphon.ledger.evm.epochs.issuing import emission, proposal
from antiphon.ledger.evm.epochs.terms import Terms
from antiphon.ledger.evm.outbox import Outbox
from antiphon.ledger.evm.rpc import Rpc


async def test_the_deployed_contracts_are_the_committed_ones(anvil: Anvil, chain: tuple[ChainFile, Path]) -> None:
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, config.load(chain[1]))
    assert await contracts.token.read("totalSupply") == 10**9 * NANO
    assert (await contracts.quorum.read("rules_in_force"))[0] == 3
    told = await contracts.events(0, (await rpc.block("latest")).number)
    assert [(event.name, event.values.get("value")) for event in told] == [
        ("Transfer", 10**9 * NANO),
        ("Proposed", None),
    ]
    await rpc.close()


async def test_a_node_of_another_chain_is_refused(chain: tuple[ChainFile, Path]) -> None:
    other = Anvil(block_s=0.1, chain=CHAIN + 1).start()
    try:
        rpc = Rpc(other.url)
        with pytest.raises(InputError, match=r"is a node of chain 31338; .* is for chain 31337\. Use a node of chain"):
            await Contracts.open(rpc, chain[0])
        await rpc.close()
    finally:
        other.kill()


async def test_a_chain_that_was_begun_anew_has_no_contract_there(chain: tuple[ChainFile, Path]) -> None:
    other = Anvil(block_s=0.1).start()
    try:
        rpc = Rpc(other.url)
        with pytest.raises(InputError, match=r"there is no contract.* `antiphon chain deploy`"):
            await Contracts.open(rpc, chain[0])
        await rpc.close()
    finally:
        other.kill()


async def test_a_contract_in_anothers_place_is_refused(anvil: Anvil, chain: tuple[ChainFile, Path]) -> None:
    token = msgspec.structs.replace(chain[0].contracts["quorum"], address=chain[0].contracts["token"].address)
    swapped = msgspec.structs.replace(chain[0], contracts=chain[0].contracts | {"quorum": token})
    rpc = Rpc(anvil.url)
    with pytest.raises(InputError, match="not the contract 'quorum' of this version"):
        await Contracts.open(rpc, swapped)
    await rpc.close()


async def test_deploying_lays_down_epochs_and_assets_and_proposes_what_the_token_issues(
    anvil: Anvil, chain: tuple[ChainFile, Path]
) -> None:
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    terms = Terms.unpacked(await contracts.epochs.read("terms_in_force"))
    assert terms == Terms()
    assert terms.length_s == EpochRules().epoch_s
    assert await contracts.assets.read("floor_ppm") == FLOOR_PPM
    proposed = emission(contracts.epochs.address, terms, chain[0].burn_ppm)
    assert await contracts.token.read("ready_at", proposal(proposed)) > 0
    await rpc.close()


async def test_contracts_of_two_networks_are_not_mixed(
    anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    rpc = Rpc(anvil.url)
    outbox = await Outbox.open(rpc, keys.from_hex(DEV_KEYS[1]), tmp_path / "outbox.db", confirmations=1)

    async def create(name: str, *arguments: object) -> str:
        return (await outbox.send(name, "", creation(name, *arguments))).made

    token = await create("token", 10**9, 10**9, 3_600, 3_600)
    registry = await create("registry", token, 10**6, 3_600, 3_600, (1, 3_600, 0))
    await create("epochs", registry, outbox.key.address, Terms().packed())
    await create("assets", token, FLOOR_PPM)
    for name, named in (("assets", "token"), ("epochs", "registry")):
        made = (await outbox.resume(name)).made
        other = config.Deployed(made, artefact(name).sources_sha256)
        mixed = msgspec.structs.replace(chain[0], contracts=chain[0].contracts | {name: other})
        with pytest.raises(InputError, match=f"The {name} at 0x.* works with another {named}"):
            await Contracts.open(rpc, mixed)
    await rpc.close()


def test_a_chain_file_from_before_epochs_names_the_remedy(chain: tuple[ChainFile, Path]) -> None:
    file, older = chain[1], dict(chain[0].contracts)
    del older["epochs"], older["assets"]
    config.save(file, msgspec.structs.replace(chain[0], contracts=older))
    with pytest.raises(InputError, match=r"where the contracts epochs, assets are: .*older.* deploy --chain FILE"):
        config.load(file)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_chain_file_of_another_version_is_refused_before_anything_is_asked(
    contract: str, chain: tuple[ChainFile, Path]
) -> None:
    file = chain[1]
    file.write_text(file.read_text().replace(artefact(contract).sources_sha256, "0" * 64))
    with pytest.raises(InputError, match=f"another version of the contract '{contract}'.* Install the antiphon"):
        config.load(file)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"chain_id": 1}', "\xff", '{"chain_id": "x", "surprise": 1}'])
def test_a_broken_chain_file_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "chain.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="is no chain file"):
        config.load(file)


async def test_a_node_that_is_down_and_one_that_is_slow_are_told_apart(still: Anvil) -> None:
    down = Rpc(f"http://127.0.0.1:{free_port()}", patience_s=0.3)
    with pytest.raises(UnreachableError, match=r"does not answer.* Check --rpc"):
        await down.chain_id()
    still.hold()  # it accepts, and answers nothing
    slow = Rpc(still.url, deadline_s=0.3, patience_s=0.2)
    try:
        with pytest.raises(UnreachableError, match="takes too long"):
            await slow.chain_id()
    finally:
        still.process.send_signal(signal.SIGCONT)
        await down.close()
        await slow.close()


async def test_a_node_that_answers_with_a_nested_bomb_is_an_error_and_ends_nothing() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        bomb = b"[" * 200_000
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(bomb) + bomb)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    rpc = Rpc(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", patience_s=0.2)
    with pytest.raises(UnreachableError, match="does not answer"):
        await rpc.chain_id()
    assert sys.getrecursionlimit() < 20_000
    await rpc.close()
    server.close()


async def test_a_node_that_comes_back_is_asked_again(deployed: tuple[Path, ChainFile], tmp_path: Path) -> None:
    anvil = Anvil(state=tmp_path / "s.json", block_s=0.1)
    rpc = Rpc(anvil.url)
    asked = asyncio.create_task(rpc.chain_id())
    await asyncio.sleep(0.5)
    assert not asked.done()
    await asyncio.to_thread(anvil.start)
    try:
        assert await asked == CHAIN
    finally:
        anvil.kill()
        await rpc.close()


def test_keys_come_from_an_encrypted_file_and_are_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "chain.json"
    made = keys.create(file, "a good password", iterations=4096)
    assert keys.load(file, "a good password").address == made.address
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match=r"does not open.* password") as refused:
        keys.load(file, "a bad password")
    assert "bad" not in str(refused.value) + repr(refused.value.__cause__)
    with pytest.raises(InputError, match="holds a key already"):
        keys.create(file, "another")
    file.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        keys.load(file, "a good password")
    assert repr(keys.from_hex(DEV_KEYS[0])) == "Key(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)"
    with pytest.raises(InputError, match="64 hex digits") as refused:
        keys.from_hex("0xnot a key at all")
    assert "not a key" not in str(refused.value)
