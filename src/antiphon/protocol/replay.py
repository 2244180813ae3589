"""Which messages were seen: bounded, and full means closed, to whoever filled it."""

from __future__ import annotations

import hashlib
import heapq
import threading

from antiphon.errors import BusyError, ProtocolError

DEFAULT_WINDOW_MS = 75_000
"""A little more than a message may be old (60 s) and ahead (10 s)."""
DEFAULT_CAPACITY = 200_000
"""At most this many messages are remembered: 2,600 a second, in about 40 MB."""


class ReplayGuard:
    """Remembers (sender, nonce) until the message is too old to be accepted anyway.

    Rules: 1. a pair is accepted once within its window; 2. a message older than `window_ms`, or signed before
    `not_before_ms` (give the process's start: what it had seen before a restart is forgotten), is refused; 3. a sender
    that has as many messages here as there are places left is refused, rather than old ones forgotten.

    Rule 3 is the dynamic threshold of Choudhury and Hahne (1998): one flooder takes half of the places, n of them n of
    n + 1 parts, and there is room for the next sender. Safe to call from several threads.
    """

    def __init__(
        self, window_ms: int = DEFAULT_WINDOW_MS, capacity: int = DEFAULT_CAPACITY, *, not_before_ms: int = 0
    ) -> None:
        if window_ms <= 0 or capacity <= 0:
            raise ValueError("window_ms and capacity must be positive")
        self.window_ms = window_ms
        self.capacity = capacity
        self.not_before_ms = not_before_ms
        self._seen: set[bytes] = set()
        self._expiry: list[tuple[int, bytes, str]] = []
        self._held: dict[str, int] = {}  # messages of each sender
        self._latest_ms = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def admit(self, sender: str, nonce: bytes, *, time_ms: int, now_ms: int) -> None:
        """Remember a message of a *verified* sender. Raises ProtocolError (replayed, stale) or BusyError (full)."""
        with self._lock:
            key = self._fresh(sender, nonce, time_ms, now_ms)
            held = self._held.get(sender, 0)
            if held >= self.capacity - len(self._seen):
                wait_s = max(0.001, (self._expiry[0][0] - self._latest_ms) / 1000)
                raise BusyError(
                    f"This node remembers {len(self._seen)} messages, {held} of them yours, and takes no more now",
                    "Retry later or elsewhere.",
                    retry_after_s=wait_s,
                )
            self._seen.add(key)
            self._held[sender] = held + 1
            heapq.heappush(self._expiry, (time_ms + self.window_ms, key, sender))

    def check(self, sender: str, nonce: bytes, *, time_ms: int, now_ms: int) -> None:
        """Rules 1 and 2, and nothing remembered: for a sender who has yet to show what he has to do with us."""
        with self._lock:
            self._fresh(sender, nonce, time_ms, now_ms)

    def _fresh(self, sender: str, nonce: bytes, time_ms: int, now_ms: int) -> bytes:
        """The pair's key, if it was not seen and is not too old."""
        # A clock that is set back must not revive what was already forgotten.
        self._latest_ms = max(self._latest_ms, now_ms)
        if time_ms < self.not_before_ms:
            raise ProtocolError("The message is stale: it was signed before this node started", "Sign a new one.")
        if time_ms + self.window_ms <= self._latest_ms:
            raise ProtocolError("The message is stale: older than the replay window", "Sign a new one.")
        self._forget()
        key = hashlib.blake2b(bytes.fromhex(sender) + nonce, digest_size=16).digest()
        if key in self._seen:
            raise ProtocolError("The message was replayed: this nonce was seen before", "Sign a new one.")
        return key

    def _forget(self) -> None:
        while self._expiry and self._expiry[0][0] <= self._latest_ms:
            _, key, sender = heapq.heappop(self._expiry)
            self._seen.discard(key)
            if self._held[sender] > 1:
                self._held[sender] -= 1
            else:
                del self._held[sender]
