"""Consent: who allowed whom to use whose voice, for what, until when. Signed, and named by its hash.

Without a valid grant no engine, node or door clones (DESIGN.md, decision 8). What a signature cannot prove is that the
grantor is the person in the recording: it proves who said so, and the receipt keeps it.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

from antiphon.clock import Clock
from antiphon.errors import InputError
from antiphon.protocol import canonical, envelope
from antiphon.protocol.identity import Identity

CONSENT_KIND = "consent"
ANYBODY = ""


class Use(StrEnum):
    """What a voice may be used for."""

    ENROL = "enrol"  # make a voice profile
    SPEAK = "speak"  # texts in the voice
    CONVERT = "convert"  # recordings of other people in the voice


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of a consent envelope; its sender is the grantor."""

    subject: str  # whose voice, in words for people
    references: tuple[bytes, ...]  # `Clip.sha256` of each recording it covers
    uses: tuple[Use, ...]
    grantee: str  # node id of the client who may, or ANYBODY
    not_before_ms: int
    until_ms: int


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A verified grant."""

    id: str
    grantor: str
    grant: Grant


def sign_grant(grantor: Identity, grant: Grant, clock: Clock) -> bytes:
    """The envelope that carries a grant; its receiver is the grantor, for it is addressed to nobody in particular."""
    body = canonical.encode(grant)
    return envelope.sign(grantor, kind=CONSENT_KIND, receiver=grantor.node_id, task="", body=body, clock=clock)


def grant_id(raw: bytes) -> str:
    """The name of a grant in operations and receipts: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(raw).hexdigest()[:32]


def open_grant(raw: bytes) -> Consent:
    """Verify the signature, whatever the time and use. Raises `InputError` for what is no consent."""
    raise NotImplementedError


def require(raw: bytes, *, reference: bytes, use: Use, at_ms: int, grantee: str = ANYBODY) -> Consent:
    """The consent, if it allows this: names the reference, the use, this moment, and `grantee` (when given).

    Raises `InputError` that names what is missing, expired or foreign. Absent = refused.
    """
    raise NotImplementedError
