"""What a seller of data runs: each offer at its own price, and the key of what was ordered as the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from antiphon.clock import Clock
from antiphon.errors import InputError
from antiphon.genki.sharing.judge import offered_in
from antiphon.genki.sharing.offer import SERVICE, SignedOffer, sign_sale
from antiphon.ledger.limits import MAX_OFFERS
from antiphon.ledger.operations import ServiceOffer
from antiphon.parties.messages import DATA
from antiphon.protocol import Identity, TaskKey
from antiphon.services import Request


class SaleRunner:
    """An `EngineRunner`. The ledger knows an offer as a voice of the service: by its id."""

    form = DATA

    def __init__(self, sold: Mapping[str, tuple[SignedOffer, TaskKey]], seller: Identity, clock: Clock) -> None:
        mine = {id_: one for id_, one in sold.items() if one[0].seller == seller.node_id}
        if not 1 <= len(mine) <= MAX_OFFERS:
            raise InputError(
                f"This key sells {len(mine)} collections, not 1 to {MAX_OFFERS}",
                "Share one first: antiphon data share" if not mine else "Withdraw some: antiphon data withdraw",
            )
        self._sold, self._seller, self._clock = mine, seller, clock

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return tuple(
            ServiceOffer(service=SERVICE, price_nano=signed.offer.price_nano, engine=SERVICE, voices=(id_,))
            for id_, (signed, _) in self._sold.items()
        )

    def check(self, request: Request) -> None:
        offer, _ = offered_in(request)
        if offer.id not in self._sold:
            raise InputError(f"{offer.id[:12]} is not sold here", "Ask its seller.")

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - a sale has no seed
        self.check(request)
        offer, nonce = offered_in(request)
        signed, key = self._sold[offer.id]
        yield sign_sale(self._seller, signed, nonce, key, self._clock)
