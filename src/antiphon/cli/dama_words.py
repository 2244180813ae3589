"""An asset in words, and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.cli.figures import ant

if TYPE_CHECKING:
    from antiphon.dama import Manifest
    from antiphon.ledger.assets import AssetRecord


def plain(record: AssetRecord | None, manifest: Manifest | None) -> dict[str, Any]:
    """For JSON."""
    import msgspec

    known = msgspec.to_builtins(record) if record else {}
    known.pop("publication", None)
    return known | {"manifest": msgspec.to_builtins(manifest) if manifest else None}


def told(record: AssetRecord | None, manifest: Manifest | None) -> list[str]:
    """For people."""
    lines = []
    if manifest is not None:
        card = manifest.card
        lines += [
            f"Name      {card.name} {card.version}{f', for the engine {card.engine}' if card.engine else ''}",
            f"Licence   {card.licence}",
            *([f"Summary   {card.summary}"] if card.summary else []),
            *([f"Rounds    {card.rounds}"] if card.rounds else []),
            *(f"Figure    {name} {value:g}" for name, value in card.figures.items()),
            *(f"File      {file.name}, {file.size:,} bytes, sha256 {file.sha256[:16]}" for file in manifest.files),
        ]
    if record is None:
        return [*lines, "Owner     nobody has published it on this ledger"]
    return [
        f"Asset     {record.asset}",
        *lines,
        f"Owner     {record.owner}",
        *([f"Copy of   {record.copy_of}: it earns nothing"] if record.copy_of else []),
        f"Asks      {record.asked_ppm / 10_000:g}% of assets made from it",
        *(f"Parent    {parent}" for parent in record.parents),
        *(f"Pays      {ppm / 10_000:g}% to {asset[:12]}, level {level}" for asset, level, ppm in record.lineage),
        *(f"Share     {one.ppm / 10_000:g}% of {one.node[:12]}" for one in record.contributors),
        f"Earned    {ant(record.earned_nano)}, {ant(sum(record.taken_nano))} of it taken",
    ]
