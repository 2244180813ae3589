"""Signed envelopes: what every message travels in, bound to kind, sender, receiver, task, time and body.

signature = Ed25519("antiphon/2 envelope" 00 || BLAKE3(canonical(header))), the header being the envelope without its
signature and with BLAKE3(body) in place of the body: a quarter of the time of SHA-256, and bodies are long.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection

import msgspec
from blake3 import blake3

from antiphon.clock import Clock
from antiphon.errors import ProtocolError
from antiphon.protocol import canonical
from antiphon.protocol.identity import SIGNATURE_BYTES, Identity, check_node_id, verify
from antiphon.protocol.replay import ReplayGuard

DOMAIN = b"antiphon/2 envelope\0"
NONCE_BYTES = 16
MAX_ENVELOPE_BYTES = canonical.MAX_MESSAGE_BYTES
MAX_AGE_MS = 60_000
"""Default of how old a message may be."""
MAX_AHEAD_MS = 10_000
"""How far a sender's clock may be ahead of the receiver's."""

_KIND = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_TASK = re.compile(r"(?:[0-9a-f]{32})?")


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message. Only `open` and `verify_at` make trustworthy ones."""

    kind: str  # what the body is: 1-64 of a-z 0-9 . -
    sender: str  # node id
    receiver: str  # node id
    task: str  # 32 hex digits, or empty for messages about no task
    time_ms: int  # when it was signed
    nonce: bytes  # 16 random bytes
    body: bytes
    signature: bytes = b""  # 64 bytes; empty = unsigned = rejected

    def __repr__(self) -> str:
        return f"Envelope({self.kind}, {self.sender[:12]}..., task={self.task or '-'}, {len(self.body)} bytes)"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    sender: str
    receiver: str
    task: str
    time_ms: int
    nonce: bytes
    body_blake3: bytes


def signed_bytes(message: Envelope) -> bytes:
    """What the signature of an envelope covers: 52 bytes."""
    header = _Header(
        kind=message.kind,
        sender=message.sender,
        receiver=message.receiver,
        task=message.task,
        time_ms=message.time_ms,
        nonce=message.nonce,
        body_blake3=blake3(message.body).digest(),
    )
    return DOMAIN + blake3(canonical.pack(header)).digest()


def sign(
    identity: Identity, *, kind: str, receiver: str, task: str, body: bytes, clock: Clock, nonce: bytes = b""
) -> bytes:
    """Encode and sign one message. Raises ProtocolError if a field has no valid form.

    `nonce` is for what must count once, however often it is signed; by default it is random.
    """
    message = Envelope(
        kind=kind,
        sender=identity.node_id,
        receiver=receiver,
        task=task,
        time_ms=clock.now_ms(),
        nonce=nonce or secrets.token_bytes(NONCE_BYTES),
        body=body,
    )
    _check_fields(message)
    raw = canonical.pack(msgspec.structs.replace(message, signature=identity.sign(signed_bytes(message))))
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise ProtocolError(
            f"The message is too large: {len(raw)} bytes, the limit is {MAX_ENVELOPE_BYTES}",
            "Send it in smaller parts.",
        )
    return raw


def open(  # noqa: A001 - read as envelope.open
    raw: bytes,
    *,
    receiver: str,
    clock: Clock,
    guard: ReplayGuard | None,
    kinds: Collection[str],
    max_age_ms: int = MAX_AGE_MS,
    limit: int = MAX_ENVELOPE_BYTES,
) -> Envelope:
    """The envelope in `raw`, or a ProtocolError that names the first rule it breaks.

    1 size; 2 readable; 3 signed at all; 4 canonical; 5 well-formed fields; 6 for this receiver; 7 of an expected kind;
    8 neither stale nor from the future; 9 signature; 10 not seen before. Replays come last: only a message that its
    sender really signed may use up memory. `guard=None` is for receivers that recognise repeated nonces themselves.
    """
    if guard is not None and guard.window_ms < max_age_ms + MAX_AHEAD_MS:
        raise ValueError("the replay window must cover max_age_ms + MAX_AHEAD_MS")
    message = _read(raw, limit)  # 1-5
    _check_receiver(message, receiver)  # 6
    if message.kind not in kinds:  # 7
        raise ProtocolError(f"Unknown kind {message.kind!r}", f"Expected: {', '.join(sorted(kinds))}.")
    now_ms = clock.now_ms()
    if message.time_ms < now_ms - max_age_ms:  # 8
        raise ProtocolError(
            f"The message is stale: signed {(now_ms - message.time_ms) / 1000:.1f} s ago",
            "Sign it anew; check the clock.",
        )
    if message.time_ms > now_ms + MAX_AHEAD_MS:
        raise ProtocolError(
            f"The message is from the future: {(message.time_ms - now_ms) / 1000:.1f} s ahead", "Check both clocks."
        )
    verify(message.sender, message.signature, signed_bytes(message))  # 9
    if guard is not None:  # 10
        guard.admit(message.sender, message.nonce, time_ms=message.time_ms, now_ms=now_ms)
    return message


def verify_at(raw: bytes, receiver: str | None = None, *, limit: int = MAX_ENVELOPE_BYTES) -> Envelope:
    """Rules 1-6 and 9: for envelopes kept in receipts, which are old and were seen before. Raises ProtocolError."""
    message = _read(raw, limit)
    if receiver is not None:
        _check_receiver(message, receiver)
    verify(message.sender, message.signature, signed_bytes(message))
    return message


def _read(raw: bytes, limit: int) -> Envelope:
    message = canonical.parse(Envelope, raw, limit=limit)  # 1, 2
    if not message.signature:  # 3
        raise ProtocolError("The message is unsigned", "Sign it with antiphon.protocol.envelope.sign.")
    canonical.require_canonical(message, raw)  # 4
    _check_fields(message)  # 5
    if len(message.signature) != SIGNATURE_BYTES:
        raise ProtocolError(
            f"Bad signature: {len(message.signature)} bytes, not {SIGNATURE_BYTES}", "Sign it with Ed25519."
        )
    return message


def _check_receiver(message: Envelope, receiver: str) -> None:
    if message.receiver != receiver:
        raise ProtocolError(
            f"Wrong receiver: the message is for {message.receiver[:12]}..., not {receiver[:12]}...",
            "Send it to the node that it names.",
        )


def _check_fields(message: Envelope) -> None:
    check_node_id(message.sender)
    check_node_id(message.receiver)
    if not _KIND.fullmatch(message.kind):
        raise ProtocolError(f"{message.kind[:80]!r} is no kind of message", "Use 1-64 of: a-z 0-9 . -")
    if not _TASK.fullmatch(message.task):
        raise ProtocolError(f"{message.task[:80]!r} is not a task id", "Use 32 lower-case hex digits, or none.")
    if message.time_ms < 0:
        raise ProtocolError("The message's time is negative", "Check the sender's clock.")
    if len(message.nonce) != NONCE_BYTES:
        raise ProtocolError(f"The nonce has {len(message.nonce)} bytes, not {NONCE_BYTES}", "Use random bytes.")
