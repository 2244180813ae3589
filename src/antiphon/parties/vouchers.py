"""Who signs vouchers, and who keeps them: what a client and a producer are given where a ledger has a chain."""

from __future__ import annotations

from typing import Protocol

from antiphon.ledger.vouchers import Funds, Heard


class Wallet(Protocol):
    """A client's: it has the chain key that opened the session."""

    @property
    def address(self) -> str:
        """Of that key."""

    async def sign(self, funds: Funds, producer: str, heard: Heard) -> Heard:
        """`heard` with the chain key's signature, for the producer with this node id.

        Raises AntiphonError for a session of another key, or a producer that the chain does not know."""


class Collector(Protocol):
    """A producer's: it knows what the chain says, and keeps what it was given."""

    async def expect(self, funds: Funds) -> None:
        """Raise AntiphonError unless the chain has this part of this session, unspent, and for long enough."""

    def take(self, funds: Funds, heard: Heard) -> None:
        """Keep a part's voucher instead of the one before.

        Raises ProtocolError unless the session's client signed it."""
