"""Yuma consensus in integers: the same sums on every machine and on a chain. `yuma` says what it means, in floats.

Shares are integers of ONE = 2^31, divisions round down. For V validators and N nodes:

1. S_i = stake_i * ONE // stake. W_ij = w_ij * ONE // sum_j w_ij.
2. C_j is the largest W_ij that validators with at least kappa of all S support. Wbar_ij = min(W_ij, C_j).
3. rank_j = sum_i S_i * Wbar_ij, below 2^62. I_j = rank_j * ONE // rank.
4. Bonds: with X_ij = ((1 - beta) W_ij + beta Wbar_ij) each: D = columns(S_i * X_ij),
   B = columns((alpha * D + (1 - alpha) * columns(B)) // 10^6). Yuma 3: B_ij = (alpha_ij * X_ij + (1 - alpha_ij) * B_ij)
   // 10^6, with alpha_ij by liquid alpha or alpha.
5. dividends_i = sum_j B_ij * I_j; Yuma 3: S_i * (sum_j columns(B)_ij * I_j // ONE). Without any: S_i.

columns(X)_ij = x_ij * ONE // sum_i x_ij; a column whose sum has more than 32 bits is first shifted right until it has
32 (each number of it, then the sum is shifted likewise). A column of zeros stays one.

Who may judge whom is not decided here: `epochs` hands over rows and stakes that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy.types import PPM
from antiphon.errors import InputError

Integers = npt.NDArray[np.int64]

ONE = 1 << 31
MAX_WEIGHT = 65_535
"""Weights are unsigned integers of 16 bits, as on Bittensor's chain."""
MAX_VALIDATORS = 4_096
_SHIFTS = np.array([1 << bits for bits in range(32, 63)], dtype=np.int64)
_HALF = np.uint64(32)
_BLOCK = 256
_STEPS = 4_096
"""Of liquid alpha's sigmoid between differences of 0 and 1; straight lines between them are off by 7e-8."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the consensus in ppm. Source of the defaults: Bittensor (kappa there is 32767/65535)."""

    kappa_ppm: int = 499_992
    beta_ppm: int = PPM  # how much of a bond is lost with the clipped part of a weight
    alpha_ppm: int = 100_000  # how far bonds move in one epoch
    yuma3: bool = False
    liquid_ppm: tuple[int, int] | None = None  # lowest and highest alpha of a pair, such as (700000, 900000)

    def __post_init__(self) -> None:
        low, high = self.liquid_ppm or (0, PPM)
        if not (0 < self.kappa_ppm <= PPM and 0 <= self.beta_ppm <= PPM and 0 <= self.alpha_ppm <= PPM):
            raise InputError("kappa, beta and alpha must be within 0..1000000 ppm, kappa above 0", "Give ppm.")
        if not 0 <= low <= high <= PPM:
            raise InputError("Liquid alpha must be a low and a high one within 0..1000000 ppm", "Such as 700000,900000")
        if self.liquid_ppm and not self.yuma3:
            raise InputError("Liquid alpha works on bonds of pairs only", "Choose yuma3 with it.")


