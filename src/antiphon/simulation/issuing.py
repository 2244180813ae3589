"""Score memories, weights, consensus and emission of a simulated network, by the real `yuma` and `emit`.

Rows are committed and revealed: who copies sees only what was revealed `Profile.delay` epochs ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from antiphon.economy import accounts
from antiphon.economy.types import PPM, Transfer, Verdict
from antiphon.economy.yuma import BITTENSOR, Matrix, Registry, emit, yuma
from antiphon.simulation import measured
from antiphon.simulation.profiles import Profile
from antiphon.simulation.rounds import Client, Job, Node
from antiphon.simulation.weighing import UNKNOWN, Memory, remember_all, rows

OWNER = "network"
KNOWN_AFTER = 40
"""Judgements that each validator remembers of each producer when a simulation begins."""


class Issuing:
    """The memory of every validator that counts: those with most stake, as many as there are permits."""

    def __init__(
        self, profile: Profile, makers: Sequence[Node], judges: Sequence[Node], listening_nano: int, seed: int
    ) -> None:
        permits = profile.options.permits or len(judges)
        self.judges = sorted(judges, key=lambda judge: -judge.stake_nano)[:permits]
        self.makers, self.profile, self.rules = makers, profile, profile.rules
        self.listening_nano = listening_nano * profile.probe_units
        self.count = max(1, len(makers) * profile.probes_ppm // PPM)
        answering_nano = len(self.judges) * self.count * self._making(PPM)
        self.emission_nano = answering_nano * profile.emission_ppm // BITTENSOR.nodes_ppm
        self.generator = np.random.default_rng(seed)
        shape = len(self.judges), len(makers)
        self.bonds: Matrix | None = None
        self.revealed: list[Matrix] = []
        self.registered = np.full(shape[1], -1, np.int64)
        self.paid: Counter[str] = Counter()
        self._row = {judge.number: row for row, judge in enumerate(self.judges)}
        self._queues = np.array([self.generator.permutation(shape[1]) for _ in self.judges])
        self._next = np.zeros(shape[0], np.int64)
        self._table = _scores(profile.machines, self.rules.punish_score_ppm)
        self._machine = np.array([profile.machines.index(judge.machine) for judge in self.judges])
        self.memory = self._known()

    def epoch(self, now: int, seen: Sequence[tuple[Node, Node, int]]) -> tuple[Transfer, ...]:
        """`seen`: (validator, producer, score) of every vote since the last epoch. What is issued to whom."""
        for judge, maker, score_ppm in seen:
            if judge.number in self._row:
                self._note(self._row[judge.number], maker.number, score_ppm)
        self._probe(now)
        weights = self._weights()
        stake = np.array([float(judge.stake_nano) for judge in self.judges])
        registry = Registry(
            now=now + 1,
            last_epoch=now,
            updated=np.full(len(self.judges), now + 1, np.int64),
            registered=self.registered,
            own=np.full(len(self.judges), -1, np.int64),
        )
        found = yuma(weights, stake, self.bonds, options=self.profile.options, registry=registry)
        self.bonds = found.bonds
        self.revealed.append(found.consensus)
        judges, makers = [judge.name for judge in self.judges], [maker.name for maker in self.makers]
        moves = emit(found, self.emission_nano, validators=judges, nodes=makers, owner=OWNER)
        for move in moves:
            self.paid[move.target.removeprefix(accounts.balance(""))] += move.amount_nano
        return moves

    def renewed(self, maker: Node, now: int) -> None:
        """A new key: nobody remembers it, and old bonds and weights count nothing."""
        self.memory[:, maker.number] = UNKNOWN
        self.registered[maker.number] = now

    def _known(self) -> Memory:
        """The network has been at work for long, honestly: what each validator remembers of it."""
        memory = np.full((len(self.judges), len(self.makers)), UNKNOWN, np.int64)
        everybody = np.ones(memory.shape, bool)
        for _ in range(KNOWN_AFTER):
            clip = self.generator.integers(0, len(self._table), memory.shape)
            memory = remember_all(memory, self._table[clip, self._machine[:, None]], everybody, self.rules)
        return memory

    def _note(self, row: int, column: int, score_ppm: int) -> None:
        one = np.ix_([row], [column])
        self.memory[one] = remember_all(self.memory[one], np.array([[score_ppm]]), np.array([[True]]), self.rules)

    def _probe(self, now: int) -> None:
        """Each validator orders synthetic prompts of the next in its shuffled list, until all had one; then anew."""
        count, columns = self.count, len(self.makers)
        asked = np.zeros(self.memory.shape, bool)
        for row, judge in enumerate(self.judges):
            if judge.strategy.probes:
                start = int(self._next[row])
                asked[row, self._queues[row].take(range(start, start + count), mode="wrap")] = True
                self._next[row] = (start + count) % columns
                judge.probing_nano += count * self.listening_nano
        job = Job(Client(name="probe", strategy=self.judges[0].strategy), probe=True)
        clip = self.generator.integers(0, len(self._table), self.memory.shape)
        scores = self._table[clip, self._machine[:, None]]
        found = self.generator.random(len(self.judges)) * PPM * PPM < self.rules.audit_ppm * self.rules.audit_seen_ppm
        times = asked.sum(axis=0)
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

    def _making(self, cost_ppm: int) -> int:
        usual_nano = self.profile.maker_price_nano * self.profile.probe_units * self.profile.making_ppm // PPM
        return usual_nano * cost_ppm // PPM

    def _weights(self) -> Matrix:
        own = rows(self.memory, np.zeros(self.memory.shape, bool))
        told = self.revealed[-self.profile.delay] if len(self.revealed) >= self.profile.delay else None
        mine: dict[int, Matrix] = {}
        for row, judge in enumerate(self.judges):
            if id(judge.strategy) not in mine:
                mine[id(judge.strategy)] = np.array([float(m.strategy is judge.strategy) for m in self.makers])
            own[row] = judge.strategy.weigh(own[row], mine[id(judge.strategy)], told)
        return own


def _scores(machines: Sequence[str], punish_ppm: int) -> Memory:
    """[clips, machines] in ppm: what a validator remembers of honest work, by what its machine found."""
    found = [
        [
            punish_ppm if vote.verdict is Verdict.INVALID else vote.score_ppm or 0
            for vote in (one.heard[machine] for machine in machines)
        ]
        for one in measured.clips()
    ]
    return np.array(found, np.int64)
