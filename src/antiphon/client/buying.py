"""Data bought through the network: the key of an offer is a part of a task, judged before it is paid for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeAlias

from antiphon.client.client import Client, Job
from antiphon.client.events import Artefact, Closed, Opened, Stage
from antiphon.errors import UnavailableError
from antiphon.genki.sharing.judge import order_of
from antiphon.genki.sharing.offer import SERVICE, SignedOffer
from antiphon.ledger.operations import Selector

BuyEvent: TypeAlias = Opened | Stage | Closed | bytes
"""The sale itself is bytes."""


def selector_of(offer: SignedOffer) -> Selector:
    """Whoever offers just this."""
    return Selector(service=SERVICE, engine=SERVICE, voice=offer.id)


async def buy(
    client: Client, offer: SignedOffer, nonce: str, *, max_total_nano: int | None = None
) -> AsyncGenerator[BuyEvent, None]:
    """Buy the key of an offer; the sale comes once it was found valid. Raises as `Client.run`: nobody is paid then."""
    job = Job([order_of(offer, nonce)], selector_of(offer), max_total_nano=max_total_nano, once=True)
    sold = False
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if isinstance(event, Artefact):
                sold = True
                yield event.data
            elif isinstance(event, (Opened, Stage, Closed)):
                yield event
    if not sold:
        raise UnavailableError("The order brought no key", "Run the command again.")
