"""The seller's side: a collection is sealed into a store, and its key stays here until somebody pays for it.

`sales/ID` in the data folder holds `offer` (signed) and `key`; `sales/draft-NAME` the key of a sharing under way, so
that one that was cut off goes on over the same names.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from antiphon import durable
from antiphon.clock import Clock
from antiphon.errors import InputError, OutputError, StateError
from antiphon.genki.data import Collection, check
from antiphon.genki.data.files import opened
from antiphon.genki.data.sidecar import Sidecar
from antiphon.genki.sharing import sealed
from antiphon.genki.sharing.offer import (
    PIECE_BYTES,
    Listing,
    Offer,
    SharedClip,
    SignedOffer,
    hash_of,
    open_offer,
    sign_offer,
)
from antiphon.objects import ObjectStore
from antiphon.protocol import Identity, TaskKey, canonical
from antiphon.protocol.sealing import KEY_BYTES

FOLDER = "sales"
KEY_NAME = "seller"
"""Of the identity that sells, in the data folder."""
HINDERS = frozenset({"sidecar", "missing", "changed", "corrupt", "licence", "consent"})
"""Findings with which nothing is shared; the others are about quality, and the buyer's to judge."""
_NON_COMMERCIAL = re.compile(r"(^|[^A-Za-z])NC([^A-Za-z]|$)|non-?commercial", re.IGNORECASE)


def require_shareable(collection: Collection) -> None:
    """Raise `InputError` for the first clip that may not, or cannot, be shared."""
    if not collection.ids():
        raise InputError(f"{collection.name} has no clips", "Add some: antiphon data add FOLDER")
    for one in check(collection):
        if one.problem in HINDERS:
            raise InputError(f"{one.clip[:12]} cannot be shared: {one.what}", f"Remedy: {one.remedy}")
    for clip in collection.ids():
        if _NON_COMMERCIAL.search(licence := collection.load(clip).licence):
            raise InputError(f"{clip[:12]} is under {licence}, and may not be sold", "Take it out, or ask its owner.")


def share(
    collection: Collection, home: Path, store: ObjectStore, seller: Identity, price_nano: int, clock: Clock
) -> SignedOffer:
    """Seal a collection into a store and offer it. Raises `InputError` for clips without licence or consent, or that
    were changed since they were added; `OutputError`, `UnreachableError`: nothing is offered, and it goes on."""
    require_shareable(collection)
    key = _draft(home, collection.name)
    clips, taken = [], set[str]()
    for id_ in collection.ids():
        about = collection.load(id_)
        name = _file_name(about, taken)
        clips.append(
            SharedClip(
                name=name, sha256=id_, size=about.source.size, pieces=_seal(key, about, store), facts=about.facts
            )
        )
    listing = canonical.encode(Listing(clips=tuple(sorted(clips, key=lambda clip: clip.name))))
    offer = Offer(
        name=collection.name,
        price_nano=price_nano,
        key_hash=hash_of(key),
        listing=hashlib.sha256(listing).hexdigest(),
        clips=len(clips),
        seconds=sum(clip.facts.duration for clip in clips),
        size=sum(clip.size for clip in clips),
        licences=tuple(sorted({clip.facts.licence for clip in clips})),
    )
    signed = sign_offer(seller, offer, clock)
    store.write(f"listings/{signed.id}", listing)
    folder = home / FOLDER / signed.id
    _write(folder / "key", key.reveal())
    _write(folder / "offer", signed.raw)
    store.write(f"offers/{signed.id}", signed.raw)
    (home / FOLDER / f"draft-{collection.name}").unlink(missing_ok=True)
    return signed


def sold_here(home: Path) -> dict[str, tuple[SignedOffer, TaskKey]]:
    """What this data folder sells, by id. Raises `StateError` for a key that was changed."""
    found = {}
    for file in sorted((home / FOLDER).glob("*/offer")):
        signed = open_offer(file.read_bytes(), file.parent.name)
        key = TaskKey(file.with_name("key").read_bytes())
        if hash_of(key) != signed.offer.key_hash:
            raise StateError(
                f"{file.parent / 'key'} is not the key of this offer", "Restore it, or withdraw the offer."
            )
        found[signed.id] = signed, key
    return found


def withdraw(home: Path, store: ObjectStore, offer: SignedOffer) -> None:
    """Sell it no more: the offer first, then what was sealed, then the key. Who bought it keeps it."""
    store.delete(f"offers/{offer.id}")
    store.delete(f"listings/{offer.id}")
    for name in store.names(f"sealed/{offer.offer.key_hash}"):
        store.delete(name)
    shutil.rmtree(home / FOLDER / offer.id, ignore_errors=True)


def _seal(key: TaskKey, about: Sidecar, store: ObjectStore) -> tuple[str, ...]:
    """Seal a file piece by piece; the hashes of the sealed pieces. Raises `InputError` for one that was changed."""
    pieces, state, id_ = [], hashlib.sha256(), about.source.sha256
    for number, plain in enumerate(_pieces(about)):
        state.update(plain)
        closed = sealed.seal_piece(key, id_, number, plain)
        store.write(sealed.piece_name(hash_of(key), id_, number), closed)
        pieces.append(hashlib.sha256(closed).hexdigest())
    if state.hexdigest() != id_:
        raise InputError(f"{about.source.path} was changed while it was shared", "Share it again when it is complete.")
    return tuple(pieces)


def _pieces(about: Sidecar) -> Iterator[bytes]:
    with opened(about.source.path) as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece


def _file_name(about: Sidecar, taken: set[str]) -> str:
    """A name that every system takes, and no other clip has, nor its sidecar. `taken`: stems."""
    path = Path(about.source.path)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-_")[:60] or "clip"
    if stem.casefold() in taken:
        stem = f"{stem}-{about.source.sha256[:12]}"
    taken.add(stem.casefold())
    return f"{stem}{path.suffix.lower()}"


def _draft(home: Path, name: str) -> TaskKey:
    file = home / FOLDER / f"draft-{name}"
    if file.is_file() and len(raw := file.read_bytes()) == KEY_BYTES:
        return TaskKey(raw)
    key = TaskKey.generate()
    _write(file, key.reveal())
    return key


def _write(file: Path, content: bytes) -> None:
    try:
        durable.replace(file, content)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}", "Free some space, and share again.") from error
