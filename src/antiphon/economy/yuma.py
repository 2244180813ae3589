"""Yuma consensus: from validators' weights to shares of newly issued money (what Bittensor runs every epoch).

0. Masks: only permitted validators count (the k with most stake); inactive stake counts 0; a weight for oneself (the
   owner's node excepted) or from before a node's registration counts 0. Rows are normalised after that.
1. Consensus C_j: the largest weight that validators with at least kappa of the stake support for node j.
2. Weights above consensus are clipped: Wbar = min(W, C). A validator's trust is what is left of its row.
3. Incentive I_j is proportional to the stake-weighted sum of clipped weights.
4. Bonds: dB = colnorm(S * ((1 - beta) W + beta Wbar)), B = colnorm(alpha * dB + (1 - alpha) * B); old bonds in nodes
   that registered since the last epoch count 0.
5. Dividends D_i are proportional to sum_j B_ij I_j. Honest stake of 60% resists a dishonest 40%.

Yuma 3 keeps a bond for each pair, without stake: B = alpha * ((1 - beta) W + beta Wbar) + (1 - alpha) * B; D_i is
proportional to S_i * sum_j colnorm(B)_ij I_j. With liquid alpha each pair has an alpha of its own. Without any
weights validators are paid by active stake. Source: Bittensor's `epoch/run_epoch.rs`.

Shares are floats until `split` turns them into integers that sum exactly to the emission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy import accounts
from antiphon.economy.types import PPM, Transfer
from antiphon.errors import InputError

Matrix = npt.NDArray[np.float64]
Blocks = npt.NDArray[np.int64]

KAPPA = 32767 / 65535
"""Share of stake that makes a consensus. Source: Bittensor's default."""

STEEPNESS = 10.0
"""Of liquid alpha's sigmoid. Source: Bittensor's default."""

LARGEST = 2.0**63
"""No weight and no stake is above this: sums stay finite."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an epoch is computed. Source of the defaults: Bittensor; nothing that is off masks anything."""

    kappa: float = KAPPA
    beta: float = 1.0  # how much of a bond is lost with the clipped part of a weight
    alpha: float = 0.1  # how far bonds move in one epoch
    yuma3: bool = False
    liquid_alpha: tuple[float, float] | None = None  # lowest and highest alpha of a pair, such as (.7, .9); Yuma 3 only
    permits: int | None = None  # how many validators count, those with most stake; None: all
    activity_cutoff: int | None = None  # blocks after which a validator that set no weights is inactive; None: never

    def __post_init__(self) -> None:
        low, high = self.liquid_alpha or (0.0, 1.0)
        if not (0 < self.kappa <= 1 and 0 <= self.beta <= 1 and 0 <= self.alpha <= 1 and 0 <= low <= high <= 1):
            raise InputError("kappa, beta and alpha must be within 0..1, kappa above 0", "Give shares, not percent.")
        if self.liquid_alpha and not self.yuma3:
            raise InputError("Liquid alpha works on bonds of pairs only", "Choose yuma3 with it.")
        if (self.permits is not None and self.permits < 1) or (self.activity_cutoff or 0) < 0:
            raise InputError("At least 1 permit and a cut-off of at least 0 blocks must be given", "Or leave them out.")


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """Who set weights and who registered when, in blocks, and whose node is whose."""

    now: int
    last_epoch: int
    updated: Blocks  # [V] when a validator last set weights
    registered: Blocks  # [N] when a node registered
    own: Blocks  # [V] column of the validator's own node, -1 without one
    owner: int = -1  # column of the owner's node, who alone may weigh it themselves; -1 without one


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one epoch for V validators and N nodes. Vectors that are shares sum to 1 (or are all 0)."""

    consensus: Matrix  # [N]
    rank: Matrix  # [N]
    incentive: Matrix  # [N]
    trust: Matrix  # [N]
    validator_trust: Matrix  # [V]
    bonds: Matrix  # [V, N]
    dividends: Matrix  # [V]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of an emission in ppm; what remains is the owner's (18%). Source of the defaults: Bittensor."""

    nodes_ppm: int = 410_000
    validators_ppm: int = 410_000

    def __post_init__(self) -> None:
        if min(self.nodes_ppm, self.validators_ppm) < 0 or self.nodes_ppm + self.validators_ppm > PPM:
            raise InputError("The parts of an emission must be 0 or more and at most the whole", "Lower one of them.")


DEFAULTS = Options()
BITTENSOR = Parts()


