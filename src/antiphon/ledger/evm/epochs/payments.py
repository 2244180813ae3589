"""Who is paid what of an epoch on the chain, and the Merkle proofs by which it is claimed.

Places: columns, then seats, then the treasury. Each part is rounded down; what rounding leaves is the treasury's, so
the payments sum exactly to the emission (`antiphon.economy.epochs`, rule 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from antiphon.economy.types import PPM
from antiphon.ledger.evm.epochs.posting import MAX_COLUMNS, MAX_SEATS, Content
from antiphon.ledger.evm.epochs.terms import Terms

SEATS_AT = MAX_COLUMNS
TREASURY_AT = MAX_COLUMNS + MAX_SEATS
PLACES = 2_048
DEPTH = 11
_EMPTY = bytes(32)


def amounts(terms: Terms, emission_nano: int, content: Content) -> dict[int, int]:
    """By place, in nano, of what the token paid out; they sum to it."""
    ranks, dividends = content.ranks(), content.dividends
    paid = _divided(0, emission_nano * terms.nodes_ppm // PPM, ranks)
    paid |= _divided(SEATS_AT, emission_nano * terms.validators_ppm // PPM, dividends)
    paid[TREASURY_AT] = emission_nano - sum(paid.values())
    assert paid[TREASURY_AT] >= 0, "no more is paid than is issued"
    return paid


def _divided(at: int, nano: int, parts: Sequence[int]) -> dict[int, int]:
    whole = max(1, sum(parts))
    return {at + number: nano * part // whole for number, part in enumerate(parts)}


class Tree:
    """The payments of an epoch as the contract lays them down: keccak over (epoch, place, amount), in pairs."""

    def __init__(self, epoch: int, paid: Mapping[int, int]) -> None:
        self._levels = [[leaf(epoch, place, paid[place]) if place in paid else _EMPTY for place in range(PLACES)]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([_pair(one, two) for one, two in zip(below[::2], below[1::2], strict=True)])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def proof(self, place: int) -> list[bytes]:
        """Of a place: the other one of each pair, from the leaf up."""
        return [level[place >> depth ^ 1] for depth, level in enumerate(self._levels[:-1])]


@lru_cache(maxsize=64)
def _pair(one: bytes, two: bytes) -> bytes:
    """Most places are empty: their pairs are hashed once."""
    from eth_utils.crypto import keccak

    return keccak(one + two)


def leaf(epoch: int, place: int, nano: int) -> bytes:
    from eth_utils.crypto import keccak

    return keccak(b"".join(one.to_bytes(32, "big") for one in (epoch, place, nano)))
