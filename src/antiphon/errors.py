"""Every error a user can meet, as one tree.

AntiphonError                     exit code
├── InputError                    2   the request is wrong: text, voice, language, engine, option, reference
├── FundsError                    3   an account or a stake cannot cover what was asked
├── UnavailableError              4   no node is free, all nodes failed, a deadline passed
│   ├── BusyError                     one node answers "not now" (a normal answer; retry elsewhere)
│   ├── UnreachableError              nothing answered at all: no connection, or it broke
│   └── LedgerLostError               one of several relays is gone, or was caught: go on at another
├── RejectedError                 5   validators rejected the work; the client was refunded
├── OutputError                   6   the result cannot be written: disk full, no permission
├── StateError                    7   ledger or key store is damaged, or of another schema
│   └── ConflictError                 an operation does not fit the present state (late vote, double delivery)
├── ModelError                    8   a model is missing or its hash is wrong
├── ProtocolError                 9   a message is unsigned, forged, stale, replayed, truncated or unreadable
│   └── RepeatedError                 its sender used the nonce before, for another message
└── PartialError                 10   the result is there, but parts of it are missing

Each carries what happened and what to do next; `str()` is one line with both.
"""

from __future__ import annotations

import errno
from typing import ClassVar

_FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))


class AntiphonError(Exception):
    """Base of all errors raised on purpose. `what` says what happened, `hint` what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what.rstrip('.')}. {hint}" if hint else what)


class InputError(AntiphonError):
    """The request itself is wrong."""

    exit_code = 2


class MarkupError(InputError):
    """A text's marks are wrong; it says where."""


class FundsError(AntiphonError):
    """An account or stake cannot cover an amount."""

    exit_code = 3


class UnavailableError(AntiphonError):
    """Nobody could do the work in time."""

    exit_code = 4


class BusyError(UnavailableError):
    """One node has no free slot. `retry_after_s` is its own estimate."""

    def __init__(self, what: str, hint: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(what, hint)
        self.retry_after_s = retry_after_s


class UnreachableError(UnavailableError):
    """Nothing answered: the other side may never have heard the question. Never sent as an answer."""


class LedgerLostError(UnavailableError):
    """The relay that a task was opened at does not answer any more, or was caught lying, and others are known."""


class RejectedError(AntiphonError):
    """Validators rejected the work; escrow went back to the client."""

    exit_code = 5


class OutputError(AntiphonError):
    """The result could not be written."""

    exit_code = 6


class StateError(AntiphonError):
    """Stored state is damaged, or was written by another version."""

    exit_code = 7


class ConflictError(StateError):
    """An operation does not fit the present state."""


class ModelError(AntiphonError):
    """A model file is missing or its hash is wrong."""

    exit_code = 8


class ProtocolError(AntiphonError):
    """A message is not authentic, not fresh, or not readable."""

    exit_code = 9


class RepeatedError(ProtocolError):
    """The sender used this nonce before, for another message: that one counts."""


class PartialError(AntiphonError):
    """What could be made is there; the rest is named."""

    exit_code = 10


def is_full(error: OSError) -> bool:
    """Whether there was no room: the disk is full, a quota is spent, a file would be too large."""
    return error.errno in _FULL