def yuma(
    weights: Matrix,
    stake: Matrix,
    bonds: Matrix | None = None,
    *,
    options: Options = DEFAULTS,
    registry: Registry | None = None,
) -> Epoch:
    """One epoch. `weights` [V, N] >= 0 (rows are normalised here), `stake` [V] >= 0; `bonds` [V, N] of the last epoch.

    Without a registry nobody is inactive, newly registered or their own judge. Raises InputError for arrays of other
    shapes and for values that are negative, not finite or above 2^63.
    """
    weights, stake = _checked("weights", weights, 2), _checked("stake", stake, 1)
    held = np.zeros_like(weights) if bonds is None else _checked("bonds", bonds, 2)
    if stake.shape != weights.shape[:1] or held.shape != weights.shape:
        raise InputError(
            f"weights and bonds must be [V, N] and stake [V], got {weights.shape}, {held.shape} and {stake.shape}",
            "Give one row for each validator and one column for each node.",
        )
    share, rows, held = _masked(weights, stake, held, options, registry)
    consensus = _consensus(rows, share, options.kappa)
    clipped = np.minimum(rows, consensus)
    rank = share @ clipped
    prerank = share @ rows
    incentive = _normalise(rank)
    bonded = clipped if options.beta == 1 else (1 - options.beta) * rows + options.beta * clipped
    if options.yuma3:
        held = _pair_bonds(bonded, rows, held, consensus, options)
        dividends = share * (_normalise(held, axis=0) @ incentive)
    else:
        held = _stake_bonds(bonded, share, held, options.alpha if bonds is not None else 1.0)
        dividends = held @ incentive
    if not dividends.any():  # nobody set weights: by active stake, and by stake if nobody is active
        dividends = share if share.any() else stake
    return Epoch(
        consensus=consensus,
        rank=rank,
        incentive=incentive,
        trust=np.divide(rank, prerank, out=np.zeros_like(rank), where=prerank > 0),
        validator_trust=clipped.sum(axis=1),
        bonds=held,
        dividends=_normalise(dividends),
    )


def weights(qualities: Mapping[str, int], nodes: Sequence[str], own: str = "") -> Matrix:
    """One validator's row [N] from its score memory in ppm; 0 for a node it never judged and for its own node."""
    row = [0 if node == own else max(0, qualities.get(node, 0)) for node in nodes]
    return _normalise(np.array(row, dtype=np.float64))


