"""Random tasks over a lineage five deep: what everybody behind the models gets, by our settlement and the contract."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from antiphon.economy import accounts, royalty, settlement
from antiphon.economy.types import DEFAULT_RULES, PPM, Terms

if TYPE_CHECKING:
    from antiphon.bench.anvil import OwnChain

DEPTH = 5
TASKS = 10_000
SEED = 13
MAX_REWARD_NANO = 10**9
AT_ONCE = 200
WEEK_S = 7 * 86_400
SETTLE_S = 60


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Assets 1 to `DEPTH`: parents, what each asks, its division, and its contributors' shares."""

    parents: tuple[tuple[int, ...], ...]
    asked_ppm: tuple[int, ...]
    above: tuple[royalty.Division[int], ...]
    shares: tuple[tuple[int, ...], ...]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """By asset: what it earned, and what each contributor gets of that."""

    earned: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]


def line(rng: random.Random) -> Line:
    """Each is made from the one before, and from one further above."""
    parents: list[tuple[int, ...]] = []
    above: list[royalty.Division[int]] = []
    asked = tuple(rng.randrange(royalty.MAX_ASKED_PPM + 1) for _ in range(DEPTH))
    for number in range(1, DEPTH + 1):
        mine = (number - 1, *rng.sample(range(1, number - 1), min(1, number - 2))) if number > 1 else ()
        parents.append(mine)
        above.append(royalty.division([(one, asked[one - 1], above[one - 1]) for one in mine]))
    return Line(
        parents=tuple(parents),
        asked_ppm=asked,
        above=tuple(above),
        shares=tuple(_shares(rng, rng.randrange(1, 9)) for _ in range(DEPTH)),
    )


def tasks(rng: random.Random, count: int = TASKS) -> list[tuple[int, int]]:
    """(asset that is used, what its producer is paid in nano)."""
    return [(rng.randrange(1, DEPTH + 1), rng.randrange(1, MAX_REWARD_NANO)) for _ in range(count)]


def settled(found: Line, done: list[tuple[int, int]]) -> Tally:
    """By `economy.settlement`, as the ledger does it. Asserts that every unit of each task is accounted for."""
    earned: Counter[str] = Counter()
    for asset, reward_nano in done:
        above = found.above[asset - 1]
        own = (str(asset), 0, PPM - sum(ppm for _, _, ppm in above))
        lineage = (own, *((str(name), level, ppm) for name, level, ppm in above))
        maker = Terms(node="maker", price_nano=reward_nano, quality_ppm=PPM, asset=str(asset), lineage=lineage)
        moved = settlement.royalties(maker, reward_nano, DEFAULT_RULES)
        assert sum(nano for _, nano, _ in moved) == amount(reward_nano), "every unit goes somewhere"
        earned.update({account: nano for account, nano, _ in moved})
    totals = tuple(earned[accounts.royalty(str(number))] for number in range(1, DEPTH + 1))
    parts = tuple(
        tuple(royalty.due(total, shares, place) for place in range(len(shares)))
        for total, shares in zip(totals, found.shares, strict=True)
    )
    assert [sum(each) for each in parts] == list(totals), "every unit is somebody's"
    return Tally(earned=totals, parts=parts)


async def on_chain(chain: OwnChain, found: Line, done: list[tuple[int, int]]) -> Tally:
    """By the contract, on a chain of our own: each task one payment, each contributor's claim its own transaction."""
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    contracts, payer = chain.contracts, chain.rich
    assets, salt = contracts.assets, bytes(32)
    nobody = [str(to_checksum_address(f"0x{number:040x}")) for number in range(1_000, 1_000 + royalty.MAX_CONTRIBUTORS)]
    contents = [bytes(keccak(b"asset %d" % number)) for number in range(1, DEPTH + 1)]
    await chain.send(payer, contracts.token, "approve", assets.address, 2**255)
    for content in contents:
        await chain.send(payer, assets, "commit", await assets.read("commitment_of", payer, content, salt))
    await chain.pass_time(SETTLE_S + 1)
    for content, parents, asked, shares in zip(contents, found.parents, found.asked_ppm, found.shares, strict=True):
        who = nobody[: len(shares)]
        await chain.send(payer, assets, "publish", content, salt, list(parents), asked, who, list(shares))
    for first in range(0, len(done), AT_ONCE):
        due = [(asset, amount(reward)) for asset, reward in done[first : first + AT_ONCE] if amount(reward)]
        nonce = int(await chain.rpc.ask("eth_getTransactionCount", payer, "pending"), 16)
        await asyncio.gather(*[_pay(chain, asset, nano, nonce + place) for place, (asset, nano) in enumerate(due)])
    await chain.pass_time(WEEK_S + 1)
    earned = [await assets.read("earned", number) for number in range(1, DEPTH + 1)]
    parts = []
    for number, shares in enumerate(found.shares, 1):
        taken = []
        for place, one in enumerate(nobody[: len(shares)]):
            before = await contracts.token.read("balanceOf", one)
            if royalty.due(earned[number - 1], shares, place):
                await chain.send(payer, assets, "claim", number, place)
            taken.append(await contracts.token.read("balanceOf", one) - before)
        parts.append(tuple(taken))
    assert await assets.read("held") == sum(earned) - sum(map(sum, parts)), "the contract holds what is not taken"
    return Tally(earned=tuple(earned), parts=tuple(parts))


def amount(reward_nano: int) -> int:
    """The royalty of a task, in nano."""
    return reward_nano * DEFAULT_RULES.royalty_ppm // PPM


def off(one: Tally, other: Tally) -> int:
    """Units in which two tallies differ."""
    pairs = [*zip(one.earned, other.earned, strict=True)]
    for ours, theirs in zip(one.parts, other.parts, strict=True):
        pairs += zip(ours, theirs, strict=True)
    return sum(abs(a - b) for a, b in pairs)


def _shares(rng: random.Random, count: int) -> tuple[int, ...]:
    cuts = sorted(rng.sample(range(1, PPM), count - 1))
    return tuple(b - a for a, b in zip([0, *cuts], [*cuts, PPM], strict=True))


async def _pay(chain: OwnChain, asset: int, nano: int, nonce: int) -> None:
    """One payment, without waiting for its block: the last of all is waited for by the clock that is moved on."""
    assets = chain.contracts.assets
    data = "0x" + assets.encode("pay", asset, nano).hex()
    call = {"from": chain.rich, "to": assets.address, "data": data, "gas": hex(400_000), "nonce": hex(nonce)}
    await chain.rpc.ask("eth_sendTransaction", call)
