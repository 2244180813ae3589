"""x402 in front of an order: who pays by it needs no account here (docs/http-api.md)."""

from __future__ import annotations

import logging

from starlette.requests import Request

from antiphon import AsyncNetwork, Compose, Say
from antiphon.door.paying import Charge, Till
from antiphon.errors import AntiphonError, InputError
from antiphon.gateway.errors import ApiError

REQUIRED, SIGNATURE, RESPONSE = "payment-required", "payment-signature", "payment-response"
"""Headers; they are all there is of a payment."""
log = logging.getLogger(__name__)


class Cashier:
    """Asks for a payment, and takes it when there is something for it."""

    def __init__(self, network: AsyncNetwork, till: Till) -> None:
        self._network, self._till = network, till

    async def charge(self, request: Request, order: Say | Compose) -> Charge:
        """The payment that came with a request. Raises `ApiError` 402 that says what is to be paid."""
        nano = await self._network.price_nano(order)
        payment = request.headers.get(SIGNATURE, "")
        if not payment:
            raise self._asked(request, nano, "Payment required")
        try:
            return await self._till.charge(payment, nano)
        except InputError as error:
            raise self._asked(request, nano, getattr(error, "reason", error.what), str(error)) from error

    def _asked(self, request: Request, nano: int, reason: str, told: str = "") -> ApiError:
        said = told or f"This costs {nano} nano of ANT. The header {REQUIRED.upper()} says how to pay (x402)."
        headers = {REQUIRED: self._till.required(nano, str(request.url), reason)}
        return ApiError(402, "payment_required", said, kind="insufficient_quota", headers=headers)


async def taken(charge: Charge) -> list[tuple[bytes, bytes]]:
    """Take the money, now that there is sound: headers of the answer. Raises `ApiError` 402: nothing is sent."""
    try:
        return [(RESPONSE.encode(), (await charge.settle()).encode())]
    except AntiphonError as error:
        log.warning("a payment failed: %s", error)
        raise ApiError(402, "payment_failed", f"The payment failed: {error}", kind="insufficient_quota") from error
