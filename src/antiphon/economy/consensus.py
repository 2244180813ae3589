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
Unsigned = npt.NDArray[np.uint32]
AnyIntegers = npt.NDArray[np.integer]
Matrix = npt.NDArray[np.float64]

ONE = 1 << 31
MAX_WEIGHT = 65_535
"""Weights are unsigned integers of 16 bits, as on Bittensor's chain."""
MAX_VALIDATORS = 4_096
_SHIFTS = np.array([1 << bits for bits in range(32, 63)], dtype=np.int64)
_BLOCK = 24_000
"""Numbers of one matrix that are worked on at a time: 192 KB."""
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

    weights: AnyIntegers  # [V, N] as they were given
    share: Integers  # [V] of stake
    consensus: Integers  # [N]
    rank: Integers  # [N] below 2^62: incentives are proportional to it
    trust: Integers  # [N] what the consensus left of a node's stake-weighted weights
    validator_trust: Integers  # [V] what it left of a validator's row
    bonds: Unsigned  # [V, N]
    dividends: Integers  # [V] below 2^62: proportional to what validators get

    @property
    def rows(self) -> Integers:
        """[V, N]: the weights, normalised. Computed anew each time."""
        return _normalised(self.weights, _row_sums(self.weights), np.empty(self.weights.shape, dtype=np.int64))


