# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Consensus: one column, and one validator's dividends, of Yuma consensus in integers
@license MIT
@notice The integers of `antiphon.economy.consensus`, rule by rule, to the unit, with its options `alpha_ppm` and
        `beta_ppm` of a million: bonds are made anew in each epoch. So each column follows from the weights in it, and a
        validator's dividends from its row and the columns; nothing needs the matrix of bonds.
@dev Pure. Shares are integers of ONE; divisions round down.
"""

struct Column:
    rank: uint256  # at most 2**62
    consensus: uint256
    bonded: uint256  # sum of the column's bonds before they are made shares of ONE

struct Seat:
    stake: uint256
    total: uint256  # of its row of weights
    weight: uint256  # in the column that is looked at


PPM: constant(uint256) = 1_000_000
ONE: constant(uint256) = 2**31
MAX_SEATS: constant(uint256) = 64
_RANK: constant(uint256) = 2**63 - 1
_WORD: constant(uint256) = 2**32 - 1


@internal
@pure
def _column(seats: DynArray[Seat, MAX_SEATS], kappa_ppm: uint256) -> Column:
    """
    @param seats Those whose weights count.
    """
    column: Column = empty(Column)
    whole: uint256 = self._stakes(seats)
    shares: DynArray[uint256, MAX_SEATS] = []
    weights: DynArray[uint256, MAX_SEATS] = []
    total: uint256 = 0
    for seat: Seat in seats:
        share: uint256 = seat.stake * ONE // whole
        total += share
        shares.append(share)
        weights.append(seat.weight * ONE // max(1, seat.total))
    if total == 0:
        return column
    for i: uint256 in range(len(seats), bound=MAX_SEATS):
        if weights[i] <= column.consensus:
            continue
        support: uint256 = 0
        for k: uint256 in range(len(seats), bound=MAX_SEATS):
            if weights[k] >= weights[i]:
                support += shares[k]
        if support * PPM >= kappa_ppm * total:
            column.consensus = weights[i]
    for i: uint256 in range(len(seats), bound=MAX_SEATS):
        column.rank += shares[i] * min(weights[i], column.consensus)
    for i: uint256 in range(len(seats), bound=MAX_SEATS):
        column.bonded += self._of(shares[i] * min(weights[i], column.consensus), column.rank)
    return column


@internal
@pure
def _dividend(seat: Seat, whole: uint256, column: Column, ranks: uint256) -> uint256:
    """
    @notice What one column gives to one validator.
    @param whole Stake of all whose weights count (`_stakes`).
    @param ranks Sum of all columns' ranks.
    """
    share: uint256 = seat.stake * ONE // whole
    weight: uint256 = min(seat.weight * ONE // max(1, seat.total), column.consensus)
    bond: uint256 = self._of(share * weight, column.rank) * ONE // max(1, column.bonded)
    return bond * self._of(column.rank, ranks)


@internal
@pure
def _stakes(seats: DynArray[Seat, MAX_SEATS]) -> uint256:
    whole: uint256 = 0
    for seat: Seat in seats:
        whole += seat.stake
    return max(1, whole)


@internal
@pure
def _of(part: uint256, whole: uint256) -> uint256:
    """
    @notice A part as a share of ONE. What has more than 32 bits is shifted right first, both alike.
    """
    by: uint256 = 0
    if whole > _WORD:
        for bits: uint256 in [16, 8, 4, 2, 1]:
            if whole >> (by + bits) > _WORD:
                by += bits
        by += 1
    return (part >> by) * ONE // max(1, whole >> by)


@internal
@pure
def _packed(column: Column) -> uint256:
    return column.rank | (column.consensus << 63) | (column.bonded << 95)


@internal
@pure
def _unpacked(word: uint256) -> Column:
    return Column(rank=word & _RANK, consensus=(word >> 63) & _WORD, bonded=(word >> 95) & _WORD)
