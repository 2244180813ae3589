"""Which offer serves a request: names only, never text or audio."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.economy.types import Role
from antiphon.ledger.operations import Selector, ServiceOffer


def cheapest(offers: Iterable[ServiceOffer], selector: Selector, role: Role) -> ServiceOffer | None:
    """The cheapest of one node's offers that serves the selector in that role; None if none does."""
    return min((o for o in offers if serves(o, selector, role)), key=lambda o: o.price_nano, default=None)


def serves(offer: ServiceOffer, selector: Selector, role: Role) -> bool:
    """Service and language must match; for producers engine, asset and voice too.

    Empty means any in the selector, and in an offer's languages and voices. A producer's engine is always named.
    """
    if offer.service != selector.service or not _speaks(offer.languages, selector.language):
        return False
    if role is Role.VALIDATOR:
        return True
    if (selector.engine and offer.engine != selector.engine) or (selector.asset and offer.asset != selector.asset):
        return False
    return _sings(offer, selector.voice)


def voices_of(voice: str) -> tuple[str, ...]:
    """The names in `name`, or in a mix `a:0.6+b:0.4`."""
    return tuple(part.partition(":")[0] for part in voice.split("+"))


def _speaks(languages: tuple[str, ...], wanted: str) -> bool:
    """BCP 47, without case: `en` serves `en-us` and `en-gb`; `en-us` serves only itself."""
    if not languages or not wanted:
        return True
    name = wanted.casefold()
    return any(name == own.casefold() or name.startswith(own.casefold() + "-") for own in languages)


def _sings(offer: ServiceOffer, voice: str) -> bool:
    if not voice:
        return True
    names = voices_of(voice)
    if len(names) > 1 and not offer.mixes_voices:
        return False
    return not offer.voices or all(name in offer.voices for name in names)
