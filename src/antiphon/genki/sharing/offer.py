"""What is offered of a collection: a signed head, with the hashes of the list of its clips and of the key to them.

id = SHA-256("antiphon/1 data offer" 00 || canonical(head)), in hex. The list says of each clip what is known of it,
under which licence and by whose consent, the hash of its file, and the hashes of the sealed pieces that a store keeps.
A sale is the key, signed by the seller for one buyer's order: nobody who bought it can sell it on as the seller.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets

import msgspec

from antiphon.clock import Clock
from antiphon.errors import InputError, ProtocolError
from antiphon.genki.data.files import SUFFIXES
from antiphon.genki.data.sidecar import Facts
from antiphon.protocol import Identity, TaskKey, canonical, envelope

SERVICE = "data"
FORMAT = "antiphon data 1"
OFFER_KIND, SALE_KIND = "data-offer", "data-sale"
PIECE_BYTES = 4 << 20
MAX_OFFER_BYTES, MAX_SALE_BYTES = 1_200, 1_024  # of an envelope
MAX_LISTING_BYTES = 32 << 20
MAX_CLIPS = 20_000
MAX_CLIP_BYTES = 2 << 30
"""A validator opens whole clips."""
MAX_PRICE_NANO = 10 * 10**9
"""What the ledger takes for one unit; a collection is one unit."""
MAX_LICENCES = 8
NONCE_CHARS = 32

_DOMAIN = b"antiphon/1 data offer\0"
_KEY_DOMAIN = b"antiphon/1 data key\0"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.[a-z0-9]{2,4})")
_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SharedClip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clip. `name` is what its file is called at the buyer's; `pieces` are SHA-256 hashes of its sealed pieces."""

    name: str
    sha256: str  # of the file
    size: int  # bytes
    pieces: tuple[str, ...]
    facts: Facts

    def __post_init__(self) -> None:
        found = _NAME.fullmatch(self.name)
        if not found or found[1] not in SUFFIXES or not _SHA256.fullmatch(self.sha256) or self.size < 1:
            raise InputError(f"{self.name[:80]!r} is no clip of an offer", "It has a plain name, a size and a SHA-256.")
        if self.size > MAX_CLIP_BYTES:
            raise InputError(f"{self.name} is larger than {MAX_CLIP_BYTES >> 30} GiB", "Cut it into parts.")
        if len(self.pieces) != -(-self.size // PIECE_BYTES) or not all(map(_SHA256.fullmatch, self.pieces)):
            raise InputError(f"{self.name} does not have the pieces that its size needs")
        if not self.facts.licence or not self.facts.consent:
            raise InputError(f"{self.name} has no licence, or nobody's consent", "It may not be shared.")


def stem_of(name: str) -> str:
    """What the sidecar of a clip is called by, where large and small letters are one."""
    return name.rpartition(".")[0].casefold()


class Listing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All clips, in the order of their names."""

    clips: tuple[SharedClip, ...]

    def __post_init__(self) -> None:
        names = [clip.name for clip in self.clips]
        if not 1 <= len(names) <= MAX_CLIPS or names != sorted(set(names)):
            raise InputError(f"An offer has 1 to {MAX_CLIPS:,} clips, each once, in the order of their names")
        stems = {stem_of(name) for name in names}
        if len(stems) < len(names) or len({clip.sha256 for clip in self.clips}) < len(names):
            raise InputError("Two clips of an offer are one file, or would have one sidecar", "Share it again.")


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head: what everybody sees first. Raises `InputError` for what none can be."""

    name: str
    price_nano: int
    key_hash: str  # of the key, by `hash_of`
    listing: str  # SHA-256 of canonical(Listing)
    clips: int
    seconds: float
    size: int  # bytes of all files
    licences: tuple[str, ...]
    format: str = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise InputError(f"{self.format[:40]!r} is no format of offers", f"This version reads {FORMAT!r}.")
        if not _COLLECTION.fullmatch(self.name) or not 0 < self.price_nano <= MAX_PRICE_NANO:
            raise InputError(
                f"An offer has a name, and a price of at most {MAX_PRICE_NANO // 10**9} ANT",
                "Set --price, or share parts.",
            )
        if not (_SHA256.fullmatch(self.key_hash) and _SHA256.fullmatch(self.listing)):
            raise InputError("An offer names its key and its list of clips by SHA-256")
        if not 1 <= self.clips <= MAX_CLIPS or not 0 < self.seconds < 1e9 or self.size < 1:
            raise InputError(f"An offer has 1 to {MAX_CLIPS:,} clips, which last a while")
        if not 1 <= len(self.licences) <= MAX_LICENCES or any(len(one) > 64 for one in self.licences):
            raise InputError(f"An offer has 1 to {MAX_LICENCES} licences of at most 64 characters")


class SignedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A verified offer, and who sells it."""

    id: str
    seller: str
    offer: Offer
    raw: bytes


class Sale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of the seller's envelope: the key, for the order that chose `nonce`."""

    offer: str
    nonce: str
    key: bytes


def hash_of(key: TaskKey) -> str:
    """What an offer commits to."""
    return hashlib.sha256(_KEY_DOMAIN + key.reveal()).hexdigest()


def new_nonce() -> str:
    return secrets.token_hex(NONCE_CHARS // 2)


def sign_offer(seller: Identity, offer: Offer, clock: Clock) -> SignedOffer:
    """Raises `InputError` for one that is too long to travel in an order."""
    body = canonical.encode(offer)
    raw = envelope.sign(seller, kind=OFFER_KIND, receiver=seller.node_id, task="", body=body, clock=clock)
    if len(raw) > MAX_OFFER_BYTES:
        raise InputError("The licences' names are too long", "Use short ones, as in CC-BY-4.0.")
    return open_offer(raw)


def open_offer(raw: bytes, id_: str = "") -> SignedOffer:
    """Verify signature, form and, if given, the id. Raises `ProtocolError`; `InputError` for what no offer can be."""
    message = _own_word(raw, OFFER_KIND, MAX_OFFER_BYTES)
    offer = canonical.decode(Offer, message.body)
    found = hashlib.sha256(_DOMAIN + message.body).hexdigest()
    if id_ and found != id_:
        raise ProtocolError(f"The offer is {found[:12]}, not {id_[:12]}", "Ask another store.")
    return SignedOffer(id=found, seller=message.sender, offer=offer, raw=raw)


def sign_sale(seller: Identity, offer: SignedOffer, nonce: str, key: TaskKey, clock: Clock) -> bytes:
    """What a buyer gets."""
    body = canonical.encode(Sale(offer=offer.id, nonce=nonce, key=key.reveal()))
    return envelope.sign(seller, kind=SALE_KIND, receiver=seller.node_id, task="", body=body, clock=clock)


def open_sale(raw: bytes, offer: SignedOffer, nonce: str = "") -> TaskKey:
    """The key, if this is the seller's word for this offer and, if given, this order. Raises `ProtocolError`."""
    message = _own_word(raw, SALE_KIND, MAX_SALE_BYTES)
    sale = canonical.decode(Sale, message.body)
    if message.sender != offer.seller or sale.offer != offer.id or (nonce and sale.nonce != nonce):
        raise ProtocolError("The sale is of another seller, offer or order", "Do not pay for it.")
    key = TaskKey(sale.key)
    if hash_of(key) != offer.offer.key_hash:
        raise ProtocolError(f"The key is not the one that {offer.id[:12]} committed to", "Do not pay for it.")
    return key


def open_listing(raw: bytes, offer: SignedOffer) -> Listing:
    """The list of clips that the seller signed. Raises `ProtocolError` for another, `InputError` for no list."""
    if hashlib.sha256(raw).hexdigest() != offer.offer.listing:
        raise ProtocolError("The store has another list of clips than the seller signed", "Ask another store.")
    found = canonical.decode(Listing, raw, limit=MAX_LISTING_BYTES)
    clips, told = found.clips, offer.offer
    facts = len(clips), sum(clip.size for clip in clips), tuple(sorted({clip.facts.licence for clip in clips}))
    seconds = sum(clip.facts.duration for clip in clips)
    if facts != (told.clips, told.size, told.licences) or not math.isclose(seconds, told.seconds, rel_tol=1e-6):
        raise ProtocolError("The list of clips is not what the offer says", "Do not buy it.")
    return found


def _own_word(raw: bytes, kind: str, limit: int) -> envelope.Envelope:
    message = envelope.verify_at(raw, limit=limit)
    if message.kind != kind or message.receiver != message.sender or message.task:
        raise ProtocolError(f"A signed {message.kind!r} is no {kind}", "Ask the seller.")
    return message