def split(emission_nano: int, shares: Matrix) -> tuple[int, ...]:
    """Integers that sum exactly to the emission (largest remainder, ties to the first); all 0 if nobody has a share."""
    if emission_nano < 0:
        raise InputError(f"An emission is not negative, got {emission_nano}", "Give nano of money.")
    # Shares become integers of 2^-53 first: from here on the sum is exact, whatever the machine.
    whole = [int(share * 2**53) for share in shares]
    if not (total := sum(whole)):
        return tuple(whole)
    amounts = [emission_nano * part // total for part in whole]
    order = sorted(range(len(whole)), key=lambda i: (-(emission_nano * whole[i] % total), i))
    for i in order[: emission_nano - sum(amounts)]:
        amounts[i] += 1
    assert sum(amounts) == emission_nano, "an emission is conserved"
    return tuple(amounts)


def emit(
    epoch: Epoch,
    emission_nano: int,
    *,
    validators: Sequence[str],
    nodes: Sequence[str],
    owner: str,
    parts: Parts = BITTENSOR,
) -> tuple[Transfer, ...]:
    """Newly issued money of one epoch: to nodes by incentive, to validators by dividends, the rest to the owner.

    Every unit goes somewhere: without incentives validators receive the nodes' part too, and without any stake both
    parts are burnt. Raises ValueError when there are more or fewer names than shares.
    """
    for_nodes = emission_nano * parts.nodes_ppm // PPM
    for_validators = emission_nano * parts.validators_ppm // PPM
    for_owner = emission_nano - for_nodes - for_validators
    to_nodes = split(for_nodes, epoch.incentive)
    to_validators = split(for_nodes + for_validators - sum(to_nodes), epoch.dividends)
    unclaimed = emission_nano - for_owner - sum(to_nodes) - sum(to_validators)
    paid = [
        *((accounts.balance(node), amount, "incentive") for node, amount in zip(nodes, to_nodes, strict=True)),
        *(
            (accounts.balance(node), amount, "dividends")
            for node, amount in zip(validators, to_validators, strict=True)
        ),
        (accounts.balance(owner), for_owner, "owner's share"),
        (accounts.BURNT, unclaimed, "nobody has stake"),
    ]
    assert sum(amount for _, amount, _ in paid) == emission_nano, "an emission is conserved"
    return tuple(
        Transfer(source=accounts.ISSUED, target=target, amount_nano=amount, why=why)
        for target, amount, why in paid
        if amount > 0
    )


def _checked(name: str, array: Matrix, dimensions: int) -> Matrix:
    array = np.asarray(array, dtype=np.float64)
    # One comparison of the extremes finds NaN too: it is neither within nor without.
    if array.size and not (array.min() >= 0 and array.max() <= LARGEST):
        raise InputError(f"{name} must be finite, not negative and at most 2^63", "Leave the sender's row out.")
    if array.ndim != dimensions:
        raise InputError(f"{name} must be of {dimensions} dimensions, got {array.ndim}", "weights [V, N], stake [V].")
    return array


def _masked(
    weights: Matrix, stake: Matrix, bonds: Matrix, options: Options, registry: Registry | None
) -> tuple[Matrix, Matrix, Matrix]:
    """Stake that counts [V], normalised; rows that count [V, N], normalised; and bonds without recycled nodes."""
    active = stake
    if options.permits is not None and options.permits < len(stake):
        permitted = np.zeros(len(stake), dtype=bool)
        permitted[np.argsort(-stake, kind="stable")[: options.permits]] = True
        active = np.where(permitted, active, 0.0)
        weights = np.where(permitted[:, None], weights, 0.0)
    if registry is None:
        return _normalise(active), _normalise(weights, axis=1), bonds
    _check_registry(registry, weights.shape)
    if options.activity_cutoff is not None:
        active = np.where(registry.updated + options.activity_cutoff < registry.now, 0.0, active)
    weights = np.where(registry.updated[:, None] <= registry.registered, 0.0, weights)
    judges = np.flatnonzero((registry.own >= 0) & (registry.own != registry.owner))
    weights[judges, registry.own[judges]] = 0.0
    bonds = np.where(registry.registered >= registry.last_epoch, 0.0, bonds)
    return _normalise(active), _normalise(weights, axis=1), bonds


def _check_registry(registry: Registry, shape: tuple[int, ...]) -> None:
    validators, nodes = shape
    lengths = (registry.updated.shape, registry.registered.shape, registry.own.shape)
    if lengths != ((validators,), (nodes,), (validators,)):
        raise InputError(
            f"updated and own must be [{validators}] and registered [{nodes}], got {lengths}",
            "Take the registry and the weights of one block.",
        )
    if max(registry.own.max(initial=-1), registry.owner) >= nodes:
        raise InputError(f"A column above {nodes - 1} is nobody's", "Give columns of the weights, -1 for none.")


def _consensus(rows: Matrix, share: Matrix, kappa: float) -> Matrix:
    """[N]: the largest weight which validators with at least kappa of the stake reach, 0 without any stake.

    Blocks of 256 columns stay in a processor's cache.
    """
    consensus = np.zeros(rows.shape[1])
    if share.any():
        for first in range(0, len(consensus), 256):
            consensus[first : first + 256] = _medians(rows[:, first : first + 256], share, kappa)
    return consensus


def _medians(rows: Matrix, share: Matrix, kappa: float) -> Matrix:
    # A weight >= 0 sorts like the integer of its bits. The lowest bits give way to the validator's number, so that one
    # sort of integers does it, many times faster than argsort; weights closer than 1e-13 of each other count as equal.
    mask = np.uint64((1 << (len(rows) - 1).bit_length()) - 1)
    keys = ~np.ascontiguousarray(rows.T).view(np.uint64)  # inverted: the largest first
    keys &= ~mask
    keys |= np.arange(len(rows), dtype=np.uint64)
    keys.sort(axis=1)
    keys &= mask
    order = keys.view(np.int64)
    missed = np.cumsum(share.take(order), axis=1) < kappa - 1e-12
    place, node = np.count_nonzero(missed, axis=1), np.arange(len(order))
    medians: Matrix = rows[order[node, place], node]
    return medians


def _stake_bonds(bonded: Matrix, share: Matrix, held: Matrix, alpha: float) -> Matrix:
    """Bonds [V, N] of stake, each column normalised, after one step of `alpha`; 1 where there were none before."""
    delta = _normalise(share[:, None] * bonded, axis=0)
    if alpha == 1:
        return delta
    delta *= alpha
    held = _normalise(held, axis=0)
    held *= 1 - alpha
    delta += held
    delta /= _whole(delta, axis=0)
    return delta


def _pair_bonds(bonded: Matrix, rows: Matrix, held: Matrix, consensus: Matrix, options: Options) -> Matrix:
    """Yuma 3: bonds [V, N] of pairs, each after one step towards its weight. With `liquid_alpha` a weight above
    consensus (bought) or below its bond (sold) by more moves faster.
    """
    alpha: Matrix | float = options.alpha
    if options.liquid_alpha and consensus.any():
        low, high = options.liquid_alpha
        difference = np.clip(np.where(rows >= held, rows - consensus, held - rows), 0.0, 1.0)
        alpha = low + (high - low) / (1 + np.exp(-STEEPNESS * (difference - 0.5)))
    stepped: Matrix = np.minimum(alpha * bonded + (1 - alpha) * held, 1.0)
    return stepped


def _normalise(array: Matrix, axis: int | None = None) -> Matrix:
    normalised: Matrix = array / _whole(array, axis)
    return normalised


def _whole(array: Matrix, axis: int | None) -> Matrix:
    """Sums to divide by: 1 for a sum of 0, so that nothing stays nothing."""
    total = array.sum(axis=axis, keepdims=True)
    return np.where(total > 0, total, 1.0)
