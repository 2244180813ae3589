"""Whose an asset is, by the ledger: commit to its id first, publish later, and check what a store says against it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from antiphon.dama.manifest import SignedManifest
from antiphon.economy import royalty
from antiphon.economy.types import PPM
from antiphon.errors import InputError, ProtocolError
from antiphon.ledger import assets
from antiphon.ledger.assets import AssetRecord
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import CommitAsset, Contributor, Operation, PublishAsset
from antiphon.protocol.identity import Identity

Submit = Callable[[Operation], Awaitable[None]]

MIN_PREFIX = 8


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner lays down with the publication, for ever."""

    parents: tuple[str, ...] = ()
    asked_ppm: int = 0
    contributors: tuple[Contributor, ...] = ()  # none: all of it is the owner's


def salt_of(owner: Identity, asset: str) -> bytes:
    """The salt of a commitment, 16 bytes: nobody else can know it, and nothing has to be kept until the publication."""
    return hashlib.sha256(owner.sign(b"antiphon/1 asset salt\0" + asset.encode())).digest()[:16]


async def commit(ledger: Ledger, owner: Identity, submit: Submit, asset: str) -> None:
    """Say that one has it. Do it before anybody else can see the weights."""
    said = assets.commitment(await ledger.identity(), owner.node_id, asset, salt_of(owner, asset))
    await submit(CommitAsset(commitment=said))


async def publish(ledger: Ledger, owner: Identity, submit: Submit, asset: str, terms: Terms) -> AssetRecord:
    """Publish what was committed to; nothing happens where it is published so already. Raises `InputError` when it was
    published with other terms, and what the ledger raises: who committed earlier owns it."""
    contributors = terms.contributors or (Contributor(node=owner.node_id, ppm=PPM),)
    operation = PublishAsset(
        asset=asset,
        salt=salt_of(owner, asset),
        parents=terms.parents,
        asked_ppm=terms.asked_ppm,
        contributors=contributors,
    )
    before = await find(ledger, asset)
    if before is not None and before.owner == owner.node_id:
        if assets.published(before) != operation:
            raise InputError(
                f"{asset[:12]} is published with other terms", "They never change; see: antiphon dama show"
            )
        return before
    await submit(operation)
    return await ledger.asset(asset)


async def find(ledger: Ledger, asset: str) -> AssetRecord | None:
    """The registry's record; None for what nobody has published."""
    for record in await every_asset(ledger):
        if record.asset == asset:
            return record
    return None


async def every_asset(ledger: Ledger) -> list[AssetRecord]:
    """The whole registry, in the order of publication."""
    found: list[AssetRecord] = []
    while page := await ledger.assets(after=found[-1].number if found else 0):
        found += page
    return found


def popular(known: Sequence[AssetRecord], held: Collection[str], most: int) -> list[AssetRecord]:
    """What to fetch ahead: the assets that earned most and are not held. Copies earn nothing, and are left out."""
    wanted = [record for record in known if record.earned_nano and not record.copy_of and record.asset not in held]
    return sorted(wanted, key=lambda record: (-record.earned_nano, record.number))[:most]


def resolve(prefix: str, known: list[str]) -> str:
    """The one id that begins so. Raises `InputError` for none, or several."""
    fits = sorted({asset for asset in known if asset.startswith(prefix)})
    if len(prefix) < MIN_PREFIX or not fits:
        raise InputError(
            f"No asset is known by {prefix[:70]!r}", f"Give {MIN_PREFIX} digits or more: antiphon dama list"
        )
    if len(fits) > 1:
        raise InputError(f"{len(fits)} assets begin with {prefix}", "Give more digits.")
    return fits[0]


def check_owner(signed: SignedManifest, record: AssetRecord) -> None:
    """Raise `ProtocolError` unless the manifest is signed by who owns the asset by the registry."""
    if (signed.asset, signed.owner) != (record.asset, record.owner):
        raise ProtocolError(
            f"{signed.asset[:12]} is signed by {signed.owner[:12]}, and {record.owner[:12]} committed to it first",
            "Do not use it; ask for the owner's.",
        )


def check_lineage(record: AssetRecord, known: dict[str, AssetRecord]) -> None:
    """Raise `ProtocolError` unless the lineage is what the owners' own signed words say, all the way up. `known`: the
    registry, by id. Needs no ledger."""
    for name in (record.asset, *(asset for asset, _, _ in record.lineage[1:])):
        one = known.get(name)
        if one is None:
            raise ProtocolError(
                f"The lineage names {name[:12]}, which nobody has published", "Do not trust this ledger."
            )
        said = assets.published(one)
        terms = (said.asset, said.parents, said.asked_ppm, said.contributors)
        if terms != (one.asset, one.parents, one.asked_ppm, one.contributors):
            raise ProtocolError(f"The record of {name[:12]} is not what its owner signed", "Do not trust this ledger.")
        parents = {parent: known[parent] for parent in said.parents if parent in known}
        if len(parents) < len(said.parents) or assets.lineage(said, parents) != one.lineage:
            raise ProtocolError(f"The lineage of {name[:12]} is not what its parents say", "Do not trust this ledger.")
    assert sum(ppm for _, _, ppm in record.lineage) == PPM, "a lineage divides the whole"
    assert len(record.lineage) <= 1 + royalty.MAX_ANCESTORS, "the ledger bounds lineages"
