"""The consensus in integers a second time: one number after the other, from the steps that its module states."""

from __future__ import annotations

from antiphon.economy.consensus import Options

ONE = 2**31
PPM = 10**6
Rows = list[list[int]]


def column(values: list[int]) -> list[int]:
    """Shares of a column; above 32 bits everything is shifted until its sum has 32."""
    shift = max(0, sum(values).bit_length() - 32)
    total = sum(values) >> shift
    return [(value >> shift) * ONE // total if total else 0 for value in values]


def columns(rows: Rows) -> Rows:
    return [list(row) for row in zip(*(column(list(one)) for one in zip(*rows, strict=True)), strict=True)]


def reach(weights: Rows, stake: list[int], bonds: Rows, options: Options) -> dict[str, list[int] | Rows]:
    """All of an outcome, without liquid alpha."""
    validators, nodes = range(len(weights)), range(len(weights[0]))
    share = [one * ONE // sum(stake) if any(stake) else 0 for one in stake]
    rows = [[value * ONE // sum(row) if any(row) else 0 for value in row] for row in weights]
    kappa, beta, alpha = options.kappa_ppm, options.beta_ppm, options.alpha_ppm

    def supported(weight: int, node: int) -> bool:
        return sum(share[i] for i in validators if rows[i][node] >= weight) * PPM >= kappa * sum(share)

    consensus = [max(rows[i][j] for i in validators if supported(rows[i][j], j)) if any(share) else 0 for j in nodes]
    clipped = [[min(rows[i][j], consensus[j]) for j in nodes] for i in validators]
    rank = [sum(share[i] * clipped[i][j] for i in validators) for j in nodes]
    asked = [sum(share[i] * rows[i][j] for i in validators) for j in nodes]
    bonded = [[((PPM - beta) * rows[i][j] + beta * clipped[i][j]) // PPM for j in nodes] for i in validators]
    incentive = column(rank)
    if options.yuma3:
        held = [[(alpha * bonded[i][j] + (PPM - alpha) * bonds[i][j]) // PPM for j in nodes] for i in validators]
        shared = columns(held)
        dividends = [share[i] * (sum(shared[i][j] * incentive[j] for j in nodes) // ONE) for i in validators]
    else:
        delta = columns([[share[i] * bonded[i][j] for j in nodes] for i in validators])
        old = columns(bonds)
        held = columns([[(alpha * delta[i][j] + (PPM - alpha) * old[i][j]) // PPM for j in nodes] for i in validators])
        dividends = [sum(held[i][j] * incentive[j] for j in nodes) for i in validators]
    return {
        "share": share,
        "rows": rows,
        "consensus": consensus,
        "rank": rank,
        "trust": [trust(got, all_of_it) for got, all_of_it in zip(rank, asked, strict=True)],
        "validator_trust": [sum(row) for row in clipped],
        "bonds": held,
        "dividends": dividends if any(dividends) else share,
    }


def trust(got: int, asked: int) -> int:
    shift = max(0, asked.bit_length() - 32)
    return (got >> shift) * ONE // (asked >> shift) if asked else 0
