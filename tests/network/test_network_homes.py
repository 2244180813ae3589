"""A data folder keeps one network: nobody begins a second one in it, and nothing that was lost is made anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator

from antiphon.economy.types import NANO, Role, Transfer
from antiphon.errors import StateError, UnavailableError
from antiphon.ledger.operations import Register
from antiphon.ledger.sql import SqlLedger, money
from antiphon.network import homes
from antiphon.network.embedded import BOND_NANO, Plan, embedded
from antiphon.network.funding import fund, grant_once
from antiphon.nodes import node as nodes
from antiphon.parties.actor import Actor, Context

PLAN = Plan(processors=("espeak",), trainers=(), validators=1)


async def test_a_folder_that_is_served_is_never_opened_within_a_command(tmp_path: Path) -> None:
    homes.note_served(tmp_path, "http://127.0.0.1:7411")
    with pytest.raises(UnavailableError, match="ledger serve"):
        async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN):
            pass
    assert not (tmp_path / "ledger.db").exists()
    homes.unserve(tmp_path)
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        assert len(await net.ledger.nodes()) == 2


async def test_a_server_does_not_begin_while_a_command_uses_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "LEAVING_S", 0.1)
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN):
        with pytest.raises(UnavailableError, match="A command uses"), homes.nobody_present(tmp_path):
            pass
    with homes.nobody_present(tmp_path):
        pass


@pytest.mark.parametrize("loss", ["missing", "empty"])
async def test_a_lost_ledger_is_no_new_beginning(tmp_path: Path, loss: str) -> None:
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN):
        pass
    file = tmp_path / "ledger.db"
    kept = file.read_bytes()
    file.unlink()
    if loss == "empty":
        file.touch()
    with pytest.raises(StateError, match=f"{loss}.*operator"):
        async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN):
            pass
    file.write_bytes(kept)
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        assert (await net.ledger.account(net.client.node_id)).balance_nano == PLAN.grant_nano


async def test_a_founding_that_was_cut_off_is_taken_up_and_grants_once(tmp_path: Path) -> None:
    assert homes.begins(tmp_path)
    homes.operator_of(tmp_path)  # and here the power goes
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN):
        pass
    (tmp_path / homes.FOUNDING).touch()  # as if it went after the grant
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        assert (await net.ledger.account(net.client.node_id)).balance_nano == PLAN.grant_nano
    assert not (tmp_path / homes.FOUNDING).exists()


async def test_stake_that_a_penalty_took_is_not_minted_again(tmp_path: Path) -> None:
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        ledger = net.ledger
        assert isinstance(ledger, SqlLedger)
        first, second = net.nodes
        for node, left_nano in ((first, 60 * NANO), (second, 0)):
            fine = Transfer(
                source=f"stake:{node.node_id}", target="burnt", amount_nano=BOND_NANO - left_nano, why="a penalty"
            )
            await ledger._writer.run(lambda session, fine=fine: money.move(session.db, [fine], at_ms=0))
    for _ in range(2):
        async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
            assert (await net.ledger.account(first.node_id)).stake_nano == 60 * NANO
            gone = await net.ledger.account(second.node_id)
            assert (gone.stake_nano, gone.balance_nano) == (0, 0)
            assert [node.node_id for node in net.nodes] == [first.node_id], "who has no stake stays out"
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        await grant_once(net.bank, second.node_id, BOND_NANO, "its owner stakes anew")
        context = second.context
        again = Actor(Context(context.identity, net.ledger, context.transport, context.clock))
        assert (await fund(net.bank, again, BOND_NANO)).stake_nano == BOND_NANO


async def test_an_old_place_of_a_node_does_not_outlive_its_next_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with the node's key registers it elsewhere: the running node notices and is found where it is."""
    monkeypatch.setattr(nodes, "HEARTBEAT_S", 0.02)
    async with embedded(tmp_path, ScriptedEvaluator(), plan=PLAN) as net:
        espeak = net.nodes[0]
        where = (await net.ledger.node(espeak.node_id, Role.PROCESSOR)).endpoint
        await espeak.submit(
            Register(
                role=Role.PROCESSOR,
                offers=espeak.offers,
                seal_key=espeak.context.identity.seal_public,
                endpoint="inproc:gone",
            )
        )
        async with asyncio.timeout(60):
            while (await net.ledger.node(espeak.node_id, Role.PROCESSOR)).endpoint != where:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
