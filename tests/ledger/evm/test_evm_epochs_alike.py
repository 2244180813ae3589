"""Emission on a real chain: the same weights and stakes pay what the embedded integers pay, and all of it comes out."""

from __future__ import annotations

import asyncio

from evm_epochs import BURN_PPM, STAKES, World

from antiphon.economy.epochs import OWNER, EpochRules, Judge, Row, compute
from antiphon.economy.types import PPM
from antiphon.ledger.evm.epochs.doing import EpochWallet
from antiphon.ledger.evm.epochs.payments import SEATS_AT
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


async def claimed(world: World, person: EpochWallet, epoch: int) -> int:
    """What a claim brought; a second one brings nothing."""
    before = await world.nano(person)
    await person.claim(epoch)
    assert await person.claim(epoch) == [], "nothing is paid twice"
    return await world.nano(person) - before
