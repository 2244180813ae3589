"""Does honesty pay? Closed formulas, and a simulation that plays the real rules against known ways to cheat.

The audio is not simulated, only its true score; verdicts, fees, penalties and scores come from the same `tally` and
`settle` that the ledger runs. Distributions are arguments, to be replaced by measured ones.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction

import msgspec

from antiphon.economy import accounts
from antiphon.economy.settlement import settle
from antiphon.economy.types import DEFAULT_RULES, PPM, Rules, Settlement, Terms, Verdict, Vote
from antiphon.economy.votes import tally


class Market(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The world of one simulation. Scores are in ppm, money in nano, per part."""

    reward_nano: int = 1_000_000  # of the producer
    fee_nano: int = 200_000  # of each validator
    listening_nano: int = 40_000  # a validator's cost of really judging one part
    making_nano: int = 500_000  # a producer's cost of really making one part
    good: tuple[int, int] = (850_000, 70_000)  # mean and sd of the true score of honest work
    bad: tuple[int, int] = (350_000, 150_000)  # and of a cheat's
    noise: int = 5_000  # sd between two honest validators' scores of the same audio
    missed_ppm: int = 20_000  # chance that an honest validator takes bad work for good, or good work for bad


MARKET = Market()


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as it really is; only a strategy that listens looks at `good` and `true_ppm`."""

    dice: random.Random
    market: Market
    good: bool
    true_ppm: int


Strategy = Callable[[Scene], Vote | None]
"""A vote, or None: something was committed that can never be revealed."""


def honest(scene: Scene) -> Vote:
    """Listens."""
    wrong = scene.dice.random() * PPM < scene.market.missed_ppm
    score_ppm = _clip(scene.dice.gauss(scene.true_ppm, scene.market.noise))
    return Vote(verdict=Verdict.VALID if scene.good != wrong else Verdict.INVALID, score_ppm=score_ppm)


def lazy(scene: Scene) -> Vote:
    """Never listens: always valid, with the score that work usually has."""
    return Vote(verdict=Verdict.VALID, score_ppm=scene.market.good[0])


def coin(scene: Scene) -> Vote:
    """Never listens: votes at random."""
    verdict = scene.dice.choice([Verdict.VALID, Verdict.INVALID])
    return Vote(verdict=verdict, score_ppm=scene.dice.randrange(PPM + 1))


def copier(_scene: Scene) -> None:
    """Copies another's commitment. It binds the other's name, so the copy can never be opened."""
    return


STRATEGIES: Mapping[str, Strategy] = {"honest": honest, "lazy": lazy, "coin": coin, "copier": copier}


def simulate_validators(
    seed: int,
    tasks: int,
    cheat_rate: float,
    *,
    population: Mapping[str, int] | None = None,
    market: Market = MARKET,
    rules: Rules = DEFAULT_RULES,
) -> dict[str, int]:
    """Nano earned per seat by each strategy, net of penalties and of the cost of listening. Nothing else differs.

    `population` counts validators per strategy (default: 6 honest, one of each other kind).
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    crowd = population or {"honest": 6, "lazy": 1, "coin": 1, "copier": 1}
    nodes = {f"{name}-{i}": name for name, count in crowd.items() for i in range(count)}
    earned: Counter[str] = Counter()
    sat: Counter[str] = Counter()
    for _ in range(tasks):
        seats = dice.sample(sorted(nodes), rules.seats)
        good = dice.random() >= cheat_rate
        done = _play(dice, market, {seat: STRATEGIES[nodes[seat]] for seat in seats}, good, rules)
        for seat in seats:
            sat[nodes[seat]] += 1
            earned[nodes[seat]] += net(done, seat) - (market.listening_nano if nodes[seat] == "honest" else 0)
    return {name: earned[name] // max(1, sat[name]) for name in crowd}


def simulate_producers(
    seed: int, tasks: int, *, market: Market = MARKET, rules: Rules = DEFAULT_RULES
) -> dict[str, int]:
    """Nano earned per part by an honest producer and by one that always cheats, judged by honest validators."""
    dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    jury = {f"honest-{i}": honest for i in range(rules.seats)}
    earned = {"honest": 0, "cheat": 0}
    for _ in range(tasks):
        earned["honest"] += net(_play(dice, market, jury, True, rules), "producer") - market.making_nano
        earned["cheat"] += net(_play(dice, market, jury, False, rules), "producer")
    return {name: total // tasks for name, total in earned.items()}


def capture(share: Fraction, seats: int) -> Fraction:
    """Chance that a cartel with this share of the stake holds most of the seats (drawn from many nodes)."""
    total = Fraction(0)
    ways = 1
    for held in range(seats + 1):
        if 2 * held > seats:
            total += ways * share**held * (1 - share) ** (seats - held)
        ways = ways * (seats - held) // (held + 1)
    return total


def breakeven_stake(fee_nano: int, judged: Fraction, captured: Fraction) -> int:
    """Least stake at risk that makes cheating a loss: s = ((1-r) k + r p k) / (r (1-p)), rounded up (Crynux).

    r = `judged`, the share of parts that is judged (1 here); p = `captured`; k = `fee_nano`.
    """
    stake = ((1 - judged) * fee_nano + judged * captured * fee_nano) / (judged * (1 - captured))
    return -(-stake.numerator // stake.denominator)


def net(done: Settlement, node: str) -> int:
    """What one settlement brought a node, in nano: its income less what it lost of its stake."""
    income = sum(move.amount_nano for move in done.transfers if move.target == accounts.balance(node))
    return income - sum(move.amount_nano for move in done.transfers if move.source == accounts.stake(node))


def _play(dice: random.Random, market: Market, jury: Mapping[str, Strategy], good: bool, rules: Rules) -> Settlement:
    true_ppm = _clip(dice.gauss(*(market.good if good else market.bad)))
    scene = Scene(dice=dice, market=market, good=good, true_ppm=true_ppm)
    cast = {seat: strategy(scene) for seat, strategy in jury.items()}
    votes = {seat: vote for seat, vote in cast.items() if vote is not None}
    seats = [Terms(node=seat, price_nano=market.fee_nano, quality_ppm=PPM) for seat in jury]
    producer = Terms(node="producer", price_nano=market.reward_nano, quality_ppm=PPM)
    reserve_nano = market.reward_nano + len(seats) * market.fee_nano
    return settle(
        client="client",
        task="task",
        producer=producer,
        units=1,
        seats=seats,
        votes=votes,
        outcome=tally(votes, list(jury)),
        reserve_nano=reserve_nano,
        stakes=dict.fromkeys([*jury, "producer"], rules.min_stake_nano),
        rules=rules,
        last=True,
        hidden=[seat for seat in jury if seat not in votes],
    )


def _clip(score: float) -> int:
    return min(PPM, max(0, round(score)))
