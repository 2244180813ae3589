"""What an appraiser runs: the shares of a round of a federation, from what was committed."""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.genki.voting.judge import SERVICE, Appraiser, members, ordered
from antiphon.ledger.operations import ServiceOffer
from antiphon.parties.messages import DATA
from antiphon.protocol import canonical
from antiphon.services import Request

ENGINE = "appraiser"
PRICE_NANO = 50_000


class AppraisalRunner:
    """An `EngineRunner`; its results are appraisals."""

    form = DATA

    def __init__(self, appraiser: Appraiser, price_nano: int = PRICE_NANO) -> None:
        self._appraiser, self._price_nano = appraiser, price_nano

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return (ServiceOffer(service=SERVICE, price_nano=self._price_nano, engine=ENGINE),)

    def check(self, request: Request) -> None:
        ordered(request)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - the round's beacon is the seed
        id_, part = ordered(request)
        found = self._appraiser.appraisal(id_)
        members(found, part)
        yield canonical.encode(found)
