"""Being paid for what others order here: x402 over the chain that the chain file names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from antiphon.door import sessions
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.ledger.evm.x402 import Facilitator, Payment

__all__ = ["Charge", "Till", "till"]


class Charge:
    """A payment that is held for one request."""

    def __init__(self, facilitator: Facilitator, payment: Payment) -> None:
        self._facilitator, self._payment = facilitator, payment

    async def settle(self) -> str:
        """Take the money; the header PAYMENT-RESPONSE. Raises AntiphonError: nothing was paid."""
        return await self._facilitator.settle(self._payment)

    def release(self) -> None:
        """Take nothing."""
        self._facilitator.release(self._payment)


class Till:
    """What is asked for a request, and what is given for it."""

    def __init__(self, facilitator: Facilitator) -> None:
        self._facilitator = facilitator

    def required(self, nano: int, url: str, error: str) -> str:
        """The header PAYMENT-REQUIRED."""
        return self._facilitator.required(nano, url, error)

    async def charge(self, payment: str, nano: int) -> Charge:
        """Hold what the header PAYMENT-SIGNATURE gives. Raises InputError with the reason."""
        return Charge(self._facilitator, await self._facilitator.hold(payment, nano))


@asynccontextmanager
async def till(settings: Settings) -> AsyncIterator[Till]:
    """Paid to the chain key's address, which also pays the gas. Raises InputError when there is no key."""
    from antiphon.ledger.evm.outbox import Fees, Outbox
    from antiphon.ledger.evm.x402 import Facilitator

    key = await sessions.chain_key(settings)
    if key is None:
        raise InputError(
            "There is no chain key to be paid with",
            "Set ANTIPHON_CHAIN_KEY, or ANTIPHON_CHAIN_PASSWORD for the one in the data folder.",
        )
    async with sessions.contracts_of(settings) as contracts:
        file, confirmations = settings.home / "outbox.db", contracts.chain.confirmations
        outbox = await Outbox.open(contracts.rpc, key, file, confirmations=confirmations, fees=Fees())
        yield Till(Facilitator(contracts, outbox, key.address))
