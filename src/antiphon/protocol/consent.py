"""Consent: who allowed whom to use whose voice, for what, until when. Signed, and named by its hash.

Without a valid grant no engine, node or door clones (DESIGN.md, decision 8). What a signature cannot prove is that the
grantor is the person in the recording: it proves who said so, and the receipt keeps it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from antiphon.clock import Clock
from antiphon.errors import InputError, ProtocolError
from antiphon.protocol import canonical, envelope
from antiphon.protocol.identity import Identity, check_node_id
from antiphon.services import MAX_GRANT_BYTES, CloneRequest, EnrolRequest, Request

CONSENT_KIND = "consent"
ANYBODY = ""
MAX_SUBJECT_CHARS = 200
MAX_REFERENCES = 64
REFERENCE_BYTES = 32
MAX_TERM_MS = 3_653 * 86_400_000
"""Ten years with their leap days: nobody can foresee longer what will be done with a voice."""
MAX_ROYALTY_PPM = 300_000
"""Most that one consent can ask."""
GRANT_COMMAND = "antiphon consent grant"
_LAST_MS = 253_402_300_799_999  # the end of the year 9999: later moments have no date


class Use(StrEnum):
    """What a voice may be used for."""

    ENROL = "enrol"  # make a voice profile
    SPEAK = "speak"  # texts in the voice
    CONVERT = "convert"  # recordings of other people in the voice


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of a consent envelope; its sender is the grantor. Raises `InputError` for a value outside its limits."""

    subject: str  # whose voice, in words for people
    references: tuple[bytes, ...]  # `Clip.sha256` of each recording it covers
    uses: tuple[Use, ...]
    grantee: str  # node id of the client who may, or ANYBODY
    not_before_ms: int
    until_ms: int  # the first moment at which it is over
    royalty_ppm: int | msgspec.UnsetType = msgspec.UNSET  # of what the work costs: asked for each use in the network

    def __post_init__(self) -> None:
        if not self.subject.strip() or not self.subject.isprintable() or len(self.subject) > MAX_SUBJECT_CHARS:
            raise InputError(
                f"A consent says whose voice it is about in 1-{MAX_SUBJECT_CHARS} printable characters",
                "Write a name, e.g. --subject 'Ada Lovelace'.",
            )
        if not 1 <= len(set(self.references)) == len(self.references) <= MAX_REFERENCES:
            raise InputError(f"A consent covers 1-{MAX_REFERENCES} different recordings", "Name each of them once.")
        if any(len(reference) != REFERENCE_BYTES for reference in self.references):
            raise InputError("A consent names recordings by SHA-256 hashes of 32 bytes", "Use Clip.sha256.")
        if not 1 <= len(set(self.uses)) == len(self.uses):
            raise InputError("A consent names at least one use, and each once", f"Uses: {', '.join(Use)}.")
        if not 0 <= self.not_before_ms < self.until_ms <= _LAST_MS:
            raise InputError("A consent begins before it ends", "Give a later end.")
        if self.until_ms - self.not_before_ms > MAX_TERM_MS:
            raise InputError("A consent lasts at most ten years", "Give an earlier end, and renew it then.")
        if not 0 <= self.asked_ppm <= MAX_ROYALTY_PPM:
            raise InputError(f"A consent asks for at most {MAX_ROYALTY_PPM / 10_000:g}% of what the work costs")
        if self.grantee != ANYBODY:
            _check_grantee(self.grantee)

    @property
    def asked_ppm(self) -> int:
        """What each use brings the grantor, as a share of what the producer is paid."""
        return 0 if isinstance(self.royalty_ppm, msgspec.UnsetType) else self.royalty_ppm


class GrantRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ledger knows a grant by. Only `grantor` can revoke it."""

    grantor: str
    id: str


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A verified grant."""

    id: str
    grantor: str
    grant: Grant

    @property
    def ref(self) -> GrantRef:
        return GrantRef(grantor=self.grantor, id=self.id)


def sign_grant(grantor: Identity, grant: Grant, clock: Clock) -> bytes:
    """The envelope that carries a grant; its receiver is the grantor, for it is addressed to nobody in particular."""
    body = canonical.encode(grant)
    return envelope.sign(grantor, kind=CONSENT_KIND, receiver=grantor.node_id, task="", body=body, clock=clock)


