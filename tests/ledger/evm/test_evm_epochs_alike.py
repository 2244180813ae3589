"""Emission on a real chain: the same weights and stakes pay what the embedded integers pay, and all of it comes out."""

from __future__ import annotations

import asyncio

import pytest
from evm_epochs import BURN_PPM, STAKES, World
from msgspec.structs import replace

from antiphon.economy.epochs import OWNER, EpochRules, Judge, Row, compute
from antiphon.economy.types import PPM
from antiphon.errors import ProtocolError
from antiphon.ledger.evm.epochs import receipts
from antiphon.ledger.evm.epochs.doing import EpochWallet
from antiphon.ledger.evm.epochs.payments import SEATS_AT, TREASURY_AT
from antiphon.ledger.evm.epochs.terms import Phase

ROWS = ([65_535, 30_000, 0, 1], [65_535, 20_000, 7, 0], [0, 65_535, 65_535, 900])


def embedded(emission_nano: int) -> dict[int, int]:
    """By place (the treasury: -1), as the embedded ledger pays an epoch of one service without bonds of before."""
    nodes = len(ROWS[0])
    judges = [
        Judge(uid=nodes + seat, stake_nano=stake * 10**9, rows={"speech": sparse(ROWS[seat])})
        for seat, stake in enumerate(STAKES)
    ]
    rules = EpochRules(alpha_ppm=PPM, cutoff_epochs=0, evidence_epochs=0)
    done = compute(rules, emission_nano, judges, range(nodes + len(STAKES)), {})
    places = {uid: uid for uid in range(nodes)} | {nodes + seat: SEATS_AT + seat for seat in range(len(STAKES))}
    return {-1 if one.uid == OWNER else places[one.uid]: one.amount_nano for one in done.payments}


def sparse(weights: list[int]) -> Row:
    kept = {uid: weight for uid, weight in enumerate(weights) if weight}
    return Row(uids=tuple(kept), values=tuple(kept.values()))


async def test_both_ledgers_pay_alike_and_every_unit_is_accounted_for(world: World) -> None:
    token, epochs = world.contracts.token, world.contracts.epochs
    epoch = await world.weigh(ROWS)
    assert "posted" in await world.nodes[0].post()
    assert await world.validators[0].challenge() == "", "it is right"
    await world.to(Phase.OPEN, later=True)
    supply = await token.read("totalSupply")
    assert "issued" in await world.nodes[1].finish(epoch)
    issued = await token.read("totalSupply") - supply
    emission = world.reader.terms.emission_nano
    assert issued == emission - emission * BURN_PPM // PPM, "the burn share is never paid out"
    assert "came back" in await world.nodes[0].take_bond()
    places = {**dict(enumerate(world.nodes)), **{SEATS_AT + n: one for n, one in enumerate(world.validators)}}
    places[-1] = world.owner
    amounts = await asyncio.gather(*(claimed(world, one, epoch) for one in places.values()))
    paid = dict(zip(places, amounts, strict=True))
    assert {place: nano for place, nano in paid.items() if nano} == embedded(issued)
    assert sum(paid.values()) == issued
    assert (await epochs.read("held"), await token.read("balanceOf", epochs.address)) == (0, 0)
    await expect_receipt(world, epoch, embedded(issued))


async def expect_receipt(world: World, epoch: int, paid: dict[int, int]) -> None:
    """It says the same amounts offline, and whatever is changed in it is noticed."""
    made = receipts.load(receipts.dump(await receipts.build(world.reader, epoch)).encode())
    found = receipts.audit(made, contract=world.contracts.epochs.address)
    assert found.paid == {TREASURY_AT if place < 0 else place: nano for place, nano in paid.items()}
    assert found.block_hash == (await world.contracts.rpc.block(found.block)).hash
    assert made.holders[SEATS_AT] == world.validators[0].address
    assert made.holders[TREASURY_AT] == world.owner.address
    one, *others = made.reveals
    for changed, words in (
        ({"reveals": (replace(one, stake=one.stake - 1), *others)}, "another consensus"),
        ({"reveals": (replace(one, words=(one.words[0] - 1,)), *others)}, "another consensus"),
        ({"reveals": tuple(others)}, "another consensus"),
        ({"reveals": (one, one)}, "other places"),
        ({"reveals": (replace(one, seat=-1), *others)}, "other places"),
        ({"reveals": ()}, "no consensus"),
        ({"terms": replace(made.terms, nodes_ppm=made.terms.nodes_ppm + 1)}, "payments are not those"),
        ({"epoch": epoch + 1}, "of another epoch"),
        ({"contract": world.contracts.token.address}, "another contract"),
        ({"proof": replace(made.proof, place=1)}, "another transaction|does not lead|cannot be read"),
        ({"proof": replace(made.proof, log=99)}, "cannot be read"),
        ({"proof": replace(made.proof, header=made.proof.header[:-1])}, "cannot be read"),
        ({"proof": replace(made.proof, nodes=())}, "does not lead"),
    ):
        with pytest.raises(ProtocolError, match=words):
            receipts.audit(replace(made, **changed))
    with pytest.raises(ProtocolError, match="of another contract"):
        receipts.audit(made, contract=world.contracts.token.address)


async def claimed(world: World, person: EpochWallet, epoch: int) -> int:
    """What a claim brought; a second one brings nothing."""
    before = await world.nano(person)
    await person.claim(epoch)
    assert await person.claim(epoch) == [], "nothing is paid twice"
    return await world.nano(person) - before
