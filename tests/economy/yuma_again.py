"""Yuma consensus a second time: one number after the other, in fractions, from the chain's steps. Slow and plain."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

Vector = list[Fraction]
Rows = list[Vector]


@dataclass
class Chain:
    """An epoch's inputs, as the chain has them: all of it optional but weights and stake."""

    weights: list[list[int]]
    stake: list[int]
    bonds: list[list[float]] | None = None
    kappa: Fraction = Fraction(32767, 65535)
    beta: Fraction = Fraction(1)
    alpha: Fraction = Fraction(1, 10)
    yuma3: bool = False
    liquid: tuple[float, float] | None = None
    permits: int | None = None
    cutoff: int | None = None
    now: int = 0
    last_epoch: int = 0
    updated: list[int] = field(default_factory=list)
    registered: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    owner: int = -1


def norm(values: Vector) -> Vector:
    total = sum(values, Fraction(0))
    return [value / total for value in values] if total else list(values)


def column_norm(rows: Rows) -> Rows:
    return transpose([norm(column) for column in transpose(rows)])


def transpose(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]


def epoch(chain: Chain) -> dict[str, list[Fraction] | Rows]:
    validators, nodes = range(len(chain.stake)), range(len(chain.weights[0]))
    permitted = set(sorted(validators, key=lambda i: (-chain.stake[i], i))[: chain.permits])

    def active(i: int) -> bool:
        late = chain.cutoff is not None and chain.updated[i] + chain.cutoff < chain.now
        return i in permitted and not late

    def counts(i: int, j: int) -> bool:
        if i not in permitted:
            return False
        if not chain.updated:
            return True
        oneself = chain.own[i] == j and j != chain.owner
        return not oneself and chain.updated[i] > chain.registered[j]

    stake = norm([Fraction(chain.stake[i]) if active(i) else Fraction(0) for i in validators])
    rows = [norm([Fraction(chain.weights[i][j]) if counts(i, j) else Fraction(0) for j in nodes]) for i in validators]
    consensus = [majority([rows[i][j] for i in validators], stake, chain.kappa) for j in nodes]
    clipped = [[min(rows[i][j], consensus[j]) for j in nodes] for i in validators]
    rank = [sum((stake[i] * clipped[i][j] for i in validators), Fraction(0)) for j in nodes]
    asked_for = [sum((stake[i] * rows[i][j] for i in validators), Fraction(0)) for j in nodes]
    incentive = norm(rank)
    bonds = [[Fraction(chain.bonds[i][j]) if chain.bonds else Fraction(0) for j in nodes] for i in validators]
    if chain.registered:
        bonds = [
            [bonds[i][j] if chain.registered[j] < chain.last_epoch else Fraction(0) for j in nodes] for i in validators
        ]
    kept = [[(1 - chain.beta) * rows[i][j] + chain.beta * clipped[i][j] for j in nodes] for i in validators]
    if chain.yuma3:
        for i in validators:
            for j in nodes:
                alpha = chain.alpha
                if chain.liquid and any(consensus):
                    alpha = liquid(chain.liquid, rows[i][j], bonds[i][j], consensus[j])
                bonds[i][j] = alpha * kept[i][j] + (1 - alpha) * bonds[i][j]
        shares = column_norm(bonds)
        dividends = norm(
            [stake[i] * sum((shares[i][j] * incentive[j] for j in nodes), Fraction(0)) for i in validators]
        )
    else:
        delta = column_norm([[stake[i] * kept[i][j] for j in nodes] for i in validators])
        bonds = column_norm(bonds)
        mixed = [[chain.alpha * delta[i][j] + (1 - chain.alpha) * bonds[i][j] for j in nodes] for i in validators]
        bonds = column_norm(mixed)
        dividends = norm([sum((bonds[i][j] * incentive[j] for j in nodes), Fraction(0)) for i in validators])
    if not any(dividends):
        dividends = stake if any(stake) else norm([Fraction(value) for value in chain.stake])
    return {
        "consensus": consensus,
        "rank": rank,
        "incentive": incentive,
        "trust": [got / asked if asked else Fraction(0) for got, asked in zip(rank, asked_for, strict=True)],
        "validator_trust": [sum(row, Fraction(0)) for row in clipped],
        "bonds": bonds,
        "dividends": dividends,
    }


def majority(column: Vector, stake: Vector, kappa: Fraction) -> Fraction:
    """The largest weight which validators with at least kappa of the stake reach: every weight is tried."""
    if not any(stake):
        return Fraction(0)

    def support(weight: Fraction) -> Fraction:
        return sum((s for s, w in zip(stake, column, strict=True) if w >= weight), Fraction(0))

    return max(weight for weight in column if support(weight) >= kappa)


def liquid(bounds: tuple[float, float], weight: Fraction, bond: Fraction, consensus: Fraction) -> Fraction:
    low, high = bounds
    difference = weight - consensus if weight >= bond else bond - weight
    difference = min(Fraction(1), max(Fraction(0), difference))
    return Fraction(low + (high - low) / (1 + math.exp(-10 * (float(difference) - 0.5))))


def largest_remainder(total: int, shares: Vector) -> list[int]:
    exact = [total * share for share in norm(shares)]
    amounts = [math.floor(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (amounts[i] - exact[i], i))
    for i in order[: total - sum(amounts)]:
        amounts[i] += 1
    return amounts
