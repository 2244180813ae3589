"""What the ledger answered to each envelope, so that a repeated one hears the same again and changes nothing."""

from __future__ import annotations

from hashlib import sha256

from antiphon import errors
from antiphon.errors import (
    AntiphonError,
    ConflictError,
    FundsError,
    InputError,
    ProtocolError,
    RepeatedError,
    UnavailableError,
)
from antiphon.ledger.sql.database import Connection
from antiphon.protocol.envelope import MAX_AGE_MS, MAX_AHEAD_MS, Envelope

KEEP_MS = 2 * (MAX_AGE_MS + MAX_AHEAD_MS)
"""How long refusals and heartbeats are remembered: by then their envelopes are stale and refused anyway."""
PRUNE_ROWS = 200
"""Most forgotten at a time."""

_ANSWERS = (ConflictError, FundsError, InputError, UnavailableError)
"""Refusals that follow from the state of the ledger. Others (a full disk, say) are not answers and not kept."""


def is_answer(error: BaseException) -> bool:
    """Whether an error is an answer to keep: the same envelope must not be tried again."""
    return isinstance(error, _ANSWERS) and not isinstance(error, errors.BusyError)


def recall(db: Connection, message: Envelope, raw: bytes) -> bool:
    """Whether this envelope was applied before. Raises the first answer when that was a refusal."""
    row = db.execute(
        "SELECT sha256, error, what, hint FROM envelopes WHERE sender = ? AND nonce = ?",
        (message.sender, message.nonce),
    ).fetchone()
    if row is None:
        return False
    digest, error, what, hint = row
    if digest != sha256(raw).digest():
        raise RepeatedError("The nonce was used before for another message", "Sign a new one.")
    if error is not None:
        raise _refusal(error, what, hint)
    return True


def refuse(db: Connection, message: Envelope, raw: bytes, error: AntiphonError, at_ms: int) -> None:
    """Keep a refusal."""
    db.execute(
        "INSERT INTO envelopes (sender, nonce, sha256, at_ms, task, error, what, hint) "
        "VALUES (?, ?, ?, ?, '', ?, ?, ?)",
        (message.sender, message.nonce, sha256(raw).digest(), at_ms, type(error).__name__, error.what, error.hint),
    )


def check_fresh(message: Envelope, now_ms: int) -> None:
    """Raise ProtocolError for a message that is too old, or ahead of the ledger's clock."""
    if message.time_ms < now_ms - MAX_AGE_MS:
        age_s = (now_ms - message.time_ms) / 1000
        raise ProtocolError(f"The message is stale: signed {age_s:.1f} s ago", "Sign it anew; check the clock.")
    if message.time_ms > now_ms + MAX_AHEAD_MS:
        raise ProtocolError("The message is from the future", "Check both clocks.")


def prune(db: Connection, now_ms: int) -> None:
    """Forget what is too old to be repeated."""
    db.execute(
        "DELETE FROM envelopes WHERE seq IN "
        "(SELECT seq FROM envelopes WHERE raw IS NULL AND at_ms < ? ORDER BY at_ms LIMIT ?)",
        (now_ms - KEEP_MS, PRUNE_ROWS),
    )


def _refusal(name: str, what: str, hint: str) -> AntiphonError:
    kind = {kind.__name__: kind for kind in _ANSWERS}[name]
    return kind(what, hint)