def grant_id(raw: bytes) -> str:
    """The name of a grant in operations and receipts: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(raw).hexdigest()[:32]


def open_grant(raw: bytes) -> Consent:
    """Verify the signature and the form, whatever the time and use.

    1. It is there at all, 2. within its size, 3. a readable, canonical, well-formed envelope with its sender's
    signature (`envelope.verify_at`), 4. a consent and nothing else that its sender signed, 5. canonical and within the
    limits of `Grant`. Raises `InputError` for 1, 2, 4 and limits, `ProtocolError` for what is forged or unreadable.
    """
    if not raw:  # 1
        raise InputError("There is no consent to use this voice", f"Get one from its owner: {GRANT_COMMAND} --help")
    if len(raw) > MAX_GRANT_BYTES:  # 2
        raise InputError(f"A consent of {len(raw)} bytes is none: at most {MAX_GRANT_BYTES}", "Check the file.")
    signed = envelope.verify_at(raw)  # 3
    if signed.kind != CONSENT_KIND:  # 4
        raise InputError(f"A signed {signed.kind!r} is no consent", f"Sign one: {GRANT_COMMAND} --help")
    if signed.receiver != signed.sender or signed.task:
        raise ProtocolError("The consent is addressed to somebody, or bound to a task", "Ask for a new one.")
    return Consent(id=grant_id(raw), grantor=signed.sender, grant=canonical.decode(Grant, signed.body))  # 5


def check_terms(consent: Consent, *, at_ms: int, grantee: str = ANYBODY) -> None:
    """Raise `InputError` unless the grant is in force at that moment, and `grantee` (when given) may rely on it."""
    grant, name = consent.grant, f"The consent of {consent.grant.subject!r}"
    if at_ms < grant.not_before_ms:
        raise InputError(f"{name} is not valid before {moment(grant.not_before_ms)}", "Wait, or ask for another one.")
    if at_ms >= grant.until_ms:
        raise InputError(f"{name} expired on {moment(grant.until_ms)}", "Ask for a new one.")
    if grantee != ANYBODY and grant.grantee not in (ANYBODY, grantee):
        raise InputError(
            f"{name} was given to {grant.grantee[:12]}..., not to {grantee[:12]}...",
            f"Ask for one with: {GRANT_COMMAND} --to {grantee}",
        )


def require(raw: bytes, *, reference: bytes, use: Use, at_ms: int, grantee: str = ANYBODY) -> Consent:
    """The consent, if it allows this: names the reference, the use, this moment, and `grantee` (when given).

    Raises `InputError` that names what is missing, expired or foreign, and `ProtocolError` for what is forged.
    Absent = refused.
    """
    consent = open_grant(raw)
    name = f"The consent of {consent.grant.subject!r}"
    if reference not in consent.grant.references:
        raise InputError(f"{name} does not cover this recording", "Ask for one that names it, or use the one it names.")
    if use not in consent.grant.uses:
        allowed = ", ".join(consent.grant.uses)
        raise InputError(f"{name} does not allow to {use}, only: {allowed}", f"Ask for one with --for {use}.")
    check_terms(consent, at_ms=at_ms, grantee=grantee)
    return consent


def require_for(request: Request, *, at_ms: int, grantee: str = ANYBODY) -> Consent | None:
    """The consent that a request carries, if it allows just this request. None: the request needs none.

    Raises as `require`. Engines, nodes and doors all ask here, so nothing can need a consent in one of them only.
    """
    uses: tuple[Use, ...]
    match request:
        case EnrolRequest():  # a profile is tried by letting it speak
            reference, uses = request.reference.sha256, (Use.ENROL, Use.SPEAK)
        case CloneRequest():
            reference, uses = request.profile.reference, (Use.SPEAK if request.speech is None else Use.CONVERT,)
        case _:
            return None
    *_, consent = (require(request.consent, reference=reference, use=use, at_ms=at_ms, grantee=grantee) for use in uses)
    return consent


def moment(ms: int) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _check_grantee(grantee: str) -> None:
    try:
        check_node_id(grantee)
    except ProtocolError as e:
        raise InputError(e.what, "Give the id that `antiphon account` prints, or nobody in particular.") from e
