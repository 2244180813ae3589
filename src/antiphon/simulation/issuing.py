"""Score memories, weights, consensus and emission of a simulated network, by the real `economy.epochs`.

Rows are committed and revealed: who copies sees only what was revealed `Profile.delay` epochs ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from antiphon.economy import accounts, epochs
from antiphon.economy.consensus import Integers
from antiphon.economy.types import PPM, Transfer, Verdict
from antiphon.simulation import measured
from antiphon.simulation.profiles import Profile
from antiphon.simulation.rounds import Client, Job, Node
from antiphon.simulation.weighing import UNKNOWN, remember_all, row_of

OWNER = "network"
SERVICE = "speech"
KNOWN_AFTER = 40
"""Judgements that each validator remembers of each producer when a simulation begins."""


class Issuing:
    """The memory of every validator that has a permit."""

    def __init__(
        self, profile: Profile, makers: Sequence[Node], judges: Sequence[Node], listening_nano: int, seed: int
    ) -> None:
        self.profile, self.rules, self.makers = profile, profile.rules, makers
        by_stake = sorted(judges, key=lambda judge: -judge.stake_nano)
        self.judges = by_stake[: profile.epochs.permits]
        self.listening_nano = listening_nano * profile.probe_units
        self.count = max(1, len(makers) * profile.probes_ppm // PPM)
        usual = min(profile.max_validators, (len(makers) + len(judges)) * profile.validators_ppm // PPM)
        answering_nano = usual * self.count * self._making(PPM)
        self.emission_nano = answering_nano * profile.emission_ppm // profile.epochs.nodes_ppm
        self.generator = np.random.default_rng(seed)
        self.paid: Counter[str] = Counter()
        self._revealed: list[Integers] = []
        self._bonds: dict[str, epochs.Bonds] = {}
        self._row = {judge.number: row for row, judge in enumerate(self.judges)}
        self._uids = np.arange(len(makers)) + len(self.judges)
        self._table = _scores(profile.machines, self.rules.punish_score_ppm)
        self._machine = np.array([profile.machines.index(judge.machine) for judge in self.judges])
        self.memory = self._known()
        self.judged = np.zeros(self.memory.shape, np.int64)  # the epoch in which a validator last judged a node
        self._queues = np.array([self.generator.permutation(len(makers)) for _ in self.judges])
        self._next = np.zeros(len(self.judges), np.int64)

    def epoch(self, now: int, seen: Sequence[tuple[Node, Node, int]]) -> tuple[Transfer, ...]:
        """`seen`: (validator, producer, score) of every vote since the last epoch. What is issued to whom."""
        for judge, maker, score_ppm in seen:
            if judge.number in self._row:
                self._note(self._row[judge.number], maker.number, score_ppm, now)
        self._probe(now)
        columns = np.argsort(self._uids)
        weights = self._weights(now)
        judges = [
            epochs.Judge(
                uid=row, stake_nano=judge.stake_nano, rows={SERVICE: row_of(own[columns], self._uids[columns])}
            )
            for row, (judge, own) in enumerate(zip(self.judges, weights, strict=True))
        ]
        names = [judge.name for judge in self.judges] + [self.makers[column].name for column in columns]
        uids = [*range(len(self.judges)), *self._uids[columns].tolist()]
        found = epochs.compute(self.profile.epochs, self.emission_nano, judges, uids, self._bonds)
        self._bonds = found.bonds
        agreed = np.zeros(len(self.makers), np.int64)
        for market in found.markets:
            agreed[columns] = market.outcome.consensus[len(self.judges) :]
        self._revealed.append(agreed)
        return self._transfers(found.payments, dict(zip(uids, names, strict=True)))

    def renewed(self, maker: Node) -> None:
        """A new key has a new uid: nobody remembers it, and old bonds count nothing."""
        self.memory[:, maker.number] = UNKNOWN
        self._uids[maker.number] = self._uids.max() + 1

    def _transfers(self, payments: Sequence[epochs.Payment], names: dict[int, str]) -> tuple[Transfer, ...]:
        moves = []
        for one in payments:
            name = names.get(one.uid, OWNER)
            target = accounts.BURNT if one.uid == epochs.BURNT else accounts.balance(name)
            moves.append(Transfer(source=accounts.ISSUED, target=target, amount_nano=one.amount_nano, why=one.why))
            self.paid[name] += one.amount_nano
        return tuple(moves)

    def _known(self) -> Integers:
        """The network has been at work for long, honestly: what each validator remembers of it."""
        memory = np.full((len(self.judges), len(self.makers)), UNKNOWN, np.int64)
        everybody = np.ones(memory.shape, bool)
        for _ in range(KNOWN_AFTER):
            clip = self.generator.integers(0, len(self._table), memory.shape)
            memory = remember_all(memory, self._table[clip, self._machine[:, None]], everybody, self.rules)
        return memory

    def _note(self, row: int, column: int, score_ppm: int, now: int) -> None:
        one = np.ix_([row], [column])
        self.memory[one] = remember_all(self.memory[one], np.array([[score_ppm]]), np.array([[True]]), self.rules)
        self.judged[row, column] = now

    def _probe(self, now: int) -> None:
        """Each validator orders synthetic prompts of the next in its shuffled list, until all had one; then anew."""
        columns = len(self.makers)
        asked = np.zeros(self.memory.shape, bool)
        for row, judge in enumerate(self.judges):
            if judge.strategy.probes:
                places = range(int(self._next[row]), int(self._next[row]) + self.count)
                asked[row, self._queues[row].take(places, mode="wrap")] = True
                self._next[row] = places.stop % columns
                judge.probing_nano += self.count * self.listening_nano
        clip = self.generator.integers(0, len(self._table), self.memory.shape)
        scores = self._table[clip, self._machine[:, None]]
        found = self.generator.random(len(self.judges)) * PPM * PPM < self.rules.audit_ppm * self.rules.audit_seen_ppm
        times = asked.sum(axis=0)
        job = Job(Client(name="probe", strategy=self.judges[0].strategy), probe=True)
        for column, maker in enumerate(self.makers):
            if maker.back > now:
                asked[:, column] = False
                continue
            work = maker.strategy.make(job, maker)
            maker.probing_nano += int(times[column]) * self._making(work.cost_ppm if work else 0)
            if work is None:
                scores[:, column] = 0
            elif work.kind:
                scores[:, column] = self.rules.punish_score_ppm
            elif work.altered:
                scores[found, column] = self.rules.punish_score_ppm
        self.memory = remember_all(self.memory, scores, asked, self.rules)
        self.judged[asked] = now

    def _making(self, cost_ppm: int) -> int:
        usual_nano = self.profile.maker_price_nano * self.profile.probe_units * self.profile.making_ppm // PPM
        return usual_nano * cost_ppm // PPM

    def _weights(self, now: int) -> Integers:
        own = np.maximum(self.memory, 0)
        told = self._revealed[-self.profile.delay] if len(self._revealed) >= self.profile.delay else None
        mine: dict[int, Integers] = {}
        for row, judge in enumerate(self.judges):
            if id(judge.strategy) not in mine:
                mine[id(judge.strategy)] = np.array([int(m.strategy is judge.strategy) for m in self.makers])
            own[row] = judge.strategy.weigh(own[row], mine[id(judge.strategy)], told)
        if self.profile.evidence:
            own[self.judged <= now - self.profile.evidence] = 0
        return own


def _scores(machines: Sequence[str], punish_ppm: int) -> Integers:
    """[clips, machines] in ppm: what a validator remembers of honest work, by what its machine found."""
    found = [
        [
            punish_ppm if vote.verdict is Verdict.INVALID else vote.score_ppm or 0
            for vote in (one.heard[machine] for machine in machines)
        ]
        for one in measured.clips()
    ]
    return np.array(found, np.int64)
