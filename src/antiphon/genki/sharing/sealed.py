"""Sealed clips in a store, which is never believed: `offers/ID`, `listings/ID`, `sealed/KEYHASH/SHA256/NUMBER`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from antiphon.errors import InputError, ProtocolError, UnavailableError
from antiphon.genki.sharing.offer import (
    MAX_LISTING_BYTES,
    MAX_OFFER_BYTES,
    PIECE_BYTES,
    Listing,
    SharedClip,
    SignedOffer,
    open_listing,
    open_offer,
)
from antiphon.objects import ObjectStore
from antiphon.protocol import TaskKey, sealing

_ID = re.compile(r"[0-9a-f]{64}")
SEALED_MORE_BYTES = 49
"""By which a sealed piece is longer (`protocol.sealing.seal`)."""


def piece_name(key_hash: str, clip: str, number: int) -> str:
    return f"sealed/{key_hash}/{clip}/{number:05d}"


def seal_piece(key: TaskKey, clip: str, number: int, data: bytes) -> bytes:
    return sealing.seal(key, data, _context(clip, number))


def every_offer(store: ObjectStore) -> Iterator[SignedOffer]:
    """All that are offered in a store; what is no offer is left out."""
    for name in store.names("offers"):
        try:
            yield read_offer(store, name.rpartition("/")[2])
        except (InputError, ProtocolError):
            continue


def read_offer(store: ObjectStore, id_: str) -> SignedOffer:
    """Raises `InputError` where there is none, `ProtocolError` for a forged one."""
    try:
        raw = store.read(f"offers/{id_}", MAX_OFFER_BYTES)
    except FileNotFoundError as error:
        raise InputError(
            f"{store.url} has no offer {id_[:12]}", "See antiphon data offers; --store names another."
        ) from error
    return open_offer(raw, id_)


def find_offer(store: ObjectStore, prefix: str) -> SignedOffer:
    """The one whose id begins so, or whose collection is called so; a whole id needs no list, which a store over HTTP
    does not give. Raises `InputError` for none, or several."""
    if _ID.fullmatch(prefix):
        return read_offer(store, prefix)
    offers = list(every_offer(store))
    found = [one for one in offers if len(prefix) >= 8 and one.id.startswith(prefix)]
    found = found or [one for one in offers if one.offer.name == prefix]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'No'} offers in {store.url} are called {prefix[:70]!r}",
            "Give 8 digits of its id or more: antiphon data offers",
        )
    return found[0]


def read_listing(store: ObjectStore, offer: SignedOffer) -> Listing:
    """Raises as `open_listing`, and `UnavailableError` where it is gone."""
    try:
        return open_listing(store.read(f"listings/{offer.id}", MAX_LISTING_BYTES), offer)
    except FileNotFoundError as error:
        raise _lacks(store, "the list of clips") from error


def sealed_pieces(store: ObjectStore, offer: SignedOffer, clip: SharedClip, first: int = 0) -> Iterator[bytes]:
    """The sealed pieces of a clip from number `first` on, verified. Raises `UnavailableError`, `ProtocolError`."""
    for number, wanted in enumerate(clip.pieces[first:], first):
        size = min(PIECE_BYTES, clip.size - number * PIECE_BYTES) + SEALED_MORE_BYTES
        try:
            sealed = store.read(piece_name(offer.offer.key_hash, clip.sha256, number), size)
        except FileNotFoundError as error:
            raise _lacks(store, f"a piece of {clip.name}") from error
        except InputError as error:
            raise _lie(store, clip) from error
        if hashlib.sha256(sealed).hexdigest() != wanted:
            raise _lie(store, clip)
        yield sealed


def opened_pieces(key: TaskKey, clip: SharedClip, sealed: Iterator[bytes]) -> Iterator[bytes]:
    """What is in them. Raises `ProtocolError` after the last where it is not the file that the seller signed."""
    state = hashlib.sha256()
    for number, piece in enumerate(sealed):
        plain = sealing.unseal(key, piece, _context(clip.sha256, number))
        state.update(plain)
        yield plain
    if state.hexdigest() != clip.sha256:
        raise ProtocolError(f"{clip.name} is not what the seller signed", "Keep the receipt: it names the seller.")


def _context(clip: str, number: int) -> bytes:
    return f"antiphon/1 data {clip} {number}".encode()


def _lacks(store: ObjectStore, what: str) -> UnavailableError:
    return UnavailableError(f"{store.url} lacks {what}", "Its sharing was cut, or it was withdrawn: ask its seller.")


def _lie(store: ObjectStore, clip: SharedClip) -> ProtocolError:
    return ProtocolError(f"{store.url} gave other bytes of {clip.name} than the seller signed", "Ask another store.")
