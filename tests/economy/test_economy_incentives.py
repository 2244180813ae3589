"""Played with votes that were measured: `scripts/measure_honest_readings.py`, `scripts/measure_guessed_readings.py`."""

from __future__ import annotations

from fractions import Fraction

import pytest

from antiphon.bench.incentives import BAD_RATES, CROWDS, MOST, lazy_share, ways
from antiphon.economy.incentives import (
    HONEST,
    Delivery,
    Market,
    agreement,
    capture,
    simulate_cartel,
    simulate_validators,
)
from antiphon.economy.newcomers import (
    CHEAT,
    POOR,
    Worker,
    below_prior,
    no_longer_new,
    simulate_keys,
)
from antiphon.economy.newcomers import HONEST as KNOWN
from antiphon.economy.types import DEFAULT_RULES, PPM, Reading, Rules, Verdict, Vote
from antiphon.simulation.measured import market

MARKETS = {service: market(service) for service in ("speech", "music")}


@pytest.mark.parametrize(
    ("service", "way"), [(service, way) for service, world in MARKETS.items() for way in ways(world)]
)
def test_who_does_not_listen_earns_much_less_at_every_rate_of_bad_work(service: str, way: str) -> None:
    for crowd in CROWDS:
        for rate in BAD_RATES:
            assert lazy_share(MARKETS[service], way, rate, crowd, tasks=800) <= MOST, (rate, crowd)


@pytest.mark.parametrize("service", list(MARKETS))
def test_honest_validators_on_different_machines_lose_little_by_it(service: str) -> None:
    world = MARKETS[service]
    earned = simulate_validators(3, 1_500, 0.0, population={HONEST: 6}, market=world)[HONEST]
    assert earned > 0.9 * (world.fee_nano - world.listening_nano)


def test_without_readings_laziness_would_pay() -> None:
    """Why there are readings: scores alone can be guessed."""
    blind = Rules(missed_reading_ppm=PPM)
    earned = simulate_validators(
        1, 4_000, 0.001, population={HONEST: 4, "better guesser": 1}, market=MARKETS["speech"], rules=blind
    )
    assert earned["better guesser"] > 0.6 * earned[HONEST]


def test_the_same_seed_gives_the_same_figures() -> None:
    people = {HONEST: 4, "usual": 1}
    one, two = (simulate_validators(7, 200, 0.1, population=people, market=MARKETS["speech"]) for _ in range(2))
    assert one == two


def test_a_way_that_saves_less_costs_more() -> None:
    heard = Vote(verdict=Verdict.VALID, score_ppm=900_000, readings=(Reading(key="a", value=0),))
    world = Market(
        good=(Delivery(heard={"m": heard}, guessed={"half": heard}),), saved_ppm={"half": 500_000}, missed_ppm=0
    )
    earned = simulate_validators(1, 300, 0.0, population={HONEST: 3, "half": 3}, market=world)
    assert earned == {HONEST: 160_000, "half": 180_000}


@pytest.mark.parametrize("appeal", [False, True])
@pytest.mark.parametrize("share", ["1/3", "2/5"])
def test_a_cartel_below_half_of_the_stake_earns_less_than_it_would_honestly(share: str, appeal: bool) -> None:
    told = simulate_cartel(5, 1_500, Fraction(share), market=MARKETS["speech"], appeal=appeal)
    assert told["cheating"] < 0 < told["honest"]


def test_an_appeal_leaves_a_cartel_only_the_rounds_it_holds_whole() -> None:
    loses, loses_more = (
        simulate_cartel(5, 1_500, Fraction(2, 5), market=MARKETS["speech"], appeal=appeal)["cheating"]
        for appeal in (False, True)
    )
    assert loses_more < loses


@pytest.mark.parametrize(
    ("share", "seats", "chance"),
    [("1/3", 1, "1/3"), ("1/3", 3, "7/27"), ("1/2", 5, "1/2"), ("1/4", 3, "5/32"), ("0", 3, "0"), ("1", 3, "1")],
)
def test_the_chance_of_a_captured_round(share: str, seats: int, chance: str) -> None:
    assert capture(Fraction(share), seats) == Fraction(chance)


def test_validators_that_agree_on_readings_unheard_need_two_fifths_of_the_stake() -> None:
    listening = Fraction(1, 5)
    assert agreement(Fraction(0), 3, listening) == 0
    assert agreement(Fraction(1, 4), 3, listening) < Fraction(3, 5)
    assert agreement(Fraction(39, 100), 3, listening) < 1 < agreement(Fraction(41, 100), 3, listening)
    assert agreement(Fraction(1, 100), 1, listening) == Fraction(5, 4)  # one seat: nobody is there to compare with


UNBONDING = 3  # tasks that pass in the half hour in which a stake is not free: a nearly idle network
CHEAP = Worker(score=POOR.score, price_nano=34, cost_ppm=200_000)


@pytest.mark.parametrize("nodes", [5, 20])
@pytest.mark.parametrize("renews", [no_longer_new, below_prior])
@pytest.mark.parametrize("work", [KNOWN, POOR, CHEAT, CHEAP])
def test_a_new_key_never_pays(nodes: int, renews: object, work: Worker) -> None:
    """Neither against honest work under one key, nor against the same work under one key."""
    import msgspec

    rest = [KNOWN] * (nodes - 1)
    again = msgspec.structs.replace(work, renews=renews)
    renewed = simulate_keys(1, 400, [*rest, again], unbonding=UNBONDING)
    stayed = simulate_keys(1, 400, [*rest, work], unbonding=UNBONDING)
    honest = sum(renewed[:-1]) / len(rest)
    assert renewed[-1] < max(honest, stayed[-1])


def test_newcomers_without_end_would_pay_if_they_were_explored_without_measure() -> None:
    """Why newcomers are explored no more than a third as often as their number: with 5% for whoever is new, it paid."""
    assert DEFAULT_RULES.exploration_ppm > PPM // (3 * 20)
    rest = [KNOWN] * 19
    fresh = Worker(score=POOR.score, cost_ppm=POOR.cost_ppm, renews=no_longer_new)
    earned = simulate_keys(1, 600, [*rest, fresh], unbonding=0)
    assert earned[-1] < sum(earned[:-1]) / 19
