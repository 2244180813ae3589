"""The registry of model assets: whose each is, what it was made from, and whom its use pays. The ledger sees hashes.

1. COMMIT: who has an asset says so, without saying which. It counts from the first time, for `rules.asset_s`.
2. PUBLISH: only what its sender committed to. The first who committed owns the content, not the first who publishes: an
   older commitment takes a published content over, with all that it has earned. Nothing else of it ever changes.
3. Its parents are published, and no copies. Its lineage is laid down then, out of theirs (`economy.royalty`): what each
   part of the royalty brings whom. It cannot be its own ancestor.
4. What its use brings goes to its account. Anybody may have a contributor's part paid out once the asset is
   `rules.asset_s` old: by then nobody can take it over any more.
5. COPY: whether weights or behaviour are a near copy is measured elsewhere (`dama.likeness`); each validator says what
   it found. Once most of the validators' stake names the same original, which was committed to earlier, the copy's uses
   pay the original's lineage, and what the copy has earned is the original's. A copy of a copy is one of the original.
   Whoever takes a copy over by a commitment that is older than the original's has no copy.
"""

from __future__ import annotations

import hashlib

import msgspec

from antiphon.economy import royalty
from antiphon.economy.types import PPM
from antiphon.errors import InputError
from antiphon.ledger.operations import Contributor, PublishAsset
from antiphon.protocol import canonical, envelope

_DOMAIN = b"antiphon/1 asset commitment\0"
Lineage = tuple[tuple[str, int, int], ...]


class AssetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One asset of the registry. `lineage` has it first, at level 0; `publication` is its owner's own envelope."""

    number: int  # in the order of first publication: where a listing goes on
    asset: str
    owner: str
    committed_ms: int
    published_ms: int
    asked_ppm: int
    parents: tuple[str, ...]
    contributors: tuple[Contributor, ...]
    lineage: Lineage
    publication: bytes
    copy_of: str = ""
    earned_nano: int = 0  # with what was taken
    taken_nano: tuple[int, ...] = ()  # by each contributor

    def due_nano(self, place: int) -> int:
        """What a contributor can have paid out."""
        return royalty.due(self.earned_nano, [one.ppm for one in self.contributors], place) - self.taken_nano[place]


class Earning(msgspec.Struct, frozen=True, kw_only=True):
    """One use of an asset, or of one made from it."""

    number: int
    at_ms: int
    task: str  # empty: it came from a copy
    part: int
    used: str  # the asset that the task used
    amount_nano: int


def commitment(ledger: str, owner: str, asset: str, salt: bytes) -> bytes:
    """SHA-256 over the domain, both node ids, the content hash and the salt (16 bytes)."""
    named = ledger.encode() + b"\0" + owner.encode() + b"\0" + asset.encode() + b"\0"
    return hashlib.sha256(_DOMAIN + named + salt).digest()


def lineage(publication: PublishAsset, parents: dict[str, AssetRecord]) -> Lineage:
    """Rule 3: of each asset that a use of this one pays, its name, level and ppm. Raises InputError."""
    made_from = [(name, parents[name].asked_ppm, parents[name].lineage[1:]) for name in publication.parents]
    above = royalty.division(made_from)
    if any(name == publication.asset for name, _, _ in above):
        raise InputError("An asset cannot be made from itself", "Name the assets that it was made from.")
    if len(above) > royalty.MAX_ANCESTORS:
        raise InputError(f"An asset pays at most {royalty.MAX_ANCESTORS} ancestors", "Build on fewer.")
    return ((publication.asset, 0, PPM - sum(ppm for _, _, ppm in above)), *above)


def published(record: AssetRecord) -> PublishAsset:
    """What its owner signed. Raises ProtocolError for a record that says something else."""
    message = envelope.verify_at(record.publication)
    return canonical.decode(PublishAsset, message.body)
