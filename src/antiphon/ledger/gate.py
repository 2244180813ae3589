"""The door of a served ledger: what strangers send costs those who have something to lose here next to nothing.

1. Whoever has money or stake on the ledger has a rate of operations of its own, which grows with it up to a full one
   (`Rates.full_nano`): so dust on many keys buys no more than the same on one. A refused operation counts ten times.
   The ledger's operator has no limit.
   One of more than 2 KB counts by its size: a task of a thousand parts is as much work as a thousand operations.
2. All others, and whoever has less than a hundredth of that, share one small rate, however many they are.
3. A repeated envelope counts as a stranger's: anybody can send what was signed by somebody else. The same holds for
   one whose signature is wrong.
4. Whether a sender has something is asked of the ledger, of each that has once a minute: a limit on these questions
   would let strangers keep those out who come with money for the first time.
Beyond a limit the answer is "busy", before anything is verified or written.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from antiphon.economy.types import NANO
from antiphon.errors import BusyError
from antiphon.ledger.base import Ledger
from antiphon.ledger.limits import MAX_OPERATION_BYTES
from antiphon.ledger.records import Account
from antiphon.protocol import canonical
from antiphon.protocol.envelope import MAX_AGE_MS, MAX_AHEAD_MS, Envelope

MAX_IDENTITIES = 20_000
MAX_REMEMBERED = 100_000
REMEMBER_S = (MAX_AGE_MS + MAX_AHEAD_MS) / 1000
"""An envelope that is older is refused by its time."""
KNOWN_S = 60.0
MIN_SHARE = 0.01
"""Whoever has less than this share of `Rates.full_nano` asks with the strangers."""
REFUSED_COSTS = 10.0
SMALL_BYTES, BYTES_PER_TOKEN = 2_048, 128


@dataclass(frozen=True, slots=True)
class Rates:
    """Operations a second, and how many may come at once."""

    identity_per_s: float = 200.0
    identity_burst: float = 2_000.0
    full_nano: int = 10 * NANO  # what an identity has to have for that; with less it may ask for less
    strangers_per_s: float = 20.0  # all together
    strangers_burst: float = 200.0
    expire_per_s: float = 20.0


class Bucket:
    """Tokens that come back with time."""

    def __init__(self, per_s: float, burst: float, now: Callable[[], float]) -> None:
        self._per_s, self._burst, self._now = per_s, burst, now
        self._level, self._at_s = burst, now()

    def take(self, tokens: float = 1.0) -> float:
        """0 if they were there; else the seconds until they are, and nothing is taken. Never more than come at once."""
        tokens = min(tokens, self._burst)
        now_s = self._now()
        self._level = min(self._burst, self._level + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._level < tokens:
            return (tokens - self._level) / self._per_s
        self._level -= tokens
        return 0.0

    def resize(self, per_s: float, burst: float) -> None:
        """From now on so many; what is there stays, up to the new limit."""
        self.take(0)
        self._per_s, self._burst, self._level = per_s, burst, min(self._level, burst)

    def charge(self, tokens: float) -> None:
        """Take them even if they are not there; a negative number gives them back."""
        self._level = max(-self._burst, self._level - tokens)


class Gate:
    """Admits operations to `ledger`, whose operator is `operator`."""

    def __init__(
        self, ledger: Ledger, operator: str, rates: Rates | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._operator, self._rates, self._now = ledger, operator, rates or Rates(), now
        rates = self._rates
        self._strangers = Bucket(rates.strangers_per_s, rates.strangers_burst, now)
        self._expiring = Bucket(rates.expire_per_s, rates.expire_per_s, now)
        self._known: OrderedDict[str, tuple[float, Bucket]] = OrderedDict()
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    async def admit(self, raw: bytes) -> Bucket | None:
        """Whose rate the operation counts against; None: nobody's. Raises BusyError, ProtocolError if unreadable."""
        sender = canonical.parse(Envelope, raw, limit=MAX_OPERATION_BYTES).sender
        if sender == self._operator and not self._is_repeated(raw):
            return None
        own = self._strangers if self._is_repeated(raw) else await self._bucket(sender)
        whose = "of strangers" if own is self._strangers else "of yours"
        self._take(own, _tokens(raw), f"The ledger takes no more operations {whose} now")
        self._remember(raw)
        return own

    def may_expire(self) -> bool:
        """Whether somebody's call to let deadlines pass is worth it; the ledger keeps time itself."""
        return not self._expiring.take()

    def refused(self, bucket: Bucket | None, *, forged: bool) -> None:
        """The operation was refused. A forged one says nothing about its sender."""
        if forged:
            self._strangers.charge(REFUSED_COSTS)
            if bucket is not None:
                bucket.charge(-1.0)
        elif bucket is not None:
            bucket.charge(REFUSED_COSTS - 1)

    async def _bucket(self, sender: str) -> Bucket:
        found = self._known.get(sender)
        if found is not None and self._now() - found[0] < KNOWN_S:
            self._known.move_to_end(sender)
            return found[1]
        share = min(1.0, _worth(await self._ledger.account(sender)) / self._rates.full_nano)
        per_s, burst = share * self._rates.identity_per_s, share * self._rates.identity_burst
        if share < MIN_SHARE:
            self._known.pop(sender, None)
            return self._strangers
        own = found[1] if found else Bucket(per_s, burst, self._now)
        own.resize(per_s, burst)
        self._known[sender] = (self._now(), own)
        self._known.move_to_end(sender)
        while len(self._known) > MAX_IDENTITIES:
            self._known.popitem(last=False)
        return own

    @staticmethod
    def _take(bucket: Bucket, tokens: float, what: str) -> None:
        if wait_s := bucket.take(tokens):
            raise BusyError(what, "Retry later.", retry_after_s=wait_s)

    def _is_repeated(self, raw: bytes) -> bool:
        at_s = self._seen.get(hashlib.sha256(raw).digest())
        return at_s is not None and self._now() - at_s < REMEMBER_S

    def _remember(self, raw: bytes) -> None:
        self._seen[hashlib.sha256(raw).digest()] = self._now()
        while len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)


def _tokens(raw: bytes) -> float:
    return 1.0 if len(raw) <= SMALL_BYTES else len(raw) / BYTES_PER_TOKEN


def _worth(account: Account) -> int:
    return account.balance_nano + account.stake_nano + account.unbonding_nano + account.escrow_nano