def reach(
    weights: AnyIntegers, stake: Sequence[int], bonds: AnyIntegers | None = None, options: Options = BITTENSOR
) -> Outcome:
    """The consensus of `weights` [V, N] within 0..65535 and `stake` [V] >= 0, any integers; `bonds` [V, N] of the last
    epoch within 0..ONE. Raises InputError for other shapes and values.
    """
    weights = _checked("Weights", weights, MAX_WEIGHT)
    held = np.zeros(weights.shape, dtype=np.uint32) if bonds is None else _checked("Bonds", bonds, ONE)
    if len(stake) != len(weights) or held.shape != weights.shape:
        raise InputError(
            f"weights and bonds must be [V, N] and stake [V], got {weights.shape}, {held.shape} and {len(stake)}",
            "Give one row for each validator and one column for each node.",
        )
    share, sums = shares(stake), _row_sums(weights)
    needed = -(-options.kappa_ppm * int(share.sum()) // PPM)
    consensus, rank, prerank = np.zeros((3, weights.shape[1]), dtype=np.int64)
    validator_trust, kept = np.zeros_like(share), np.empty(weights.shape, dtype=np.uint32)
    for part, (rows, clipped, spare) in _blocks(weights.shape):
        _normalised(weights[:, part], sums, rows)
        if needed:
            consensus[part] = _medians(rows, share, needed, clipped, spare)
        np.minimum(rows, consensus[part], out=clipped)
        validator_trust += clipped.sum(axis=1)
        np.copyto(spare, held[:, part], casting="unsafe")
        bonded = clipped if options.beta_ppm == PPM else _bonded(rows, clipped, options.beta_ppm)
        if options.yuma3:
            kept[:, part] = _pair_bonds(bonded, rows, spare, consensus[part], options)
        prerank[part] = _by_stake(rows, share).sum(axis=0)
        rank[part] = _by_stake(clipped, share).sum(axis=0)
        if not options.yuma3:
            delta = clipped if bonded is clipped else _by_stake(bonded, share)
            kept[:, part] = _stake_bonds(delta, spare, options.alpha_ppm)
    if options.liquid_ppm and not consensus.any():
        return reach(weights, stake, bonds, msgspec.structs.replace(options, liquid_ppm=None))
    dividends = _dividends(share, kept, _of_whole(rank), options)
    return Outcome(
        weights=weights,
        share=share,
        consensus=consensus,
        rank=rank,
        trust=_trust(rank, prerank),
        validator_trust=validator_trust,
        bonds=kept,
        dividends=dividends if dividends.any() else share,
    )


def shares(stake: Sequence[int]) -> Integers:
    """[V]: each stake as a share of all, 0 if there is none. Raises InputError for a negative one."""
    if any(one < 0 for one in stake):
        raise InputError("Stake is not negative", "Take what the ledger says.")
    total = max(1, sum(stake))
    return np.array([one * ONE // total for one in stake], dtype=np.int64)


def columns(values: Integers, out: Integers | None = None) -> Integers:
    """[V, N]: each of `values`, not negative and with column sums below 2^63, as a share of its column. `out` may be
    `values`."""
    total = values.sum(axis=0)
    if total.max(initial=0) >= _SHIFTS[0]:
        shift = np.searchsorted(_SHIFTS, total, side="right")
        values, total = np.right_shift(values, shift, out=out), total >> shift
    found: Integers = np.multiply(values, ONE, out=out)
    found //= np.maximum(total, 1)
    return found


def _checked(name: str, values: AnyIntegers, largest: int) -> AnyIntegers:
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers [V, N], got {values.dtype} {values.shape}", "Round them first.")
    if len(values) > MAX_VALIDATORS:
        raise InputError(f"{name} of {len(values)} validators are more than {MAX_VALIDATORS}", "Give fewer permits.")
    if values.size and not (values.min() >= 0 and values.max() <= largest):
        raise InputError(f"{name} must be within 0..{largest}", "Leave the sender's row out.")
    return values


def _blocks(shape: tuple[int, int]) -> Iterator[tuple[slice, Integers]]:
    """Columns, so many at a time that they stay in a processor's cache, and room for three matrices of them. New memory
    for each step, and columns that lie a power of two apart, would cost more than the sums."""
    validators, nodes = shape
    width = min(nodes, _BLOCK // max(1, validators) // 16 * 16 + 8)
    room = np.empty((3, validators * width), dtype=np.int64)
    for first in range(0, nodes, max(1, width)):
        last = min(nodes, first + width)
        yield slice(first, last), room[:, : validators * (last - first)].reshape(3, validators, last - first)


def _row_sums(weights: AnyIntegers) -> Matrix:
    """[V, 1]: what each row is divided by."""
    sums: Matrix = np.maximum(weights.sum(axis=1, keepdims=True), 1).astype(np.float64)
    return sums


def _normalised(weights: AnyIntegers, sums: Matrix, out: Integers) -> Integers:
    """[V, N]: weights as shares of their row, rounded down. A quotient of two integers below 2^53 that is no integer is
    further below the next one than a float's rounding reaches: so floats are exact here, and faster."""
    shared = np.multiply(weights, float(ONE), dtype=np.float64)
    shared = weights * float(ONE)
    shared /= sums
    np.copyto(out, shared, casting="unsafe")
    return out


def _medians(rows: Integers, share: Integers, needed: int, keys: Integers, support: Integers) -> Integers:
    """[N]: the largest weight which validators with `needed` of the stake reach. `keys` and `support` are room, of the
    size of `rows`."""
    # A weight and its stake go through one sort as one number, the largest weight first.
    np.left_shift(rows, 32, out=support)
    np.subtract(share[:, None], support, out=support)
    keys = keys.reshape(rows.shape[::-1])
    np.copyto(keys, support.T)
    support = support.reshape(keys.shape)
    keys.sort(axis=1)
    np.bitwise_and(keys, (1 << 32) - 1, out=support)
    np.cumsum(support, axis=1, out=support)
    place = (support >= needed).argmax(axis=1)
    found: Integers = -(keys[np.arange(len(keys)), place] >> 32)
    return found


def _by_stake(values: Integers, share: Integers) -> Integers:
    """[V, N], in place."""
    values *= share[:, None]
    return values


def _bonded(rows: Integers, clipped: Integers, beta_ppm: int) -> Integers:
    """[V, N]: what a bond grows by, where some of the clipped part counts."""
    return ((PPM - beta_ppm) * rows + beta_ppm * clipped) // PPM


def _stake_bonds(delta: Integers, held: Integers, alpha_ppm: int) -> Integers:
    """[V, N]: bonds of stake after one step. Both arguments are used up."""
    delta, held = columns(delta, delta), columns(held, held)
    delta *= alpha_ppm
    held *= PPM - alpha_ppm
    held += delta
    held //= PPM
    return columns(held, held)


def _pair_bonds(bonded: Integers, rows: Integers, held: Integers, consensus: Integers, options: Options) -> Integers:
    """[V, N]: Yuma 3's bonds after one step."""
    alpha = _alpha(rows, held, consensus, options.liquid_ppm) if options.liquid_ppm else options.alpha_ppm
    found: Integers = (alpha * bonded + (PPM - alpha) * held) // PPM
    return found


def _dividends(share: Integers, held: Unsigned, incentive: Integers, options: Options) -> Integers:
    """[V], below 2^62."""
    earned = np.zeros_like(share)
    for part, (bonds, _, _) in _blocks(held.shape):
        np.copyto(bonds, held[:, part])
        earned += (columns(bonds, bonds) if options.yuma3 else bonds) @ incentive[part]
    return share * (earned // ONE) if options.yuma3 else earned


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
