"""All published assets beside each other: what judges found, what they earned, who made them, from what.

Quality is the score memory (settled tasks, votes of drawn validators) of the nodes that say they use the asset, weighed
by the parts they settled. Figures on the card are its makers' word, and are marked so. Copies come last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from antiphon.dama.manifest import SAMPLES, Manifest
from antiphon.dama.registry import every_asset
from antiphon.economy.types import PPM, Role
from antiphon.ledger.assets import AssetRecord
from antiphon.ledger.base import Ledger
from antiphon.ledger.listing import every_node
from antiphon.ledger.operations import Contributor

Names = Callable[[AssetRecord], Manifest | None]
"""The manifest of an asset, verified; None: no store here has it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One asset. `quality_ppm` None: nobody who uses it was judged yet. `figures`: by its makers."""

    asset: str
    name: str
    version: str
    engine: str
    licence: str
    summary: str
    owner: str
    published_ms: int
    rounds: int
    quality_ppm: int | None
    settled: int
    holders: int
    earned_nano: int
    figures: dict[str, float]
    contributors: tuple[Contributor, ...]
    parents: tuple[str, ...]
    lineage: tuple[tuple[str, int, int], ...]
    copy_of: str
    samples: tuple[str, ...]


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The page's data: what `leaderboard.json` holds."""

    ledger: str
    made_ms: int
    entries: tuple[Entry, ...]


async def leaderboard(ledger: Ledger, manifest_of: Names, now_ms: int) -> Leaderboard:
    """What the ledger and a store know now, the best first."""
    judged: dict[str, dict[tuple[str, str], tuple[int, int]]] = defaultdict(dict)
    for node in await every_node(ledger, Role.PROCESSOR):
        for offer in node.offers:
            if offer.asset:
                scored = node.quality_ppm.get(offer.service, 0), node.settled.get(offer.service, 0)
                judged[offer.asset][node.node, offer.service] = scored
    entries = [_entry(record, manifest_of(record), judged[record.asset]) for record in await every_asset(ledger)]
    return Leaderboard(ledger=await ledger.identity(), made_ms=now_ms, entries=tuple(sorted(entries, key=_order)))


def _entry(record: AssetRecord, manifest: Manifest | None, judged: dict[tuple[str, str], tuple[int, int]]) -> Entry:
    settled = sum(parts for _, parts in judged.values())
    card = manifest.card if manifest else None
    return Entry(
        asset=record.asset,
        name=card.name if card else record.asset[:12],
        version=card.version if card else "",
        engine=card.engine if card else "",
        licence=card.licence if card else "",
        summary=card.summary if card else "",
        owner=record.owner,
        published_ms=record.published_ms,
        rounds=card.rounds if card else 0,
        quality_ppm=sum(quality * parts for quality, parts in judged.values()) // settled if settled else None,
        settled=settled,
        holders=len({node for node, _ in judged}),
        earned_nano=record.earned_nano,
        figures=dict(card.figures) if card else {},
        contributors=record.contributors,
        parents=record.parents,
        lineage=record.lineage,
        copy_of=record.copy_of,
        samples=tuple(file.name for file in manifest.files if file.name.lower().endswith(SAMPLES)) if manifest else (),
    )


def _order(entry: Entry) -> tuple[bool, int, int, int]:
    quality = -1 if entry.quality_ppm is None else min(entry.quality_ppm, PPM)
    return bool(entry.copy_of), -quality, -entry.earned_nano, entry.published_ms
