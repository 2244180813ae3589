"""One producer before one pool, over many parts: what a strategy gains per part, as a rule or a share changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import fmean, stdev

import msgspec

from antiphon.economy import accounts
from antiphon.economy.deterrence import break_even_stake
from antiphon.economy.incentives import capture
from antiphon.economy.quote import reserve, seat_count
from antiphon.economy.types import PPM, Assignment, Candidate, Role, Rules, Terms
from antiphon.simulation.balances import Balances
from antiphon.simulation.issuing import Issuing
from antiphon.simulation.network import Network
from antiphon.simulation.playing import Play
from antiphon.simulation.profiles import Profile
from antiphon.simulation.rounds import Client, Job, Node, Strategy, Work
from antiphon.simulation.strategies import League, WeightCopier

POOL = 48
BATCHES = 10
"""Parts are played in so many batches, whose means tell the error."""
ALL_SAVED = Work(altered=True)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over parts in rewards of one part, with its standard error, and what the formula says."""

    at: float
    gain: float
    error: float
    formula: float | None = None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one setting."""

    name: str
    points: tuple[Point, ...]


class NothingMade(Strategy):
    """Skips every pass that no ear misses: the dearest cheat that only an audit finds."""

    name = "nothing-made"
    summary = "saves all work where only a step audit could tell"
    judges = False

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return ALL_SAVED


def gain(profile: Profile, owner: Strategy, share: float, parts: int, seed: int) -> tuple[float, float]:
    """What `owner`, the producer of every part with `share` of the pool's keys, nets a part in rewards; its error."""
    unit = profile.maker_price_nano
    held = int(share * POOL)
    maker = _node("maker", owner, Role.PROCESSOR, profile, 0)
    judges = [_node(f"v{n}", owner if n < held else Strategy(), Role.VALIDATOR, profile, n) for n in range(POOL)]
    nodes = {one.name: one for one in (maker, *judges)}
    balances = Balances()
    for one in nodes.values():
        balances.issue(accounts.stake(one.name), one.stake_nano)
    costs = unit * profile.making_ppm // PPM, profile.judge_price_nano * profile.listening_ppm // PPM
    play = Play(nodes, balances, profile.rules, costs, random.Random(seed))  # noqa: S311 - a simulation
    seats = tuple(
        Candidate(node=one.name, price_nano=one.price_nano * profile.units, quality_ppm=PPM) for one in judges
    )
    terms = Terms(node="maker", price_nano=unit * profile.units, quality_ppm=PPM)
    size = seat_count(POOL, profile.rules)
    opened = Assignment(index=0, producers=(terms,), validators=seats, reserve_nano=reserve([terms], seats[:size], 1))
    means, before = [], 0
    for batch in range(BATCHES):
        for part in range(max(1, parts // BATCHES)):
            play.part(f"{batch}-{part}", Client("client", Strategy()), opened, profile.units)
        net = sum(_net(balances, one) for one in nodes.values() if one.strategy is owner)
        means.append((net - before) / max(1, parts // BATCHES) / terms.reward_nano)
        before = net
    balances.check()
    return fmean(means), stdev(means) / BATCHES**0.5


def by_stake(profile: Profile, shares: Sequence[float], parts: int, seed: int) -> tuple[Curve, ...]:
    """What a league of a producer of silence and a share of the stake gains over its honest life: with votes that the
    programs of the outvoted do not appeal, and with votes that they do."""
    return tuple(
        _curve(
            name,
            shares,
            lambda share, near=near: _excess(profile, near, share, parts, seed),  # type: ignore[misc]
            (lambda share: _league_gain(profile, share)) if near else None,
        )
        for name, near in (("votes near the honest score: not appealed", True), ("votes far from it: appealed", False))
    )


def by_quorum(
    profile: Profile, seats: Sequence[int], shares: Sequence[float], parts: int, seed: int
) -> tuple[Curve, ...]:
    """The same league, not appealed, by the seats of a round; one curve for each share."""

    def at(count: float) -> Profile:
        return msgspec.structs.replace(profile, rules=msgspec.structs.replace(profile.rules, seats=int(count)))

    return tuple(
        _curve(
            f"{share:.0%} of the stake",
            [float(count) for count in seats],
            lambda count, share=share: _excess(at(count), True, share, parts, seed),  # type: ignore[misc]
            lambda count, share=share: _league_gain(at(count), share),  # type: ignore[misc]
        )
        for share in shares
    )


def by_sampling(
    profile: Profile, rates: Sequence[float], stakes: Sequence[float], parts: int, seed: int
) -> tuple[Curve, ...]:
    """A cheat that saves the whole reward and that only audits find, by the rate of audits; one curve for each penalty,
    as a multiple of the break-even stake at that rate. `Rules` refuses less than 1."""

    def rules(rate: float, times: float) -> Rules:
        needed = break_even_stake(1.0, profile.rules.audit_seen_ppm / PPM, rate=rate)
        penalty_ppm = 1 + round(PPM * needed * times)
        return msgspec.structs.replace(profile.rules, audit_ppm=round(rate * PPM), penalty_ppm=penalty_ppm)

    def at(rate: float, times: float) -> Profile:
        return msgspec.structs.replace(profile, rules=rules(rate, times))

    def formula(rate: float, times: float) -> float:
        found = rate * profile.rules.audit_seen_ppm / PPM
        return (1 - found) - found * rules(rate, times).penalty_ppm / PPM

    return tuple(
        _curve(
            f"{times:g} x the break-even stake",
            rates,
            lambda rate, times=times: gain(at(rate, times), NothingMade(), 0.0, parts, seed),  # type: ignore[misc]
            lambda rate, times=times: formula(rate, times),  # type: ignore[misc]
        )
        for times in stakes
    )


def by_copying(
    profile: Profile, delays: Sequence[int], churns: Sequence[float], nodes: int, epochs: int, seed: int
) -> tuple[Curve, ...]:
    """Emission of a validator that copies weights over that of one that works, by epochs until a row is seen."""

    def income(churn: float, delay: float) -> tuple[float, float]:
        world = msgspec.structs.replace(profile, churn_ppm=round(churn * PPM), delay=int(delay))
        share = max(0.1, PPM / (nodes * profile.validators_ppm))
        return copied(Network(world, nodes, {WeightCopier.name: share}, seed), epochs), 0.0

    return tuple(
        _curve(
            f"{churn:.0%} of the producers new in each epoch",
            [float(delay) for delay in delays],
            lambda delay, churn=churn: income(churn, delay),  # type: ignore[misc]
        )
        for churn in churns
    )


def copied(network: Network, epochs: int) -> float:
    """What a copier of weights is issued, against a validator that works."""
    network.run(epochs)
    issuing: Issuing = network.issuing
    paid: dict[str, list[int]] = {}
    for judge in issuing.judges:
        paid.setdefault(judge.strategy.name, []).append(issuing.paid[judge.name])
    return fmean(paid[WeightCopier.name]) / fmean(paid[Strategy.name])


def _curve(
    name: str,
    places: Sequence[float],
    measure: Callable[[float], tuple[float, float]],
    formula: Callable[[float], float] | None = None,
) -> Curve:
    points = []
    for place in places:
        value, error = measure(place)
        points.append(Point(at=place, gain=value, error=error, formula=formula(place) if formula else None))
    return Curve(name=name, points=tuple(points))


def _excess(profile: Profile, near: bool, share: float, parts: int, seed: int) -> tuple[float, float]:
    owner = League()
    owner.score_like_honest = near
    cheating, error = gain(profile, owner, share, parts, seed)
    honest, other = gain(profile, Strategy(), share, parts, seed)
    return cheating - honest, (error**2 + other**2) ** 0.5


def _league_gain(profile: Profile, share: float) -> float:
    """p R - (1 - p) P R with p by `capture`, less what honest work would earn; fees are the same in both lives."""
    p = float(capture(Fraction(int(share * POOL), POOL), profile.rules.seats))
    return p - (1 - p) * profile.rules.penalty_ppm / PPM - (1 - profile.making_ppm / PPM)


def _net(balances: Balances, node: Node) -> int:
    held = balances.nano[accounts.balance(node.name)] + balances.nano[accounts.stake(node.name)]
    return held - balances.issued[accounts.stake(node.name)] - node.spent_nano


def _node(name: str, owner: Strategy, role: Role, profile: Profile, number: int) -> Node:
    usual = profile.maker_price_nano if role is Role.PROCESSOR else profile.judge_price_nano
    machine = profile.machines[number % len(profile.machines)]
    return Node(
        name=name, strategy=owner, role=role, price_nano=usual, machine=machine, quality_ppm=PPM, stake_nano=10**15
    )
