"""Steps of epochs on a real chain: each once, refused with a remedy, and a wrong consensus does not stand."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from evm_anvil import free_port
from evm_epochs import World, identity_of, key_of, wallet

from antiphon.economy.types import NANO
from antiphon.errors import ConflictError, FundsError, InputError, StateError, UnreachableError
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.epochs.keeping import Keeper
from antiphon.ledger.evm.epochs.payments import TREASURY_AT, amounts
from antiphon.ledger.evm.epochs.posting import Content
from antiphon.ledger.evm.epochs.reading import Column, Reader
from antiphon.ledger.evm.epochs.terms import Phase
from antiphon.ledger.evm.rpc import Rpc

BURNT = "0x000000000000000000000000000000000000dEaD"
ROWS = ([65_535, 30_000, 0, 1], [65_535, 20_000, 7, 0], [0, 65_535, 65_535, 900])


def heavier(content: Content) -> Content:
    """The first node's rank by one more."""
    return msgspec.structs.replace(content, columns=(content.columns[0] + 1, *content.columns[1:]))


def richer(content: Content) -> Content:
    """The second validator's dividends by one more."""
    one, two, *others = content.dividends
    return msgspec.structs.replace(content, dividends=(one, two + 1, *others))


async def test_a_wrong_post_is_struck_by_whoever_watches_and_its_bond_is_halved(world: World) -> None:
    liar, watcher, honest = world.nodes[0], world.nodes[1], world.validators[0]
    epoch = await world.weigh(ROWS)
    right = await world.reader.consensus(epoch)
    for number, wrong in enumerate((heavier(right), richer(right))):
        await liar._allow(f"lie {number}", "post", world.contracts.epochs, world.reader.terms.bond_nano)
        await liar._step(f"lie {number}", "post", world.contracts.epochs, "post", wrong.columns, wrong.dividends)
        (told,) = [line async for line in keeper(watcher, world).act()]
        assert told.startswith(f"Epoch {epoch}: the post of {liar.address} was wrong at ")
        assert await world.reader.posted(epoch) is None
    bonds = [await world.contracts.epochs.read("bonds", one) for one in (watcher.address, BURNT, liar.address)]
    assert bonds == [world.reader.terms.bond_nano, world.reader.terms.bond_nano, 0], "half of both, and half of both"
    assert "posted" in await honest.post()
    assert await watcher.challenge() == ""


def keeper(person: object, world: World, rows: list[int] | None = None) -> Keeper:
    def weigh(columns: list[Column]) -> list[int]:
        return rows or [0] * len(columns)

    return Keeper(person, weigh, world.folder / person.address / "epochs" / "done")


async def test_what_cannot_be_done_says_why_and_what_to_do(world: World) -> None:
    validator, node = world.validators[0], world.nodes[0]
    stranger = await wallet(world.reader, world.folder, key_of("stranger"))
    with pytest.raises(ConflictError, match=r"is no node\. Register it: antiphon chain stake"):
        await stranger.join()
    with pytest.raises(ConflictError, match=r"has no seat\. Take one: antiphon chain epoch join"):
        await node.weigh([1, 0, 0, 0])
    with pytest.raises(InputError, match="are for nobody"):
        await validator.weigh([0, 0])
    for bad in (-1, 65_536, float("nan"), 0.5, True):
        with pytest.raises(InputError, match=r"no whole number within 0\.\.65535"):
            await validator.weigh([1, bad])
    with pytest.raises(InputError, match="more than the 4 columns"):
        await validator.weigh([1, 2, 3, 4, 5])
    await world.to(Phase.REVEAL)
    with pytest.raises(ConflictError, match=r"committed to nothing.* Weigh in the next one"):
        await world.validators[1].reveal()
    for early in (validator.post, lambda: validator.weigh([1]), stranger.post):
        with pytest.raises(ConflictError, match=r"is in its phase 'reveal', .* That begins at 20.* in \d+ s"):
            await early()
    now = (await world.reader.moment()).epoch
    with pytest.raises(ConflictError, match=r"has not ended\. It ends at 20"):
        await node.finish(now)
    with pytest.raises(ConflictError, match="Nothing stands posted"):
        await node.finish(now - 1)
    with pytest.raises(ConflictError, match=rf"is not finished\..* antiphon chain epoch finish {now}"):
        await node.claim(now)
    await world.to(Phase.POST)
    with pytest.raises(ConflictError, match=r"Nobody revealed .*nothing is issued"):
        await node.post()
    with pytest.raises(ConflictError, match="nothing to challenge"):
        await node.challenge()


