"""Yuma consensus: from validators' weights to shares of newly issued money (what Bittensor runs every epoch).

1. Consensus C_j: the largest weight that validators with at least kappa of the stake support for node j.
2. Weights above consensus are clipped: Wbar = min(W, C). A validator's trust is what is left of its row.
3. Incentive I_j is proportional to the stake-weighted sum of clipped weights.
4. Bonds: B = alpha * colnorm(S * ((1 - beta) W + beta Wbar)) + (1 - alpha) * B.
5. Dividends D_i are proportional to sum_j B_ij I_j. Honest stake of 60% resists a dishonest 40%.

Shares are floats until `split` turns them into integers that sum exactly to the emission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy import accounts
from antiphon.economy.types import PPM, Transfer

Matrix = npt.NDArray[np.float64]

KAPPA = 32767 / 65535
"""Share of stake that makes a consensus. Source: Bittensor's default."""

NODES_PPM = 410_000
VALIDATORS_PPM = 410_000
"""Parts of an emission for working nodes and for validators; the remaining 18% is the owner's. Source: Bittensor."""


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one epoch for V validators and N nodes. Vectors that are shares sum to 1 (or are all 0)."""

    consensus: Matrix  # [N]
    rank: Matrix  # [N]
    incentive: Matrix  # [N]
    trust: Matrix  # [N]
    validator_trust: Matrix  # [V]
    bonds: Matrix  # [V, N]
    dividends: Matrix  # [V]


def yuma(
    weights: Matrix,
    stake: Matrix,
    bonds: Matrix | None = None,
    *,
    kappa: float = KAPPA,
    beta: float = 1.0,
    alpha: float = 0.1,
) -> Epoch:
    """One epoch. `weights` [V, N] >= 0 (rows are normalised here), `stake` [V] >= 0; `bonds` [V, N] of the last epoch.

    Without earlier bonds the first epoch's bonds are its bond delta.
    """
    if weights.ndim != 2 or stake.shape != weights.shape[:1]:
        raise ValueError(f"weights must be [V, N] and stake [V], got {weights.shape} and {stake.shape}")
    if (weights < 0).any() or (stake < 0).any() or not (np.isfinite(weights).all() and np.isfinite(stake).all()):
        raise ValueError("weights and stake must be finite and not negative")
    share = _normalise(stake)
    rows = _normalise(weights, axis=1)
    consensus = _consensus(rows, share, kappa)
    clipped = np.minimum(rows, consensus)
    rank = share @ clipped
    prerank = share @ rows
    incentive = _normalise(rank)
    delta = _normalise(share[:, None] * ((1 - beta) * rows + beta * clipped), axis=0)
    held = delta if bonds is None else alpha * delta + (1 - alpha) * bonds
    return Epoch(
        consensus=consensus,
        rank=rank,
        incentive=incentive,
        trust=np.divide(rank, prerank, out=np.zeros_like(rank), where=prerank > 0),
        validator_trust=clipped.sum(axis=1),
        bonds=held,
        dividends=_normalise(held @ incentive),
    )


def weights(qualities: Mapping[str, int], nodes: Sequence[str], own: str = "") -> Matrix:
    """One validator's row [N] from its score memory in ppm; 0 for a node it never judged and for its own node."""
    row = [0 if node == own else max(0, qualities.get(node, 0)) for node in nodes]
    return _normalise(np.array(row, dtype=np.float64))


def split(emission_nano: int, shares: Matrix) -> tuple[int, ...]:
    """Integers that sum exactly to the emission (largest remainder, ties to the first); all 0 if nobody has a share."""
    if not shares.any():
        return tuple(0 for _ in shares)
    # Shares become integers of 2^-53 first: from here on the sum is exact, whatever the machine.
    whole = [int(share * 2**53) for share in shares]
    total = sum(whole)
    floors = [emission_nano * part // total for part in whole]
    rest = emission_nano - sum(floors)
    order = sorted(range(len(whole)), key=lambda i: (-(emission_nano * whole[i] % total), i))
    return tuple(floor + (i in set(order[:rest])) for i, floor in enumerate(floors))


def emit(
    epoch: Epoch, emission_nano: int, *, validators: Sequence[str], nodes: Sequence[str], owner: str
) -> tuple[Transfer, ...]:
    """Newly issued money of one epoch: 41% to nodes by incentive, 41% to validators by dividends, 18% to the owner.

    A side without any share (nobody has weights yet) issues nothing.
    """
    to_nodes = split(emission_nano * NODES_PPM // PPM, epoch.incentive)
    to_validators = split(emission_nano * VALIDATORS_PPM // PPM, epoch.dividends)
    paid = [
        *((node, amount, "incentive") for node, amount in zip(nodes, to_nodes, strict=True)),
        *((node, amount, "dividends") for node, amount in zip(validators, to_validators, strict=True)),
        (owner, emission_nano * (PPM - NODES_PPM - VALIDATORS_PPM) // PPM, "owner's share"),
    ]
    return tuple(
        Transfer(source=accounts.ISSUED, target=accounts.balance(who), amount_nano=amount, why=why)
        for who, amount, why in paid
        if amount > 0
    )


def _consensus(rows: Matrix, share: Matrix, kappa: float) -> Matrix:
    out = np.zeros(rows.shape[1])
    for j, column in enumerate(rows.T):
        order = np.argsort(-column, kind="stable")
        reached = np.cumsum(share[order]) >= kappa - 1e-12
        out[j] = column[order[np.argmax(reached)]] if reached.any() else 0.0
    return out


def _normalise(array: Matrix, axis: int | None = None) -> Matrix:
    total = array.sum(axis=axis, keepdims=axis is not None)
    out: Matrix = np.divide(array, total, out=np.zeros_like(array, dtype=np.float64), where=total > 0)
    return out
