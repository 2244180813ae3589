"""Does honesty pay? Closed formulas, and a simulation that plays the real rules against known ways to cheat.

The audio is not simulated: deliveries are arguments, each with the votes that honest validators on several kinds of
machine really cast on it and those that somebody who did not listen would cast. Verdicts, fees, penalties and scores
come from the same `tally` and `settle` that the ledger runs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb

import msgspec

from antiphon.economy import accounts
from antiphon.economy.settlement import settle
from antiphon.economy.types import DEFAULT_RULES, PPM, Outcome, Rules, Settlement, Terms, Verdict, Vote
from antiphon.economy.votes import tally

HONEST, COIN, COPIER = "honest", "coin", "copier"
_0 = Fraction(0)


class Delivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One piece of work. `heard`: the vote of an honest validator, by its kind of machine; `guessed`: the vote of one
    that leaves out some or all of the listening, by what it does instead."""

    heard: dict[str, Vote]
    guessed: dict[str, Vote]


class Market(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The world of one simulation. Money in nano, per part."""

    good: tuple[Delivery, ...]
    bad: tuple[Delivery, ...] = ()
    fee_nano: int = 200_000  # of each validator
    reward_nano: int = 1_000_000  # of the producer
    listening_nano: int = 40_000  # a validator's cost of really judging one part
    saved_ppm: dict[str, int] = {}  # share of that cost which a way of guessing saves; all of it unless named here
    missed_ppm: int = 5_000  # chance that an honest validator takes bad work for good, or good work for bad


def simulate_validators(
    seed: int,
    tasks: int,
    bad_rate: float,
    *,
    population: Mapping[str, int],
    market: Market,
    rules: Rules = DEFAULT_RULES,
) -> dict[str, int]:
    """Nano earned per seat by each strategy, net of penalties and of the cost of listening. Nothing else differs.

    `population` counts validators: "honest", "coin" (votes at random), "copier" (commits what another committed), and
    ways to guess that `market` knows. Honest ones have one kind of machine each, in turn.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    nodes = {f"{name}-{i}": name for name, count in population.items() for i in range(count)}
    machines = sorted(market.good[0].heard)
    kinds = {node: machines[i % len(machines)] for i, node in enumerate(sorted(nodes))}
    earned: Counter[str] = Counter()
    sat: Counter[str] = Counter()
    for _ in range(tasks):
        seats = dice.sample(sorted(nodes), rules.seats)
        bad = dice.random() < bad_rate
        delivery = dice.choice(market.bad if bad else market.good)
        cast = {seat: _vote(dice, market, delivery, nodes[seat], kinds[seat]) for seat in seats}
        done = _play(market, seats, {seat: vote for seat, vote in cast.items() if vote is not None}, rules)
        for seat in seats:
            sat[nodes[seat]] += 1
            earned[nodes[seat]] += net(done, seat) - _cost(market, nodes[seat])
    return {name: earned[name] // max(1, sat[name]) for name in population}


def simulate_cartel(
    seed: int,
    tasks: int,
    share: Fraction,
    *,
    market: Market,
    validators: int = 60,
    appeal: bool = False,
    making_ppm: int = 500_000,
    rules: Rules = DEFAULT_RULES,
) -> dict[str, int]:
    """Nano per task of a producer with `share` of the validators' stake behind it, "honest" and "cheating".

    Seats are drawn after delivery, so the cheat delivers bad work every time. Its validators know the draw when they
    vote: they call bad work good when they hold the majority, and side with the others when they don't. They lend each
    other ears, so they have all readings and no cost in either life. `making_ppm`: cost of good work, as a share of its
    reward. `appeal`: who is fined though it voted against bad work asks all other validators, most of which are honest.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    own = {f"v{n}" for n in range(round(validators * share))}
    machines = sorted(market.good[0].heard)
    earned = {"honest": 0, "cheating": 0}
    for _ in range(tasks):
        seats = dice.sample([f"v{n}" for n in range(validators)], rules.seats)
        held = [seat for seat in seats if seat in own]
        good, bad = dice.choice(market.good).heard, dice.choice(market.bad).heard
        votes = {seat: good[dice.choice(machines)] for seat in seats}
        done = _play(market, seats, votes, rules)
        earned["honest"] += sum(net(done, node) for node in ("producer", *held))
        earned["honest"] -= market.reward_nano * making_ppm // PPM
        votes = {seat: bad[dice.choice(machines)] for seat in seats}
        if 2 * len(held) > len(seats):
            machine = dice.choice(machines)
            votes |= {seat: msgspec.structs.replace(bad[machine], verdict=Verdict.VALID) for seat in held}
        outcome = tally(votes, seats)
        if appeal and outcome.minority and 2 * share < 1:
            outcome = Outcome(
                verdict=Verdict.INVALID,
                score_ppm=votes[outcome.minority[0]].score_ppm,
                majority=outcome.minority,
                minority=outcome.majority,
            )
        done = _play(market, seats, votes, rules, outcome)
        earned["cheating"] += sum(net(done, node) for node in ("producer", *held))
    return {life: nano // tasks for life, nano in earned.items()}


def capture(share: Fraction, seats: int, min_held: int = 0) -> Fraction:
    """Chance that a cartel with this share of the stake holds at least `min_held` of the seats, by default most of
    them (drawn from many nodes)."""
    min_held = min_held or seats // 2 + 1
    return sum(
        (comb(seats, held) * share**held * (1 - share) ** (seats - held) for held in range(min_held, seats + 1)), _0
    )


def agreement(share: Fraction, seats: int, listening: Fraction) -> Fraction:
    """What validators earn that never listen and agree beforehand on readings, against what honest ones earn.

    They have `share` of the stake; listening costs an honest one this share of its fee. A member is paid in full where
    its friends hold enough of the other seats for a majority with it, and an honest one gets nothing where they hold a
    majority without it (at no bad work at all, the best world for them).
    """
    half = seats // 2
    member = capture(share, seats - 1, half) if half else Fraction(1)
    lost = capture(share, seats - 1, half + 1) if half else _0
    return member / (1 - lost - listening)


def net(done: Settlement, node: str) -> int:
    """What one settlement brought a node, in nano: its income less what it lost of its stake."""
    income = sum(move.amount_nano for move in done.transfers if move.target == accounts.balance(node))
    return income - sum(move.amount_nano for move in done.transfers if move.source == accounts.stake(node))


def _vote(dice: random.Random, market: Market, delivery: Delivery, strategy: str, machine: str) -> Vote | None:
    """None: something was committed that can never be revealed, for a commitment binds its author's name."""
    if strategy == COPIER:
        return None
    if strategy == COIN:
        verdict = dice.choice([Verdict.VALID, Verdict.INVALID])
        return Vote(verdict=verdict, score_ppm=dice.randrange(PPM + 1))
    if strategy != HONEST:
        return delivery.guessed[strategy]
    vote = delivery.heard[machine]
    if dice.random() * PPM >= market.missed_ppm:
        return vote
    other = Verdict.INVALID if vote.verdict is Verdict.VALID else Verdict.VALID
    return msgspec.structs.replace(vote, verdict=other)


def _cost(market: Market, strategy: str) -> int:
    saved_ppm = 0 if strategy == HONEST else market.saved_ppm.get(strategy, PPM)
    return market.listening_nano * (PPM - saved_ppm) // PPM


def _play(
    market: Market, jury: Sequence[str], votes: Mapping[str, Vote], rules: Rules, outcome: Outcome | None = None
) -> Settlement:
    seats = [Terms(node=seat, price_nano=market.fee_nano, quality_ppm=PPM) for seat in jury]
    producer = Terms(node="producer", price_nano=market.reward_nano, quality_ppm=PPM)
    return settle(
        client="client",
        task="task",
        producer=producer,
        units=1,
        seats=seats,
        votes=votes,
        outcome=outcome or tally(votes, jury),
        reserve_nano=market.reward_nano + len(seats) * market.fee_nano,
        stakes=dict.fromkeys([*jury, "producer"], rules.min_stake_nano),
        rules=rules,
        last=True,
        hidden=[seat for seat in jury if seat not in votes],
    )
