"""Rewards, fees, fines and penalties on the chain are those of `antiphon.economy`, to the unit."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from contracts_deployed import deploy_market, deploy_registry, deploy_token
from contracts_economy import Due, cast, due, packed, word
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.economy.types import PPM, Reading, Rules, Verdict, Vote

BASE = {"audit_ppm": 0, "deliver_s": 120, "draw_s": 60, "commit_s": 60, "reveal_s": 60}


@pytest.fixture(scope="module")
def market():
    with boa.env.anchor():
        registry = deploy_registry(deploy_token().address)
        yield deploy_market(registry.address, registry.address, packed(Rules(**BASE)))


shares = st.integers(0, PPM)
readings = st.dictionaries(st.sampled_from("abcde"), st.integers(-3_000, 3_000), max_size=4).map(
    lambda given: tuple(Reading(key=key, value=value) for key, value in given.items())
)
# Scores close together and far apart: both sides of the tolerance.
scores = st.one_of(shares, st.integers(790_000, 810_000))
votes = st.one_of(
    st.none(),
    st.builds(Vote, verdict=st.sampled_from([Verdict.VALID, Verdict.INVALID]), score_ppm=scores, readings=readings),
    st.builds(Vote, verdict=st.just(Verdict.VALID), score_ppm=st.integers(790_000, 810_000), readings=readings),
    st.builds(
        Vote,
        verdict=st.sampled_from([Verdict.INCONCLUSIVE, Verdict.ABSENT]),
        score_ppm=st.none(),
        readings=readings,
    ),
)
rule_sets = st.builds(
    Rules,
    seats=st.sampled_from([1, 3, 5, 7]),
    penalty_ppm=st.integers(0, 20 * PPM),
    dissent_ppm=st.integers(0, 10 * PPM),
    absent_ppm=shares,
    score_tolerance_ppm=st.integers(1, PPM),
    missed_reading_ppm=shares,
    **{name: st.just(value) for name, value in BASE.items()},
)
money = st.one_of(st.integers(0, 2**90), st.integers(0, 1_000))


def on_chain(market, reward, fees, cast_votes, committed, stands, rules) -> Due:
    found = market.preview(reward, fees, [cast(vote) for vote in cast_votes], committed, stands, packed(rules))
    return Due(
        verdict=found.verdict,
        reward=found.reward,
        fees=list(found.fees),
        fines=list(found.fines),
        penalty=found.penalty,
        to_client=found.to_client,
        absent=found.absent,
    )


@given(st.data(), rule_sets, money, st.booleans())
@settings(max_examples=200)
def test_any_round_settles_as_the_economy_settles_it(market, data, rules, reward, stands) -> None:
    seats = data.draw(st.sampled_from([n for n in (1, 3, 5, 7) if n <= rules.seats]))
    fees = data.draw(st.lists(money, min_size=seats, max_size=seats))
    cast_votes = data.draw(st.lists(votes, min_size=seats, max_size=seats))
    committed = [vote is not None or data.draw(st.booleans()) for vote in cast_votes]
    case = (reward, fees, cast_votes, committed, stands, rules)
    assert on_chain(market, *case) == due(*case)


def test_worked_numbers(market) -> None:
    """Two of three say VALID, each at 80% of closeness; the third pays for dissent."""
    rules = Rules(**BASE)
    near = Vote(
        verdict=Verdict.VALID, score_ppm=800_000, readings=(Reading(key="a", value=-5), Reading(key="b", value=7))
    )
    off = Vote(verdict=Verdict.VALID, score_ppm=820_000, readings=(Reading(key="a", value=-8),))
    against = Vote(verdict=Verdict.INVALID, score_ppm=100_000)
    found = on_chain(market, 1_000, [100, 100, 100], [near, off, against], [True] * 3, False, rules)
    # Median 810,000: each is 10,000 of 50,000 away, so 80%. Key b is given by one of two: it does not count.
    assert found == Due(verdict=1, reward=1_000, fees=[80, 80, 0], fines=[0, 0, 100], penalty=0, to_client=0)


def test_a_vote_that_the_economy_would_not_take_is_refused(market) -> None:
    one, two = sorted(word(Reading(key=key, value=0)) for key in "ab")
    cases = {
        "settlement: readings unordered": (1, 5, [two, one]),
        "settlement: no such verdict": (5, 0, []),
        "settlement: score out of bounds": (1, PPM + 1, []),
        "settlement: score of no verdict": (3, 1, []),
        "settlement: no such reading": (1, 5, [word(Reading(key="a", value=10**12 + 1))]),
    }
    for refusal, vote in cases.items():
        with boa.reverts(refusal):
            market.preview(1, [1], [vote], [True], False, packed(Rules(**BASE)))
    with boa.reverts("settlement: readings unordered"):
        market.preview(1, [1], [(1, 5, [one, one + 1])], [True], False, packed(Rules(**BASE)))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (0, 9),
        (1, 4),
        (2, 20 * PPM + 1),
        (3, 10 * PPM + 1),
        (4, PPM + 1),
        (5, 0),
        (6, PPM + 1),
        (7, 59),
        (10, 86_401),
    ],
)
def test_rules_out_of_bounds_are_refused(market, place, value) -> None:
    rules = list(packed(Rules(**BASE)))
    rules[place] = value
    with boa.reverts():
        market.propose_rules(tuple(rules))
