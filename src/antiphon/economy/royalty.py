"""Who earns from a model asset: its contributors, and the assets that it was made from. Integers only.

1. An asset asks each asset made from it for a share. What an asset earns is divided among itself (level 0) and all its
   ancestors (parents are level 1): a parent's part is its asked share, divided on by the parent's own division.
2. A level that would get less than the floor of the whole gets the floor, its assets in proportion; the asset itself
   pays for that. So grandparents do not vanish. Ancestors further than the last level count as on it.
3. Parts are in ppm and sum to a million. An amount is divided by them, each part rounded down; what that leaves is the
   asset's own.
4. An asset's own part is divided among its contributors by their shares, likewise; the first gets what rounding leaves.

An asset's name is a number on a chain, and its content hash elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from antiphon.economy.types import PPM
from antiphon.errors import InputError

LEVELS = 8
FLOOR_PPM = 20_000
MAX_ASKED_PPM = 300_000
"""Most that one asset asks of those made from it."""
MAX_PARENTS_PPM = 600_000
"""Most that all parents of an asset get together."""

MAX_PARENTS = 4
MAX_ANCESTORS = 32
MAX_CONTRIBUTORS = 32

K = TypeVar("K", bound=Hashable)

WHY = "royalty for the use of "
"""The reason of each transfer to an asset's account; the content hash of the model that was used follows."""

Division: TypeAlias = tuple[tuple[K, int, int], ...]
"""Asset, level, ppm: of an ancestor, in the order in which lineages name them. What they leave is the asset's own."""


def division(parents: Sequence[tuple[K, int, Division[K]]], floor_ppm: int = FLOOR_PPM) -> Division[K]:
    """Rules 1 and 2, of an asset made from these parents: name, asked share in ppm, and its own division. Raises
    InputError for a parent named twice and for shares out of bounds."""
    if len({name for name, _, _ in parents}) < len(parents):
        raise InputError("A parent is named twice", "Name each once.")
    asked = [share for _, share, _ in parents]
    if not all(0 <= share <= MAX_ASKED_PPM for share in asked) or sum(asked) > MAX_PARENTS_PPM:
        raise InputError(f"Parents get at most {MAX_PARENTS_PPM} ppm together", "Build on fewer.")
    found: dict[tuple[K, int], int] = {}
    for name, share, above in parents:
        passed = [(asset, min(level + 1, LEVELS - 1), share * ppm // PPM) for asset, level, ppm in above]
        own = share - sum(ppm for _, _, ppm in passed)
        for asset, level, ppm in [(name, 1, own), *passed]:
            found[asset, level] = found.get((asset, level), 0) + ppm
    for wanted in range(1, LEVELS):
        _raise_to(found, [key for key in found if key[1] == wanted], floor_ppm)
    assert sum(found.values()) < PPM, "an asset keeps a part of its own"
    return tuple((asset, level, ppm) for (asset, level), ppm in found.items())


def divided(amount: int, name: K, above: Division[K]) -> dict[K, int]:
    """Rule 3: what an amount paid for asset `name` brings each asset. Sums exactly to it."""
    parts: dict[K, int] = {}
    for asset, _, ppm in above:
        parts[asset] = parts.get(asset, 0) + amount * ppm // PPM
    parts[name] = parts.get(name, 0) + amount - sum(parts.values())
    return parts


def due(total: int, shares: Sequence[int], place: int) -> int:
    """Rule 4, for the contributor at one place: its part of all that an asset has earned so far."""
    if place:
        return total * shares[place] // PPM
    return total - sum(total * share // PPM for share in shares[1:])


def earned(amount: int, shares: Mapping[str, int]) -> dict[str, int]:
    """Rule 4. Raises InputError for shares that do not sum to a million."""
    if sum(shares.values()) != PPM or min(shares.values()) < 0:
        raise InputError(f"Contributors' shares must sum to {PPM} ppm", "Give the rest to the first.")
    ppm = list(shares.values())
    return {who: due(amount, ppm, place) for place, who in enumerate(shares)}


def _raise_to(found: dict[tuple[K, int], int], level: list[tuple[K, int]], floor_ppm: int) -> None:
    """Rule 2, for one level."""
    total = sum(found[key] for key in level)
    if not 0 < total < floor_ppm:
        return
    for key in level:
        found[key] = found[key] * floor_ppm // total
    found[level[0]] += floor_ppm - sum(found[key] for key in level)
