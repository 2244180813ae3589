"""Which offer serves which request."""

from __future__ import annotations

import pytest

from antiphon.economy.types import Role
from antiphon.ledger.matching import cheapest, serves, voices_of
from antiphon.ledger.operations import Selector, ServiceOffer


def offer(**fields: object) -> ServiceOffer:
    return ServiceOffer(**({"service": "speech", "price_nano": 10} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("languages", "wanted", "fits"),
    [
        (("en",), "en-us", True),
        (("en",), "EN-GB", True),
        (("en-us",), "en-us", True),
        (("en-us",), "en-gb", False),
        (("en-us",), "en", False),
        (("e",), "en", False),
        (("de", "ja"), "ja", True),
        ((), "sw", True),
        (("de",), "", True),
    ],
)
def test_a_language_serves_its_regions_and_nothing_else(languages: tuple[str, ...], wanted: str, fits: bool) -> None:
    selector = Selector(service="speech", language=wanted)
    assert serves(offer(languages=languages), selector, Role.PROCESSOR) is fits


@pytest.mark.parametrize(
    ("voices", "mixes", "wanted", "fits"),
    [
        (("anna", "ben"), False, "anna", True),
        (("anna", "ben"), False, "cleo", False),
        (("anna", "ben"), False, "anna:0.6+ben:0.4", False),
        (("anna", "ben"), True, "anna:0.6+ben:0.4", True),
        (("anna", "ben"), True, "anna:0.6+cleo:0.4", False),
        ((), True, "anna:0.6+cleo:0.4", True),
    ],
)
def test_a_mix_needs_all_its_voices_and_an_engine_that_mixes(
    voices: tuple[str, ...], mixes: bool, wanted: str, fits: bool
) -> None:
    selector = Selector(service="speech", voice=wanted)
    assert serves(offer(voices=voices, mixes_voices=mixes), selector, Role.PROCESSOR) is fits


def test_service_and_engine_match_exactly() -> None:
    assert not serves(offer(), Selector(service="music"), Role.PROCESSOR)
    assert serves(offer(engine="kokoro"), Selector(service="speech", engine="kokoro"), Role.PROCESSOR)
    assert not serves(offer(engine="espeak"), Selector(service="speech", engine="kokoro"), Role.PROCESSOR)


def test_a_validator_is_asked_for_its_language_only() -> None:
    selector = Selector(service="speech", language="en-us", engine="kokoro", voice="anna")
    assert serves(offer(languages=("en",)), selector, Role.VALIDATOR)
    assert not serves(offer(languages=("ja",)), selector, Role.VALIDATOR)


def test_of_several_offers_that_fit_the_cheapest_counts() -> None:
    offers = [offer(engine="a", price_nano=30), offer(engine="b", price_nano=20), offer(service="music", price_nano=1)]
    best = cheapest(offers, Selector(service="speech"), Role.PROCESSOR)
    assert best is not None
    assert best.price_nano == 20
    assert cheapest(offers, Selector(service="clone"), Role.PROCESSOR) is None


def test_the_voices_of_a_mix_are_named_without_their_weights() -> None:
    assert voices_of("anna:0.6+ben:0.4") == ("anna", "ben")
    assert voices_of("anna") == ("anna",)
