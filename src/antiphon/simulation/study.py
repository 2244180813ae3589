"""All figures of docs/economics.md, measured in one go at a size of one's choice."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from antiphon.simulation.comparing import Comparison, compare
from antiphon.simulation.network import Network
from antiphon.simulation.profiles import PROFILES, Profile
from antiphon.simulation.strategies import DISHONEST
from antiphon.simulation.sweeps import Curve, by_copying, by_quorum, by_sampling, by_stake

SHARE = 0.33
"""Of nodes, stake or orders: what the default profile has to stand."""
SHARES = (0.1, 0.2, 0.33, 0.4, 0.49)
BY_SHARE = ("lazy", "weight-copier", "sybil", "league", "self-dealer", "vote-inflator")
"""Strategies whose profit depends on their share."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a study is."""

    nodes: int = 100
    epochs: int = 40
    seeds: tuple[int, ...] = (1, 2, 3)
    parts: int = 4_000  # of each point of a sweep


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody honest in one profile."""

    profile: str
    wronged_ppm: float  # of deliveries: the producer was fined
    fined_ppm: float  # of votes: dissent was fined
    paid_nano: float  # by clients, for a part
    judging_ppm: float  # of that: fees of validators


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. `size` and the package make it again."""

    profile: str
    size: Size
    comparisons: tuple[Comparison, ...]
    by_share: dict[str, tuple[Comparison, ...]]
    worlds: tuple[World, ...]
    stake: tuple[Curve, ...]
    quorum: tuple[Curve, ...]
    sampling: tuple[Curve, ...]
    copying: tuple[Curve, ...]


def study(profile: Profile, size: Size, told: Callable[[str], None] = lambda _: None) -> Study:
    """Measures everything; `told` hears what comes next."""
    busy = msgspec.structs.replace(profile, load_ppm=1_000_000)
    comparisons = []
    for name in DISHONEST:
        told(f"{name}, {SHARE:.0%}")
        comparisons.append(compare(busy, size.nodes, size.epochs, name, SHARE, size.seeds))
    by_share = {}
    for name in BY_SHARE:
        told(f"{name}, {SHARES[0]:.0%} to {SHARES[-1]:.0%}")
        half = max(1, size.epochs // 2)
        by_share[name] = tuple(compare(busy, size.nodes, half, name, share, size.seeds[:1]) for share in SHARES)
    told("honest networks")
    worlds = tuple(_world(one, size) for one in PROFILES.values())
    told("sweeps over stake, quorum and sampling rate")
    stake = by_stake(profile, (0.1, 0.2, 0.33, 0.4, 0.49, 0.6, 0.7, 0.8, 0.9), size.parts, 1)
    quorum = by_quorum(profile, (1, 3, 5, 7, 9), (0.2, 0.33, 0.45), size.parts, 1)
    sampling = by_sampling(profile, (0.1, 0.2, 0.4, 0.6, 0.8, 1.0), (1.0, 1.5, 2.0), size.parts, 1)
    told("copied weights")
    copying = by_copying(profile, (1, 5, 10, 20), (0.0, 0.01, 0.05, 0.2), size.nodes, 2 * size.epochs, 1)
    declared = by_copying(PROFILES["declared"], (1, 20), (0.0,), size.nodes, size.epochs, 1)
    named = tuple(msgspec.structs.replace(one, name="weights count as they are declared") for one in declared)
    return Study(
        profile=profile.name,
        size=size,
        comparisons=tuple(comparisons),
        by_share=by_share,
        worlds=worlds,
        stake=stake,
        quorum=quorum,
        sampling=sampling,
        copying=(*copying, *named),
    )


def _world(profile: Profile, size: Size) -> World:
    busy = msgspec.structs.replace(profile, load_ppm=1_000_000)
    found = Network(busy, size.nodes, {}, size.seeds[0]).run(size.epochs)
    counts = found.counts
    paid = found.paid() / max(1, counts.parts)
    made = profile.maker_price_nano * profile.units
    return World(
        profile=profile.name,
        wronged_ppm=1e6 * counts.wronged / max(1, counts.honest),
        fined_ppm=1e6 * counts.fined / max(1, counts.votes),
        paid_nano=paid,
        judging_ppm=1e6 * max(0.0, 1 - made / paid) if paid else 0.0,
    )
