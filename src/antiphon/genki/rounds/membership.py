"""Who may take part, and how the coordinator is found: cards and invitations, files that people send each other.

A card says "this Flower key is mine", signed by the identity that will sign the updates, and "I am this contributor's",
signed by the Flower key: nobody can put somebody else's node under an own name. An invitation holds the coordinator's
address, its certificate and the plan: who has it trusts no authority but this file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec
from blake3 import blake3
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from antiphon.errors import InputError, OutputError, ProtocolError
from antiphon.genki.rounds import files
from antiphon.genki.rounds.plan import Plan
from antiphon.protocol import canonical
from antiphon.protocol.identity import Identity, verify

MAX_FILE_BYTES = 64 * 1024
MAX_CARDS = 10_000
DOMAIN = b"antiphon/1 genki card\0"
NODE_DOMAIN = b"antiphon/1 genki node\0"

_ANEW = "Ask for a new card: antiphon genki join --card FILE"

T = TypeVar("T")


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    contributor: str  # node id
    key: bytes  # public key, as Flower writes it: the SuperNode's authentication
    proof: bytes = b""  # `NODE_DOMAIN` and the contributor, signed by that key
    signature: bytes = b""  # of all the rest, by the contributor


class Invitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    address: str  # HOST:PORT
    certificate: str  # PEM: the only one that is accepted there
    plan: Plan


def card_of(identity: Identity, key: bytes) -> Card:
    """The card of a contributor whose SuperNode has the private `key`. Raises `ValueError` for what is no key."""
    from flwr.supercore.primitives import asymmetric

    private = asymmetric.bytes_to_private_key(key)
    unsigned = Card(
        contributor=identity.node_id,
        key=asymmetric.public_key_to_bytes(private.public_key()),
        proof=asymmetric.sign_message(private, _proven(identity.node_id)),
    )
    return msgspec.structs.replace(unsigned, signature=identity.sign(_signed(unsigned)))


def check_card(card: Card) -> Card:
    """Return it, or raise `ProtocolError` unless its contributor and its Flower key have signed each other."""
    from flwr.supercore.primitives import asymmetric

    verify(card.contributor, card.signature, _signed(msgspec.structs.replace(card, signature=b"")))
    try:
        key = asymmetric.bytes_to_public_key(card.key)
        proven = isinstance(key, EllipticCurvePublicKey) and asymmetric.verify_signature(
            key, _proven(card.contributor), card.proof
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProtocolError("The card's Flower key cannot be read", _ANEW) from error
    if not proven:
        raise ProtocolError("The card's Flower key has not signed that it is this contributor's", _ANEW)
    return card


def write_file(file: Path, what: Card | Invitation) -> None:
    files.write(file, msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")


def read_card(file: Path) -> Card:
    """Raises `InputError` or `ProtocolError`."""
    return check_card(_read(file, Card))


def read_invitation(file: Path) -> Invitation:
    """Raises `InputError`."""
    return _read(file, Invitation)


def cards(folder: Path) -> tuple[list[Card], list[str]]:
    """All cards of a folder, and what is wrong with the other files."""
    found, wrong = [], []
    for file in sorted(folder.glob("*.json"))[:MAX_CARDS]:
        try:
            found.append(read_card(file))
        except (InputError, ProtocolError) as error:
            wrong.append(f"{file.name}: {error.what}")
    return found, wrong


def flower_key(file: Path) -> tuple[bytes, bytes]:
    """Private and public key of a SuperNode, made when there are none (mode 0600)."""
    from flwr.supercore.primitives import asymmetric

    if not file.exists():
        private, _ = asymmetric.generate_key_pairs()
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(asymmetric.private_key_to_bytes(private))
        except OSError as error:
            raise OutputError(f"{file} cannot be written: {error.strerror}", "Check the folder's owner.") from error
    try:
        raw = file.read_bytes()
        return raw, asymmetric.public_key_to_bytes(asymmetric.bytes_to_private_key(raw).public_key())
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is no key: {error}", "Delete it, and send the coordinator a new card.") from error


def _read(file: Path, kind: type[T]) -> T:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
        return msgspec.json.decode(raw, type=kind)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "Check its name.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no {kind.__name__.lower()}: {error}", "Ask for it again.") from error


def _proven(contributor: str) -> bytes:
    return NODE_DOMAIN + contributor.encode()


def _signed(card: Card) -> bytes:
    return DOMAIN + blake3(canonical.pack(card)).digest()
