"""Synthetic prompts: who orders how many, what they cost, and what they tell.

As on a ledger (`economy.evidence`): who orders a prompt pays its producer and its seats, and the round is evidence of
who ordered it. Seats fall by stake; a round says the median of what they vote. All prompts of an epoch are played at
once, so they are no transfers here: what each gains or loses by them is summed up in `Node.probing_nano`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiphon.economy.consensus import Integers
from antiphon.economy.selection import draw_seats
from antiphon.economy.types import PPM, Candidate
from antiphon.simulation.profiles import Profile
from antiphon.simulation.rounds import Client, Job, Node

DRAWS = 400
"""Draws by which a key's part of all seats is measured."""


class Prompting:
    """The prompts of one network. `table` [clips, machines]: what a machine finds of honest work, in ppm."""

    def __init__(
        self,
        profile: Profile,
        makers: Sequence[Node],
        judges: Sequence[Node],
        table: Integers,
        generator: np.random.Generator,
    ) -> None:
        self.profile, self.rules, self.makers, self.judges = profile, profile.rules, makers, judges
        self.table, self.generator = table, generator
        self.count = max(1, len(makers) * profile.probes_ppm // PPM)
        self._machine = np.array([profile.machines.index(judge.machine) for judge in judges])
        self._queues = np.array([generator.permutation(len(makers)) for _ in judges])
        self._next = np.zeros(len(judges), np.int64)
        self._shares = seat_shares(judges, self.rules.seats)
        self._job = Job(Client(name="probe", strategy=judges[0].strategy), probe=True)
        owners = {id(node.strategy): number for number, node in enumerate((*judges, *makers))}
        self._owner = np.array([owners[id(judge.strategy)] for judge in judges])
        self._maker_owner = np.array([owners[id(maker.strategy)] for maker in makers])
        self._lift = np.array([judge.strategy.lifts_ppm for judge in judges])

    def epoch(self, now: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """[V, N]: what the round on each one's prompt found, in ppm; and who had whom judged."""
        asked = self._asked(now)
        seats = self.generator.choice(len(self.judges), (*asked.shape, self.rules.seats), p=self._shares)
        clip = self.generator.integers(0, len(self.table), asked.shape)
        votes = self.table[clip[..., None], self._machine[seats]]
        own = (self._owner[seats] == self._maker_owner[None, :, None]) & (votes > 0)
        votes = np.minimum(votes + np.where(own, self._lift[seats], 0), PPM)
        found = np.sort(votes, axis=-1)[..., self.rules.seats // 2]
        bad = self._bad(asked)
        self._pay_makers(asked, bad)
        self._pay_judges(asked, bad, seats, np.abs(votes - found[..., None]))
        return np.where(bad, self.rules.punish_score_ppm, found), asked

    def _asked(self, now: int) -> npt.NDArray[np.bool_]:
        """Each validator asks the next in its shuffled list, until all had one; then anew."""
        asked = np.zeros((len(self.judges), len(self.makers)), bool)
        for row, judge in enumerate(self.judges):
            if judge.strategy.probes:
                places = range(int(self._next[row]), int(self._next[row]) + self.count)
                asked[row, self._queues[row].take(places, mode="wrap")] = True
                self._next[row] = places.stop % len(self.makers)
        away = [column for column, maker in enumerate(self.makers) if maker.back > now]
        asked[:, away] = False
        return asked

    def _bad(self, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """[V, N]: whose work is found invalid. Who delivers nothing was not asked: the part is refunded."""
        audits = self.generator.random(asked.shape) * PPM * PPM < self.rules.audit_ppm * self.rules.audit_seen_ppm
        bad = np.zeros(asked.shape, bool)
        for column, maker in enumerate(self.makers):
            work = maker.strategy.make(self._job, maker)
            if work is None:
                asked[:, column] = False
                continue
            bad[:, column] = bool(work.kind) | (work.altered & audits[:, column])
            cost_nano = self._price(self.profile.making_ppm) * work.cost_ppm // PPM
            maker.probing_nano += int(asked[:, column].sum()) * cost_nano
        return bad

    def _pay_makers(self, asked: npt.NDArray[np.bool_], bad: npt.NDArray[np.bool_]) -> None:
        good, fined = (asked & ~bad).sum(axis=0), (asked & bad).sum(axis=0)
        for maker, paid, lost in zip(self.makers, good.tolist(), fined.tolist(), strict=True):
            maker.probing_nano -= self._price(PPM) * paid - self._price(self.rules.penalty_ppm) * lost

    def _pay_judges(
        self, asked: npt.NDArray[np.bool_], bad: npt.NDArray[np.bool_], seats: Integers, apart: Integers
    ) -> None:
        """Who ordered pays for what was good; each seat gets its fee by how near it was, less the cost of listening."""
        fee_nano = self.profile.judge_price_nano * self.profile.probe_units
        close = np.maximum(0.0, 1 - apart / self.rules.score_tolerance_ppm)
        worth = np.where(bad[..., None], 1.0, close) - self.profile.listening_ppm / PPM
        earned = np.bincount(seats[asked].ravel(), worth[asked].ravel(), len(self.judges))
        bills = (asked & ~bad).sum(axis=1) * (self._price(PPM) + self.rules.seats * fee_nano)
        for judge, bill, part in zip(self.judges, bills.tolist(), earned.tolist(), strict=True):
            judge.probing_nano += bill - int(part * fee_nano)

    def _price(self, ppm: int) -> int:
        return self.profile.maker_price_nano * self.profile.probe_units * ppm // PPM


def seat_shares(judges: Sequence[Node], seats: int) -> npt.NDArray[np.float64]:
    """[V]: of all seats, by the real draw."""
    dice = random.Random(len(judges))  # noqa: S311 - a simulation, repeatable on purpose
    pool = [Candidate(node=one.name, price_nano=0, quality_ppm=PPM, weight_nano=one.stake_nano) for one in judges]
    place = {one.name: number for number, one in enumerate(judges)}
    found = np.zeros(len(judges))
    for _ in range(DRAWS):
        for seat in draw_seats(pool, min(seats, len(pool)), dice.randbytes(32)):
            found[place[seat.node]] += 1
    shares: npt.NDArray[np.float64] = found / found.sum()
    return shares
