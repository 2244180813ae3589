"""What an asset is: a card and its files by hash. The asset's id is the hash of that, signed by who has it.

id = SHA-256("antiphon/1 asset" 00 || canonical(manifest)), in hex. Whose it is, what it was made from and who gets what
is no part of it: the registry holds that (`ledger.assets`), so that the same weights are the same asset whoever brings
them.
"""

from __future__ import annotations

import hashlib
import math
import re

import msgspec

from antiphon.clock import Clock
from antiphon.errors import InputError, ProtocolError
from antiphon.protocol import canonical, envelope
from antiphon.protocol.identity import Identity

ASSET_KIND = "asset"
FORMAT = "antiphon asset 1"
MAX_FILES = 64
MAX_FILE_BYTES = 8 << 30
MAX_MANIFEST_BYTES = 64 << 10
MAX_NAME_CHARS, MAX_SUMMARY_CHARS = 64, 500
MAX_FIGURES = 32
WEIGHTS = (".safetensors", ".onnx")
CONFIG = (".json", ".txt", ".md")
SAMPLES = (".wav", ".flac", ".opus", ".ogg", ".mid")

_DOMAIN = b"antiphon/1 asset\0"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class AssetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. Raises `InputError` for a name or a size that none can have."""

    name: str
    size: int  # bytes
    sha256: str  # hex

    def __post_init__(self) -> None:
        if not _FILE.fullmatch(self.name) or not self.name.lower().endswith((*WEIGHTS, *CONFIG, *SAMPLES)):
            known = " ".join((*WEIGHTS, *CONFIG, *SAMPLES))
            raise InputError(f"{self.name[:80]!r} is no file of an asset", f"Weights are never pickled; known: {known}")
        if not 0 < self.size <= MAX_FILE_BYTES:
            raise InputError(f"{self.name} has {self.size:,} bytes, not 1 to {MAX_FILE_BYTES:,}")
        if not _SHA256.fullmatch(self.sha256):
            raise InputError(f"{self.name} has no SHA-256", "It has 64 lower-case hex digits.")


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people read. `engine`: which one runs it; `rounds` of training together; `figures`: by its makers.
    Raises `InputError` for what is out of bounds."""

    name: str
    version: str
    licence: str
    engine: str = ""
    summary: str = ""
    rounds: int = 0
    figures: dict[str, float] = {}

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("version", self.version), ("licence", self.licence)):
            _check_text(what, text, MAX_NAME_CHARS, required=True)
        _check_text("engine", self.engine, MAX_NAME_CHARS)
        _check_text("summary", self.summary, MAX_SUMMARY_CHARS)
        if not 0 <= self.rounds < 1 << 32 or len(self.figures) > MAX_FIGURES:
            raise InputError(f"A card has a number of rounds and at most {MAX_FIGURES} figures")
        for name, value in self.figures.items():
            _check_text("figure", name, MAX_NAME_CHARS, required=True)
            if not math.isfinite(value):
                raise InputError(f"The figure {name} is {value}", "Measure it, or leave it out.")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card and the files, by name. Raises `InputError`."""

    card: Card
    files: tuple[AssetFile, ...]
    format: str = FORMAT

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if self.format != FORMAT:
            raise InputError(f"{self.format[:40]!r} is no format of assets", f"This version reads {FORMAT!r}.")
        if not 1 <= len(names) <= MAX_FILES or names != sorted(set(names)):
            raise InputError(f"An asset has 1 to {MAX_FILES} files, each once, in the order of their names")
        if not any(name.lower().endswith(WEIGHTS) for name in names):
            raise InputError("There are no weights", f"Weights are {' or '.join(WEIGHTS)}.")

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class SignedManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A verified manifest, and who signed it."""

    asset: str
    owner: str
    manifest: Manifest


def asset_id(manifest: Manifest) -> str:
    """The content hash, in hex."""
    return hashlib.sha256(_DOMAIN + canonical.encode(manifest)).hexdigest()


def sign(owner: Identity, manifest: Manifest, clock: Clock) -> bytes:
    """The envelope that a store keeps beside the files; its receiver is its sender."""
    body = canonical.encode(manifest)
    if len(body) > MAX_MANIFEST_BYTES:
        raise InputError(f"The manifest has {len(body):,} bytes, more than {MAX_MANIFEST_BYTES:,}", "Shorten the card.")
    return envelope.sign(owner, kind=ASSET_KIND, receiver=owner.node_id, task="", body=body, clock=clock)


def open_signed(raw: bytes, asset: str = "") -> SignedManifest:
    """Verify signature, form and hash. Raises `ProtocolError` for what is unsigned, forged or not `asset` (if given),
    `InputError` for what no asset can be."""
    message = envelope.verify_at(raw, limit=MAX_MANIFEST_BYTES + 4_096)
    if message.kind != ASSET_KIND or message.receiver != message.sender or message.task:
        raise ProtocolError(f"A signed {message.kind!r} is no asset", "The store holds something else.")
    manifest = canonical.decode(Manifest, message.body)
    found = hashlib.sha256(_DOMAIN + message.body).hexdigest()
    if asset and found != asset:
        raise ProtocolError(
            f"The store has {found[:12]} where {asset[:12]} belongs", "Do not use it; ask another store."
        )
    return SignedManifest(asset=found, owner=message.sender, manifest=manifest)


def _check_text(what: str, text: str, most: int, *, required: bool = False) -> None:
    if required and not text.strip():
        raise InputError(f"The card has no {what}", f"Give one: --{what}")
    if len(text) > most or not text.isprintable():
        raise InputError(f"The card's {what} has more than {most} characters, or some that cannot be printed")
