"""The judge of sold data: is the key the one that was offered, and does it open what the offer's hashes promise?"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile
from antiphon.errors import AntiphonError, InputError, ProtocolError, UnavailableError
from antiphon.genki.sharing import sealed
from antiphon.genki.sharing.offer import SERVICE, SharedClip, SignedOffer, open_offer, open_sale
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.metric import Metric
from antiphon.objects import ObjectStore, opened
from antiphon.protocol import TaskKey
from antiphon.services import CustomRequest, Request

LOOKED_AT_BYTES = 64 << 20
"""So much of a large collection is opened, by clips that the draw of the validators chooses; one clip at least."""

KEY = Metric(
    judge="sale", name="key", unit="bool", title="key that was offered", better="higher",
    source="the seller's signature for this order, and SHA-256",
)  # fmt: skip
CONTENT = Metric(
    judge="sale", name="content", unit="ratio", title="clips that are what was offered", better="higher",
    source="SHA-256 of what the key opens; clips drawn by the round's beacon, up to 64 MiB",
)  # fmt: skip
PROFILE = ScoringProfile(
    name="data",
    source="a sale is the key to what was offered, or none",
    terms=(ScoreTerm(key=CONTENT.key, weight=1, zero=0, one=1, source="all of it was offered"),),
    limits=(
        Limit(key=KEY.key, min=1, certain=True, source="another key opens nothing"),
        Limit(key=CONTENT.key, min=1, required=True, source="what was paid for is all of it"),
    ),
)


def offered_in(request: Request) -> tuple[SignedOffer, str]:
    """The offer that an order of data names, and the order's nonce. Raises `InputError` and `ProtocolError`."""
    if not isinstance(request, CustomRequest) or request.service != SERVICE:
        raise InputError("This is no order of data", "Send it to another node.")
    try:
        raw = base64.b64decode(str(request.options.get("offer", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("The order names no offer", "Order by: antiphon data buy") from error
    nonce = str(request.options.get("nonce", ""))
    if not nonce:
        raise InputError("The order has no nonce", "Order by: antiphon data buy")
    return open_offer(raw, request.voice), nonce


def order_of(offer: SignedOffer, nonce: str) -> CustomRequest:
    """One copy of what is offered: one unit."""
    options: dict[str, str | int | float | bool] = {"offer": base64.b64encode(offer.raw).decode(), "nonce": nonce}
    return CustomRequest(service=SERVICE, text="1", voice=offer.id, options=options)


class DataJudge:
    """Opens what the key should open. It reads the store that its machine names, and no address out of an order."""

    name: ClassVar[str] = "data"
    metrics: ClassVar[tuple[Metric, ...]] = (KEY, CONTENT)
    capabilities = JudgeCapabilities(service=SERVICE)

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        store: str = ""  # a folder or a URL

    def __init__(self, options: Options, tools: Tools) -> None:  # noqa: ARG002 - a judge's shape
        self._store = options.store

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        """Inconclusive where the store does not have what the seller signed: that is nobody's fault here."""
        offer, nonce = offered_in(request)
        try:
            key = open_sale(delivery.data or b"", offer, nonce)
        except (ProtocolError, InputError):
            return KEY.measured(0), CONTENT.unmeasured("the key is another")
        if not self._store:
            return KEY.measured(1), CONTENT.unmeasured("this validator has no store: --judge-option data.store=PLACE")
        try:
            return KEY.measured(1), self._content(opened(self._store), offer, key, delivery.places)
        except AntiphonError as error:
            return KEY.measured(1), CONTENT.unmeasured(f"{error.what[:200]}")

    def profile(self, request: Request) -> ScoringProfile:  # noqa: ARG002 - a judge's shape
        return PROFILE

    def _content(self, store: ObjectStore, offer: SignedOffer, key: TaskKey, places: bytes) -> Measurement:
        draw = random.Random(places)  # noqa: S311 - the draw chooses, and shows that it did
        # A clip comes first as often as its part of all bytes is, so none is too large to be found out.
        clips = sorted(sealed.read_listing(store, offer).clips, key=lambda clip: draw.expovariate(clip.size))
        looked_at = good = size = 0
        for clip in clips:
            if looked_at and size + clip.size > LOOKED_AT_BYTES:
                continue
            good += _opens(store, offer, clip, key)
            looked_at, size = looked_at + 1, size + clip.size
        return CONTENT.measured(good / looked_at)


def _opens(store: ObjectStore, offer: SignedOffer, clip: SharedClip, key: TaskKey) -> bool:
    """Raises `UnavailableError` for what the store is to blame for."""
    try:
        for _ in sealed.opened_pieces(key, clip, _held(store, offer, clip)):
            pass
    except ProtocolError:
        return False
    return True


def _held(store: ObjectStore, offer: SignedOffer, clip: SharedClip) -> Iterator[bytes]:
    try:
        yield from sealed.sealed_pieces(store, offer, clip)
    except ProtocolError as error:
        raise UnavailableError(error.what, error.hint) from error
