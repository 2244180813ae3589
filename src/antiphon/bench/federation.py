"""A federation of eight contributors with a style each, honest or not, for the figures of `genki`.

The model is the small one of notes (`genki.baseline`), the music our composer's: eight styles, no piece twice. Pieces
that all may have, held-out pieces that are paid by, and test pieces that nothing but a figure sees are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from antiphon.codecs.base import TokenGrid
from antiphon.genki.baseline import NoteModel
from antiphon.genki.contribution import (
    Appraisal,
    Round,
    Sketch,
    appraise,
    by_contributor,
    dealt,
    learnt,
    over_rounds,
    screen,
    sketch,
)
from antiphon.genki.learning import Parameters, difference
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.plan import Plan
from antiphon.music import arrange, compose, read

STYLES = ("boss battle", "calm waltz", "jazz", "sad ballad", "techno", "blues", "march", "reggae")
SECONDS = 12.0
OWN, HELD_OUT, TEST, POOL, PUBLIC = 10, 2, 3, 6, 3
"""Pieces of each style: its contributor's; those that shares are measured by; those that figures are; those that are
dealt; those that the base was trained on."""
ROUNDS, STEPS, BATCH, RATE, FINAL = 10, 24, 64, 0.005, 0.1
"""The learning rate falls from RATE to FINAL of it over ROUNDS."""
PLAN = Plan(name="bench", model="notes", local_steps=STEPS, server_rate=2.0, min_parties=1)
BAD = (6, 7)
"""Contributors that poison, ride or copy: they commit last."""


@dataclass(frozen=True)
class Music:
    own: list[list[TokenGrid]]  # by contributor
    held_out: list[TokenGrid]
    test: list[TokenGrid]
    pool: list[TokenGrid]
    base: Parameters


@dataclass
class Outcome:
    """Of one federation: test losses after each round, and what was appraised."""

    losses: list[float] = field(default_factory=list)
    appraisals: list[Appraisal] = field(default_factory=list)
    parameters: Parameters = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, int]:
        earned = [{line.contributor: line.earned_nats for line in one.lines} for one in self.appraisals]
        return over_rounds(earned)


@dataclass(frozen=True)
class Turn:
    """What a contributor, honest or not, has in its hands in one round."""

    number: int
    who: int
    base: Parameters
    before: dict[str, Parameters]  # last round's updates
    now: dict[str, Parameters]  # those committed already in this one
    work: Callable[[Sequence[TokenGrid], Sequence[TokenGrid]], Parameters]
    hand: list[TokenGrid]

    @property
    def own(self) -> list[TokenGrid]:
        return music().own[self.who]

    def honest(self) -> Parameters:
        return self.work(self.own, self.hand)


@cache
def music() -> Music:
    sizes = np.cumsum([OWN, HELD_OUT, TEST, POOL, PUBLIC])
    pieces = [[arrange(compose(read(style), SECONDS, seed)) for seed in range(int(sizes[-1]))] for style in STYLES]
    _, held_out, test, pool, public = (
        [piece for one in pieces for piece in one[start:stop]] for start, stop in zip([0, *sizes], sizes, strict=False)
    )
    model = NoteModel(batch=BATCH, rate=0.01)
    base = model.learn(model.initial(), public, steps=300, seed=9)
    return Music([one[:OWN] for one in pieces], held_out, test, pool, base)


def model(number: int, *, batch: int = BATCH) -> NoteModel:
    """With the learning rate of a round."""
    return NoteModel(batch=batch, rate=RATE * FINAL ** (number / (ROUNDS - 1)))


def loss_on_test(parameters: Parameters) -> float:
    return float(model(0).losses(parameters, music().test).mean())


def federated(
    attack: Callable[[Turn], Parameters] | None = None,
    *,
    rounds: int = ROUNDS,
    present: int = 8,
    screened: bool = True,
    appraised: bool = False,
    proven: bool = True,
) -> Outcome:
    """`present` of eight, drawn anew each round. Poisoners answer by `attack`. Flower's mean aggregates what counts.
    `proven`: work on pieces that are dealt is asked for."""
    found, base = Outcome(), music().base
    known: dict[str, Sketch] = {}
    before: dict[str, Parameters] = {}
    for number in range(rounds):
        learner = model(number)
        there = sorted(np.random.default_rng(number).choice(8, present, replace=False).tolist())
        updates = handed_in(learner, number, there, base, before, attack)
        past = by_contributor(found.appraisals)
        pool = music().pool if proven else ()
        committed = Round(learner, base, updates, music().held_out, b"%d" % number, pool, dict(known), past)
        if appraised:
            found.appraisals.append(appraise(committed, pairs=2, exactly=0))
        counted = updates
        if screened:
            admission = screen(committed)
            counted = admission.counted
            known |= {
                f"the update of {who} in round {number}": one for who, one in admission.admission.sketches.items()
            }
        after = flower.aggregate(PLAN, base, list(counted.values())) if counted else base
        known[f"the aggregate of round {number}"] = sketch(difference(after, base))
        base, before = after, updates
        found.losses.append(loss_on_test(base))
    found.parameters = base
    return found


def handed_in(
    learner: NoteModel,
    number: int,
    there: Sequence[int],
    base: Parameters,
    before: dict[str, Parameters],
    attack: Callable[[Turn], Parameters] | None,
) -> dict[str, Parameters]:
    """What those who are there hand in, in the order of their commits."""
    updates: dict[str, Parameters] = {}
    for who in there:
        hand = [music().pool[piece] for piece in dealt(b"%d" % number, name(who), len(music().pool))]

        def work(own: Sequence[TokenGrid], hand: Sequence[TokenGrid], seed: int = 100 * number + who) -> Parameters:
            return difference(learnt(learner, base, own, hand, steps=STEPS, seed=seed), base)

        turn = Turn(number, who, base, before, updates, work, hand)
        updates[name(who)] = attack(turn) if attack and who in BAD else turn.honest()
    return updates


def pooled(*, batch: int = BATCH) -> float:
    """Test loss of training on all that the contributors have together, with as many steps."""
    everything = [piece for one in music().own for piece in one] + music().pool
    parameters = music().base
    for number in range(ROUNDS):
        parameters = model(number, batch=batch).learn(parameters, everything, steps=STEPS, seed=number)
    return loss_on_test(parameters)


def alone(who: int) -> float:
    """Test loss of a contributor's own model, after its best round."""
    parameters, found = music().base, []
    for number in range(ROUNDS):
        parameters = model(number).learn(parameters, music().own[who], steps=STEPS, seed=number)
        found.append(loss_on_test(parameters))
    return min(found)


def name(who: int) -> str:
    return STYLES[who]
