"""Figures of federations: what training together is worth, what poison costs, and who is paid for what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from antiphon.bench import federation, poisoning
from antiphon.bench.federation import Turn, federated, music
from antiphon.bench.figure import Figure, figure
from antiphon.economy.types import PPM
from antiphon.genki.contribution import Round, appraise
from antiphon.genki.contribution.game import Game
from antiphon.genki.contribution.shapley import exact, truncated
from antiphon.genki.learning import Parameters

POISON: dict[str, Callable[[Turn], Parameters]] = {
    "label flip": poisoning.label_flip,
    "scaled": poisoning.scaled,
    "random": poisoning.random,
    "sign flip": poisoning.sign_flip,
    "back-door": poisoning.back_door,
}
FLIPS = range(5, 11)
"""Seeds of label flips: some come nearer to music than others."""
ATTACKED = 4
"""Rounds of a federation under attack; an honest one is compared after as many."""


def together() -> Iterator[Figure]:
    """Eight contributors against pooled training, each one's own, and half of them gone."""
    everybody, half = federated().losses[-1], federated(present=4).losses[-1]
    same, larger = federation.pooled(), federation.pooled(batch=8 * federation.BATCH)
    best = min(federation.alone(who) for who in range(8))
    start = federation.loss_on_test(music().base)
    note = f"{everybody:.3f} nats from {start:.3f}, pooled {same:.3f}, in batches of eight times {larger:.3f}"
    yield figure("8 contributors, 10 rounds: beyond pooled training", 100 * (everybody / same - 1), "%", "<= 2", note)
    yield figure("the same, half of them gone each round", 100 * (half / same - 1), "%", "<= 3", f"{half:.3f} nats")
    yield figure(
        "the same, of the best single contributor's loss", everybody / best, "ratio", "< 1", f"{best:.3f} nats"
    )


def poisoned() -> Iterator[Figure]:
    """Two of eight poison: what is lost of the gain of eight honest ones, and what they are paid."""
    start = federation.loss_on_test(music().base)
    gain = start - federated(rounds=ATTACKED).losses[-1]
    open_ = federated(poisoning.scaled, rounds=ATTACKED, screened=False).losses[-1]
    yield figure("gain lost to scaled poison without a defence", 100 * (1 - (start - open_) / gain), "%")
    for kind, attack in POISON.items():
        found = federated(attack, rounds=ATTACKED, appraised=True)
        lost, note = 1 - (start - found.losses[-1]) / gain, ""
        if kind == "back-door":
            bad = [piece_loss(one) for one in (music().base, found.parameters)]
            note = f"the motif's loss went from {bad[0]:.2f} to {bad[1]:.2f} nats"
        yield figure(f"gain lost to 2 of 8 that poison: {kind}", 100 * lost, "%", "<= 10", note)
        yield figure(f"share of both: {kind}", 100 * _share(found.shares, *federation.BAD), "%", "<= 0")
    flips = [
        federated(partial(poisoning.label_flip, seed=seed), rounds=ATTACKED, appraised=True, proven=False).shares
        for seed in FLIPS
    ]
    shares = [100 * _share(one, *federation.BAD) for one in flips]
    note = f"of {len(FLIPS)} permutations; {sum(shares) / len(shares):.1f}% on average"
    yield figure("share of both: the worst label flip, without a pool of dealt pieces", max(shares), "%", "<= 0", note)


def piece_loss(parameters: Parameters) -> float:
    return float(federation.model(0).losses(parameters, [poisoning.trigger()])[0])


def idle() -> Iterator[Figure]:
    """Free riders and copiers."""
    for kind, attack in (("noise", poisoning.nothing_but_noise), ("others' last update", poisoning.yesterdays)):
        found = federated(attack, rounds=ATTACKED, appraised=True).shares
        most = max(_share(found, who) for who in federation.BAD)
        yield figure(f"a free rider's share: {kind}", 100 * most, "%", "<= 1", f"over {ATTACKED} rounds")
    for kind, attack, target in (("10%", poisoning.copied, "<= 5"), ("80%", poisoning.well_copied, "")):
        found = federated(attack, rounds=ATTACKED, appraised=True).shares
        most = max(_share(found, who) / max(1e-9, _share(found, who - 6)) for who in federation.BAD)
        yield figure(f"a copy's share with {kind} of noise, of the original's", 100 * most, "%", target)


def valued() -> Iterator[Figure]:
    """The estimate against the exact value, two validators, and time."""
    learner = federation.model(0)
    updates = federation.handed_in(learner, 0, range(8), music().base, {}, None)
    games = [Game(learner, music().base, updates, music().held_out) for _ in range(2)]
    true, guess = exact(games[0]), truncated(games[1], pairs=1, seed=1)
    order = [np.argsort(np.argsort(one.values)) for one in (true, guess)]
    rank = float(np.corrcoef(order[0], order[1])[0, 1])
    used = 100 * guess.evaluations / true.evaluations
    off = float(np.abs(guess.values - true.values).max() / true.values.sum())
    note = f"{guess.evaluations} of {true.evaluations} evaluations ({used:.1f}%), values off by {off:.2%} at most"
    yield figure("rank correlation of estimated and exact Shapley values, 8 contributors", rank, "", ">= 0.9", note)
    yield figure("evaluations that it took", used, "%", "<= 10")
    committed = Round(learner, music().base, updates, music().held_out, b"0", music().pool)
    other = Round(learner, music().base, updates, music().held_out[::-1], b"0", music().pool)
    began = time.perf_counter()
    first = appraise(committed, exactly=0, pairs=2)
    took_s = time.perf_counter() - began
    second = appraise(other, exactly=0, pairs=2)
    true_shares = appraise(committed).shares
    yield figure("shares of two validators differ at most", 100 * _apart(first.shares, second.shares), "%", "< 1")
    yield figure("estimated shares differ from exact ones at most", 100 * _apart(first.shares, true_shares), "%", "< 1")
    yield figure("appraising a round of 8", took_s, "s", "", f"{first.evaluations} evaluations, small model")


def _share(shares: dict[str, int], *who: int) -> float:
    return sum(shares.get(federation.name(one), 0) for one in who) / PPM


def _apart(first: dict[str, int], second: dict[str, int]) -> float:
    return max(abs(first.get(who, 0) - second.get(who, 0)) for who in {*first, *second}) / PPM
