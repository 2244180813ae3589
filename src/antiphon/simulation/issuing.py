"""Score memories, weights, consensus and emission of a simulated network, by the real `economy.epochs`.

Rows are committed and revealed: who copies sees only what was revealed `Profile.delay` epochs ago. What a row counts is
what the epoch's evidence bears out (`economy.evidence`): rounds of clients' tasks in which the validator sat with the
majority, and its own synthetic prompts (`prompting`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from antiphon.economy import accounts, epochs
from antiphon.economy.consensus import MAX_WEIGHT, Integers
from antiphon.economy.evidence import Evidence
from antiphon.economy.types import PPM, Transfer, Verdict
from antiphon.simulation import measured
from antiphon.simulation.profiles import Profile
from antiphon.simulation.prompting import Prompting
from antiphon.simulation.rounds import Node
from antiphon.simulation.weighing import UNKNOWN, remember_all, row_of

OWNER = "network"
SERVICE = "speech"
NEVER = -(10**9)
KNOWN_AFTER = 40
"""Judgements that each validator remembers of each producer when a simulation begins."""


class Issuing:
    """The memory of every validator that has a permit."""

    def __init__(self, profile: Profile, makers: Sequence[Node], judges: Sequence[Node], nodes: int, seed: int) -> None:
        self.profile, self.rules, self.makers = profile, profile.rules, makers
        by_stake = sorted(judges, key=lambda judge: -judge.stake_nano)
        self.judges = by_stake[: profile.epochs.permits]
        self.emission_nano = profile.epochs.emission_nano * nodes // profile.emission_nodes
        self.generator = np.random.default_rng(seed)
        self.paid: Counter[str] = Counter()
        self._revealed: list[Integers] = []
        self._bonds: dict[str, epochs.Bonds] = {}
        self._row = {judge.number: row for row, judge in enumerate(self.judges)}
        self._uids = np.arange(len(makers)) + len(self.judges)
        self._table = _scores(profile.machines, self.rules.punish_score_ppm)
        self._machine = np.array([profile.machines.index(judge.machine) for judge in self.judges])
        self.prompts = Prompting(profile, makers, self.judges, self._table, self.generator)
        self.memory = self._known()
        # The epoch in which a validator last judged a node: prompts have reached everybody, in turn.
        window = max(1, profile.epochs.evidence_epochs)
        self.judged = -self.generator.integers(1, window + 1, self.memory.shape)
        for row, judge in enumerate(self.judges):
            self.judged[row] = self.judged[row] if judge.strategy.probes else NEVER

    def epoch(self, now: int, seen: Sequence[tuple[Node, Node, int]]) -> tuple[Transfer, ...]:
        """`seen`: (validator, producer, score) of every vote since the last epoch. What is issued to whom."""
        for judge, maker, score_ppm in seen:
            if judge.number in self._row:
                self._note(self._row[judge.number], maker.number, score_ppm, now)
        scores, asked = self.prompts.epoch(now)
        self.memory = remember_all(self.memory, scores, asked, self.rules)
        self.judged[asked] = now
        columns = np.argsort(self._uids)
        weights = self._weights()
        judges = [
            epochs.Judge(
                uid=row, stake_nano=judge.stake_nano, rows={SERVICE: row_of(own[columns], self._uids[columns])}
            )
            for row, (judge, own) in enumerate(zip(self.judges, weights, strict=True))
        ]
        names = [judge.name for judge in self.judges] + [self.makers[column].name for column in columns]
        uids = [*range(len(self.judges)), *self._uids[columns].tolist()]
        found = epochs.compute(
            self.profile.epochs, self.emission_nano, judges, uids, self._bonds, judged=self._evidence(now, columns)
        )
        self._bonds = found.bonds
        agreed = np.zeros(len(self.makers), np.int64)
        for market in found.markets:
            agreed[columns] = market.outcome.consensus[len(self.judges) :]
        self._revealed.append(agreed)
        return self._transfers(found.payments, dict(zip(uids, names, strict=True)))

    def renewed(self, maker: Node) -> None:
        """A new key has a new uid: nobody remembers it, and old bonds count nothing."""
        self.memory[:, maker.number] = UNKNOWN
        self.judged[:, maker.number] = NEVER
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

    def _evidence(self, now: int, columns: Integers) -> dict[str, Evidence]:
        """What counts now, as the ledger would hand it over."""
        fresh = self.judged > now - self.profile.epochs.evidence_epochs
        quality = np.maximum(self.memory, self.rules.floor_quality_ppm) * MAX_WEIGHT // PPM
        held = np.where(fresh & (self.memory != UNKNOWN), np.maximum(quality, 1), 0)[:, columns]
        uids = tuple(self._uids[columns].tolist())
        judges = tuple(range(len(self.judges)))
        return {SERVICE: Evidence(judges=judges, uids=uids, held=held.astype("<u2").tobytes())}

    def _weights(self) -> Integers:
        own = np.maximum(self.memory, 0)
        told = self._revealed[-self.profile.delay] if len(self._revealed) >= self.profile.delay else None
        mine: dict[int, Integers] = {}
        for row, judge in enumerate(self.judges):
            if id(judge.strategy) not in mine:
                mine[id(judge.strategy)] = np.array([int(m.strategy is judge.strategy) for m in self.makers])
            own[row] = judge.strategy.weigh(own[row], mine[id(judge.strategy)], told)
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
