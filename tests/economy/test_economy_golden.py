"""The vectors of a second implementation (`scripts/golden_vectors.py`): everybody draws the same seats and audits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from economy_market import judges, node

from antiphon.economy.audits import audit_beacon
from antiphon.economy.beacon import Chain, Draws, after, both
from antiphon.economy.selection import assign, draw_seats, sample
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import DEFAULT_RULES, MAX_ROUNDS, PPM, Candidate, Part, Role, Rules

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors/economy.json").read_text())
DEAR_PPM = 10**13
"""A penalty at which even the rarest audit pays."""


@pytest.mark.parametrize("one", VECTORS["draws"], ids=lambda one: one["label"] or "empty")
def test_integers_from_a_beacon(one: dict[str, Any]) -> None:
    draws = Draws(bytes.fromhex(one["beacon"]), one["label"])
    assert [str(draws.below(int(each["limit"]))) for each in one["integers"]] == [
        each["drawn"] for each in one["integers"]
    ]


def test_a_chain_from_its_secret_to_its_tip() -> None:
    about = VECTORS["chain"]
    chain = Chain(bytes.fromhex(about["secret"]))
    assert (chain.secret.hex(), chain.tip.hex()) == (about["secret"], about["tip"])
    assert {number: chain.link(int(number)).hex() for number in about["links"]} == about["links"]
    assert after(chain.link(0)) == chain.tip
    assert all(after(chain.link(number + 1)) == chain.link(number) for number in range(MAX_ROUNDS - 1))
    assert chain.link(MAX_ROUNDS - 1) == chain.secret


def test_the_beacon_of_a_draw_takes_both_links_and_the_place() -> None:
    about = VECTORS["beacons"]
    for one in about["drawn"]:
        made = both(
            bytes.fromhex(one["client"]),
            bytes.fromhex(one["ledger"]),
            task=about["task"],
            index=one["index"],
            attempt=one["attempt"],
            round_=one["round"],
        )
        assert made.hex() == one["beacon"]


def test_the_seats_that_a_beacon_draws() -> None:
    for one in VECTORS["seats"]:
        pool = [
            Candidate(node=str(place), price_nano=1, quality_ppm=PPM, weight_nano=weight)
            for place, weight in enumerate(one["weights"])
        ]
        seated = draw_seats(pool, one["seats"], bytes.fromhex(one["beacon"]))
        assert [int(seat.node) for seat in seated] == one["seated"]


def test_which_draws_audit_and_what_opens() -> None:
    for one in VECTORS["audits"]:
        draw, ticket = bytes.fromhex(one["draw"]), one["ticket"]
        opens = audit_beacon(draw, Rules(audit_ppm=ticket + 1, penalty_ppm=DEAR_PPM))
        assert opens is not None
        assert opens.hex() == one["opens_by"]
        assert audit_beacon(draw, Rules(audit_ppm=ticket, penalty_ppm=DEAR_PPM)) is None


def test_the_pool_that_is_drawn_of_many_validators() -> None:
    about = VECTORS["pool"]
    offers = [
        node(name, Role.VALIDATOR, stake=stake)
        for name, stake in zip(about["nodes"], about["free_stake_nano"], strict=True)
    ]
    drawn = sample(offers, DEFAULT_RULES, bytes.fromhex(about["beacon"]))
    assert [offer.node for offer in drawn] == about["pool"]


def test_the_lot_decides_between_producers_of_one_price() -> None:
    makers = [node(name) for name in ("eve", "ann", "cleo", "bea", "dora")]
    for one in VECTORS["lots"]:
        parts = [Part(index=one["part"], units=10)]
        rules = Rules(exploration_ppm=0, failovers=4)
        drawn = assign(parts, Offers({Role.PROCESSOR: makers}, judges(3), rules), bytes.fromhex(one["beacon"]))
        assert [who.node for who in drawn[0].producers] == one["order"]