BITTENSOR = Options()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Of one matrix of weights. What is a share is one of ONE."""

    share: Integers  # [V] of stake
    rows: Integers  # [V, N] weights, normalised
    consensus: Integers  # [N]
    rank: Integers  # [N] below 2^62: incentives are proportional to it
    trust: Integers  # [N] what the consensus left of a node's stake-weighted weights
    validator_trust: Integers  # [V] what it left of a validator's row
    bonds: Integers  # [V, N]
    dividends: Integers  # [V] below 2^62: proportional to what validators get


def reach(
    weights: Integers, stake: Sequence[int], bonds: Integers | None = None, options: Options = BITTENSOR
) -> Outcome:
    """The consensus of `weights` [V, N] within 0..65535 and `stake` [V] >= 0, any integers; `bonds` [V, N] of the last
    epoch within 0..ONE. Raises InputError for other shapes and values.
    """
    weights = _checked("Weights", weights, MAX_WEIGHT)
    held = np.zeros_like(weights) if bonds is None else _checked("Bonds", bonds, ONE)
    if len(stake) != len(weights) or held.shape != weights.shape:
        raise InputError(
            f"weights and bonds must be [V, N] and stake [V], got {weights.shape}, {held.shape} and {len(stake)}",
            "Give one row for each validator and one column for each node.",
        )
    share, rows = shares(stake), _rows(weights)
    consensus = _medians(rows, share, options.kappa_ppm)
    liquid = options.liquid_ppm if consensus.any() else None
    rank, prerank, held = np.zeros_like(consensus), np.zeros_like(consensus), held.copy()
    validator_trust = np.zeros_like(share)
    for part in _blocks(len(consensus)):
        clipped = np.minimum(rows[:, part], consensus[part])
        validator_trust += clipped.sum(axis=1)
        rank[part] = (supported := share[:, None] * clipped).sum(axis=0)
        prerank[part] = (share[:, None] * rows[:, part]).sum(axis=0)
        beta = options.beta_ppm
        bonded = clipped if beta == PPM else ((PPM - beta) * rows[:, part] + beta * clipped) // PPM
        if options.yuma3:
            alpha = _alpha(rows[:, part], held[:, part], consensus[part], liquid) if liquid else options.alpha_ppm
            held[:, part] = (alpha * bonded + (PPM - alpha) * held[:, part]) // PPM
        else:
            delta = columns(supported if beta == PPM else share[:, None] * bonded)
            moved = options.alpha_ppm * delta + (PPM - options.alpha_ppm) * columns(held[:, part])
            held[:, part] = columns(moved // PPM)
    dividends = _dividends(share, held, _of_whole(rank), options)
    return Outcome(
        share=share,
        rows=rows,
        consensus=consensus,
        rank=rank,
        trust=_trust(rank, prerank),
        validator_trust=validator_trust,
        bonds=held,
        dividends=dividends if dividends.any() else share,
    )


def shares(stake: Sequence[int]) -> Integers:
    """[V]: each stake as a share of all, 0 if there is none. Raises InputError for a negative one."""
    if any(one < 0 for one in stake):
        raise InputError("Stake is not negative", "Take what the ledger says.")
    total = max(1, sum(stake))
    return np.array([one * ONE // total for one in stake], dtype=np.int64)


def columns(values: Integers) -> Integers:
    """[V, N]: each of `values`, not negative and with column sums below 2^63, as a share of its column."""
    total = values.sum(axis=0)
    if (shift := np.searchsorted(_SHIFTS, total, side="right")).any():
        values, total = values >> shift, total >> shift
    found: Integers = values * ONE // np.maximum(total, 1)
    return found


def _checked(name: str, values: Integers, largest: int) -> Integers:
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers [V, N], got {values.dtype} {values.shape}", "Round them first.")
    if len(values) > MAX_VALIDATORS:
        raise InputError(f"{name} of {len(values)} validators are more than {MAX_VALIDATORS}", "Give fewer permits.")
    if values.size and not (values.min() >= 0 and values.max() <= largest):
        raise InputError(f"{name} must be within 0..{largest}", "Leave the sender's row out.")
    return values.astype(np.int64, copy=False)


def _rows(weights: Integers) -> Integers:
    found: Integers = weights * ONE // np.maximum(weights.sum(axis=1, keepdims=True), 1)
    return found


def _blocks(nodes: int) -> Iterator[slice]:
    """Columns, so many at a time that they stay in a processor's cache."""
    return (slice(first, first + _BLOCK) for first in range(0, nodes, _BLOCK))


def _medians(rows: Integers, share: Integers, kappa_ppm: int) -> Integers:
    """[N]: the largest weight which at least kappa of the stake reaches, 0 without any stake."""
    found = np.zeros(rows.shape[1], dtype=np.int64)
    needed = -(-kappa_ppm * int(share.sum()) // PPM)
    if not needed:
        return found
    stake = share.astype(np.uint64)
    for part in _blocks(len(found)):
        # A weight and its stake go through one sort as one number, the largest weight first.
        keys = (np.uint64(ONE) - np.ascontiguousarray(rows[:, part].T).view(np.uint64)) << _HALF | stake
        keys.sort(axis=1)
        place = np.count_nonzero(np.cumsum(keys & np.uint64((1 << 32) - 1), axis=1) < needed, axis=1)
        medians = np.uint64(ONE) - (np.take_along_axis(keys, place[:, None], axis=1)[:, 0] >> _HALF)
        found[part] = medians.astype(np.int64)
    return found


def _dividends(share: Integers, held: Integers, incentive: Integers, options: Options) -> Integers:
    """[V], below 2^62."""
    if not options.yuma3:
        found: Integers = held @ incentive
        return found
    earned = np.zeros_like(share)
    for part in _blocks(len(incentive)):
        earned += columns(held[:, part]) @ incentive[part]
    return share * (earned // ONE)


def _of_whole(rank: Integers) -> Integers:
    """[N]: ranks as shares of their sum."""
    return columns(rank[:, None])[:, 0]


def _trust(rank: Integers, prerank: Integers) -> Integers:
    shift = np.searchsorted(_SHIFTS, prerank, side="right")
    found: Integers = (rank >> shift) * ONE // np.maximum(prerank >> shift, 1)
    return found


def _alpha(rows: Integers, held: Integers, consensus: Integers, liquid: tuple[int, int]) -> Integers:
    """Liquid alpha in ppm: a weight above consensus (bought) or below its bond (sold) by more moves its bond faster."""
    low, high = liquid
    difference = np.clip(np.where(rows >= held, rows - consensus, held - rows), 0, ONE)
    return low + (high - low) * _sigmoid(difference) // PPM


def _sigmoid(difference: Integers) -> Integers:
    """In ppm, of differences within 0..ONE: 1 / (1 + exp(-10 (d - 1/2)))."""
    table, step = _sigmoids(), ONE // _STEPS
    place, rest = difference // step, difference % step
    return (table[place] * (step - rest) + table[np.minimum(place + 1, _STEPS)] * rest) // (step * 1000)


@cache
def _sigmoids() -> Integers:
    """At every step, in 10^-9. Decimal's exponential is rounded correctly on every machine."""
    context = Context(prec=28)
    points = (Decimal(10) * Decimal(place) / _STEPS - 5 for place in range(_STEPS + 1))
    return np.array([int(10**9 / (1 + context.exp(-point))) for point in points], dtype=np.int64)
