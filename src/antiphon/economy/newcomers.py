"""Does a new key pay? A simulation of score memory and selection, as they are, against nodes that begin again.

Work is spread by the real `assign` and remembered by the real `remember`; its quality is an argument. A node that
throws its key away takes its stake along, and waits until the stake is free again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from antiphon.economy.scores import prior, remember
from antiphon.economy.selection import assign
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Offer, Part, Role, Rules, Terms

PARTS = 4
"""Parallel parts of one task."""
UNITS = 200
KNOWN_AFTER = 100
"""Parts that those who stay have behind them."""
_STAKE_NANO = 20 * NANO

Renewal = Callable[[int, int, Rules], bool]
"""`(Q in ppm, parts settled, rules)`: whether to throw the key away now."""


class Worker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one node does. Who never renews its key is known from before."""

    score: tuple[int, int] = (900_000, 10_000)  # mean and sd of what its valid work scores, ppm
    invalid_ppm: int = 0  # share of its work that is rejected
    cost_ppm: int = 500_000  # of making one part, as a share of its price
    price_nano: int = 100  # per unit
    renews: Renewal | None = None


HONEST = Worker()
POOR = Worker(score=(450_000, 20_000), cost_ppm=100_000)
CHEAT = Worker(invalid_ppm=PPM, cost_ppm=0)


def no_longer_new(_quality_ppm: int, settled: int, rules: Rules) -> bool:
    """Lives on what newcomers are given."""
    return settled >= rules.newcomer_parts


def below_prior(quality_ppm: int, _settled: int, rules: Rules) -> bool:
    """Leaves a bad name behind as soon as no name is better."""
    return quality_ppm < prior(rules)


class _Key(msgspec.Struct, kw_only=True):
    name: str
    owner: int
    worker: Worker
    quality_ppm: int
    settled: int = 0
    back: int = 0  # the task from which on it works

    @property
    def offer(self) -> Offer:
        return Offer(
            node=self.name,
            role=Role.PROCESSOR,
            price_nano=self.worker.price_nano,
            quality_ppm=self.quality_ppm,
            free_stake_nano=_STAKE_NANO,
            settled=self.settled,
        )


def simulate_keys(
    seed: int, tasks: int, workers: Sequence[Worker], *, unbonding: int, rules: Rules = DEFAULT_RULES
) -> list[int]:
    """Nano earned by each worker, net of penalties and costs.

    `unbonding`: how many tasks pass between a key that was thrown away and the next one with the same stake.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    keys = [_first(number, worker, rules) for number, worker in enumerate(workers)]
    judges = [
        Offer(node=f"v{n}", role=Role.VALIDATOR, price_nano=10, quality_ppm=PPM, free_stake_nano=_STAKE_NANO)
        for n in range(rules.seats)
    ]
    order = [Part(index=n, units=UNITS) for n in range(PARTS)]
    earned: Counter[int] = Counter()
    for task in range(tasks):
        able = {key.name: key for key in keys if key.back <= task}
        offers = Offers({Role.PROCESSOR: [key.offer for key in able.values()]}, judges, rules)
        for one in assign(order, offers, dice.randbytes(8)):
            key = able[one.producers[0].node]
            earned[key.owner] += _work(key, one.producers[0], dice, rules)
        for key in able.values():
            if key.worker.renews is not None and key.worker.renews(key.quality_ppm, key.settled, rules):
                key.name, key.quality_ppm, key.settled = f"{key.owner}-{task}", prior(rules), 0
                key.back = task + 1 + unbonding
    return [earned[number] for number in range(len(workers))]


def _first(number: int, worker: Worker, rules: Rules) -> _Key:
    if worker.renews is not None:
        return _Key(name=f"{number}", owner=number, worker=worker, quality_ppm=prior(rules))
    known_ppm = rules.floor_quality_ppm if worker.invalid_ppm else worker.score[0]
    return _Key(name=f"{number}", owner=number, worker=worker, quality_ppm=known_ppm, settled=KNOWN_AFTER)


def _work(key: _Key, terms: Terms, dice: random.Random, rules: Rules) -> int:
    """One part: what it brings, and what is remembered."""
    rejected = dice.random() * PPM < key.worker.invalid_ppm
    score_ppm = rules.punish_score_ppm if rejected else round(dice.gauss(*key.worker.score))
    key.quality_ppm = remember(key.quality_ppm, score_ppm, rules)
    key.settled += 1
    income_nano = -terms.reward_nano * rules.penalty_ppm // PPM if rejected else terms.reward_nano
    return income_nano - terms.reward_nano * key.worker.cost_ppm // PPM
