"""Keys between one validator and one miner: wrapped once, good for the orders of some minutes.

1. A validator makes a session for each card it takes, and sends the wrapped key with every order: a miner that
   restarted or forgot opens it again, so nobody has to agree on what the other still knows.
2. A session's key seals nothing itself. Each brief and each answer has a key of its own, derived (HKDF) with a random
   salt from the session's and from a context that names subnet, order, miner, validator and direction
   (`messages.Names`).
3. Who is authentic is said by each request's signature, never by a session.
4. A miner keeps one session of each validator, and none longer than `KEPT_S`. Whoever takes a session's key from memory
   reads that session's orders and no others; whoever takes the miner's sealing key reads all that was recorded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from antiphon.protocol import Identity, TaskKey
from antiphon.protocol.sealing import unwrap, wrap
from antiphon.subnet.messages import Card, session_context

KEPT_S = 600.0
"""By a miner: twice a card's life, and longer than the longest deadline."""


@dataclass(frozen=True, slots=True)
class Session:
    """A validator's side."""

    key: TaskKey
    wrapped: bytes

    @classmethod
    def new(cls, card: Card, validator: str) -> Session:
        """For the miner that signed `card`. Raises ProtocolError if its sealing key is none."""
        key = TaskKey.generate()
        return cls(key, wrap(key, card.seal_public, session_context(card.netuid, card.hotkey, validator)))


class _Opened(NamedTuple):
    wrapped: bytes
    key: TaskKey
    until_s: float


class Sessions:
    """A miner's side: the newest session of each validator."""

    def __init__(self, identity: Identity, netuid: int, miner: str) -> None:
        self._identity, self._netuid, self._miner = identity, netuid, miner
        self._opened: dict[str, _Opened] = {}

    def open(self, validator: str, wrapped: bytes) -> TaskKey:
        """The key of the session that `validator`, whose signature was checked, names. Raises ProtocolError for one
        that is wrapped for another miner, or by another validator."""
        now_s = time.monotonic()
        known = self._opened.get(validator)
        if known is not None and known.wrapped == wrapped and now_s < known.until_s:
            return known.key
        key = unwrap(self._identity, wrapped, session_context(self._netuid, self._miner, validator))
        self._opened = {who: one for who, one in self._opened.items() if now_s < one.until_s}
        self._opened[validator] = _Opened(wrapped, key, now_s + KEPT_S)
        return key

    def __len__(self) -> int:
        return len(self._opened)