async def test_a_lost_secret_is_told_and_one_that_is_found_again_reveals(world: World) -> None:
    validator = world.validators[0]
    await validator.weigh(ROWS[0])
    await validator.weigh(ROWS[1])
    secrets, beside = world.folder / validator.address / "epochs", world.folder / "lost"
    shutil.move(secrets, beside)
    epoch = await world.to(Phase.REVEAL)
    with pytest.raises(StateError, match=r"are not in .*Reveal from the data folder that committed"):
        await validator.reveal()
    shutil.move(beside, secrets)
    assert "revealed" in await validator.reveal()
    shown = await world.reader.reveals(epoch)
    assert [(one.seat, one.words[0] & 0xFFFF_FFFF) for one in shown] == [(0, ROWS[1][0] | ROWS[1][1] << 16)]


async def test_more_stake_takes_a_seat_only_from_less(world: World) -> None:
    poor = world.nodes[0]
    assert await poor.join() == "", "it has its column"
    with pytest.raises(FundsError, match=r"less stake than a validator needs\. Stake more"):
        await poor._take_seat()


async def test_what_is_due_and_cannot_be_done_keeps_nothing_else_from_being_done(world: World) -> None:
    poor, rich = world.validators[:2]
    epoch = await world.weigh(ROWS)
    assert "posted" in await rich.post()
    await world.to(Phase.OPEN, later=True)
    world.anvil.ask("anvil_setBalance", poor.address, hex(0))
    told = [line async for line in keeper(poor, world, ROWS[0]).act()]
    assert len(told) == 2, "finishing the last epoch, weighing in this one"
    assert all(re.match(r"Not done: 0x.* holds 0 of the chain's coin, .* Send it some", line) for line in told)
    told = [line async for line in keeper(rich, world, ROWS[1]).act()]
    assert [line.split(": ")[1].split(" ")[-1] for line in told[:2]] == ["issued", "claimed"], told
    assert await world.reader.finished(epoch) is not None


async def test_whoever_has_lost_a_seat_since_then_is_paid_for_it(world: World) -> None:
    validator, newcomer = world.validators[0], await wallet(world.reader, world.folder, key_of("newcomer"))
    world.anvil.ask("anvil_setBalance", newcomer.address, hex(10**18))
    await world.owner.pay(100 * NANO, newcomer.address)
    await newcomer.stake(100 * NANO, identity_of(99), "validator", "")
    epoch = await world.weigh(ROWS)
    await world.nodes[0].post()
    await world.to(Phase.OPEN, later=True)
    await newcomer._once(epoch + 1, "take_seat", 0)
    await world.nodes[0].finish(epoch)
    assert await newcomer.claim(epoch) == []
    assert len(await validator.claim(epoch)) == 1
    assert [one.seat for one in await world.reader.reveals(epoch) if one.validator == validator.address] == [0]


async def test_a_chain_that_is_away_is_one_line(world: World, tmp_path: Path) -> None:
    away = Rpc(f"http://127.0.0.1:{free_port()}", patience_s=0.2)
    with pytest.raises(UnreachableError, match=r"does not answer.* Check --rpc"):
        await Reader.open(Contracts(away, world.contracts.chain))
    await away.close()


async def test_processes_that_watch_do_an_epoch_by_themselves_and_claim_it(world: World) -> None:
    """All at once, each of its own; who is late with what another has done pays for nothing."""
    people = [*world.validators, *world.nodes]
    rows = [*ROWS, *[None] * len(world.nodes)]
    told: list[str] = []

    async def follow(one: Keeper) -> None:
        async for line in one.watch(0.2):
            told.append(line)  # noqa: PERF401 - it never ends

    following = [asyncio.create_task(follow(keeper(one, world, row))) for one, row in zip(people, rows, strict=True)]
    before = [await world.nano(one) for one in people]
    now = await world.reader.moment()
    await world.wait(now.ends_s - await world.reader.now_s() - 300)
    try:
        for phase, words, count in (
            (Phase.REVEAL, "committed", 3),
            (Phase.POST, "revealed", 3),
            (Phase.OPEN, "posted", 1),
            (None, "claimed", 7),
            (None, "came back", 1),
        ):
            await asyncio.wait_for(heard(told, words, count), 300)
            if phase is not None:
                await world.to(phase, later=phase is Phase.OPEN)
    finally:
        for one in following:
            one.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    assert not [line for line in told if "struck" in line]
    assert sum(["issued" in line for line in told]) == 1
    post, done = await world.reader.posted(now.epoch), await world.reader.finished(now.epoch)
    paid = amounts(world.reader.terms, done.emission_nano, post.content)
    gained = sum([await world.nano(one) for one in people]) - sum(before)
    assert gained == done.emission_nano - paid[TREASURY_AT]


async def heard(told: list[str], words: str, count: int) -> None:
    async with asyncio.timeout(300):
        while sum(words in line for line in told) < count:  # noqa: ASYNC110 - lines of many tasks
            await asyncio.sleep(0.05)
