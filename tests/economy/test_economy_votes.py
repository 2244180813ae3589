from __future__ import annotations

import pytest
from economy_market import votes
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.types import Reading, Verdict, Vote
from antiphon.economy.votes import common_readings, tally

UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
VALID, INVALID = Verdict.VALID, Verdict.INVALID


def yes(score: int = 800_000) -> Vote:
    return Vote(verdict=VALID, score_ppm=score)


def no(score: int = 200_000) -> Vote:
    return Vote(verdict=INVALID, score_ppm=score)


@pytest.mark.parametrize(
    ("cast", "verdict"),
    [
        ([yes(), yes(), yes()], VALID),
        ([yes(), yes(), no()], VALID),
        ([no(), yes(), no()], INVALID),
        ([yes(), yes(), UNSURE], VALID),
        ([yes(), yes(), None], VALID),
        ([yes(), no(), UNSURE], None),  # tie
        ([yes(), no(), None], None),
        ([yes(), UNSURE, UNSURE], None),  # one of three is no quorum
        ([yes(), None, None], None),
        ([UNSURE, UNSURE, UNSURE], None),
        ([yes()], VALID),
        ([None], None),
        ([], None),  # an empty quorum is not a yes
    ],
)
def test_majorities_quorums_and_ties(cast: list[Vote | None], verdict: Verdict | None) -> None:
    seats = [f"v{i}" for i in range(len(cast))]
    revealed = {seat: vote for seat, vote in zip(seats, cast, strict=True) if vote}
    assert tally(revealed, seats).verdict is verdict


def test_sides_are_named() -> None:
    outcome = tally({"a": yes(), "b": yes(), "c": no(), "d": UNSURE}, ["a", "b", "c", "d", "e"])
    assert (outcome.majority, outcome.minority, outcome.abstained) == (("a", "b"), ("c",), ("d", "e"))


def test_the_score_is_the_median_of_the_majority_only() -> None:
    cast = {"a": yes(700_000), "b": yes(900_000), "c": yes(100_000), "d": no(0), "e": no(0)}
    assert tally(cast, list(cast)).score_ppm == 700_000


def test_two_scores_give_their_mean_rounded_down() -> None:
    assert tally({"a": yes(5), "b": yes(10), "c": no()}, ["a", "b", "c"]).score_ppm == 7


def test_a_vote_without_a_seat_does_not_count() -> None:
    assert tally({"x": yes(), "y": yes(), "a": no()}, ["a"]).verdict is INVALID


def test_nobody_sits_twice() -> None:
    with pytest.raises(ValueError, match="sits once"):
        tally({"a": yes()}, ["a", "a"])


@given(st.lists(votes, max_size=9), st.randoms())
def test_the_order_of_seats_changes_nothing(cast: list[Vote | None], dice: object) -> None:
    seats = [f"v{i}" for i in range(len(cast))]
    revealed = {seat: vote for seat, vote in zip(seats, cast, strict=True) if vote}
    before = tally(revealed, seats)
    dice.shuffle(seats)  # type: ignore[attr-defined]
    after = tally(revealed, seats)
    assert (after.verdict, after.score_ppm) == (before.verdict, before.score_ppm)
    assert set(after.majority) == set(before.majority)


@given(st.lists(votes, max_size=9))
def test_every_seat_is_on_one_side_and_a_verdict_has_a_majority_of_votes_and_seats(cast: list[Vote | None]) -> None:
    seats = [f"v{i}" for i in range(len(cast))]
    outcome = tally({seat: vote for seat, vote in zip(seats, cast, strict=True) if vote}, seats)
    if outcome.verdict is None:
        assert outcome.score_ppm is None
        assert outcome.majority == outcome.minority == ()
    else:
        sides = (outcome.majority, outcome.minority, outcome.abstained, outcome.absent)
        assert sorted(seat for side in sides for seat in side) == seats
        if outcome.absent:
            assert (outcome.verdict, 2 * len(outcome.absent) > len(seats)) == (INVALID, True)
            return
        assert len(outcome.majority) > len(outcome.minority)
        assert 2 * (len(outcome.majority) + len(outcome.minority)) > len(seats)


def test_a_reading_counts_when_most_of_the_majority_give_it_and_its_median_is_true() -> None:
    def gave(**readings: int) -> Vote:
        told = tuple(Reading(key=key, value=value) for key, value in readings.items())
        return Vote(verdict=VALID, score_ppm=1, readings=told)

    assert common_readings([gave(a=1, b=5), gave(a=2), gave(a=900)]) == {"a": 2}
    assert common_readings([gave(a=1), gave(a=4)]) == {"a": 2}
    assert common_readings([gave(a=1), gave()]) == {}
    assert common_readings([gave(a=1)]) == {"a": 1}
    assert common_readings([]) == {}


def test_a_vote_gives_each_reading_once() -> None:
    with pytest.raises(ValueError, match="each reading once"):
        Vote(verdict=VALID, score_ppm=1, readings=(Reading(key="a", value=1), Reading(key="a", value=2)))


def test_work_that_most_seats_were_not_shown_is_invalid_with_a_score_of_nothing() -> None:
    unseen = Vote(verdict=Verdict.ABSENT, score_ppm=None)
    found = tally({"a": unseen, "b": unseen}, ["a", "b", "c"])
    assert (found.verdict, found.score_ppm, found.absent, found.abstained) == (Verdict.INVALID, 0, ("a", "b"), ("c",))


def test_whom_no_verdict_leaves_uncounted_is_named() -> None:
    unseen = Vote(verdict=Verdict.ABSENT, score_ppm=None)
    found = tally({"a": yes(), "b": no(), "c": unseen, "d": UNSURE}, list("abcde"))
    assert (found.verdict, found.abstained) == (None, ("d", "e", "c"))


@pytest.mark.parametrize(
    ("scores", "median"), [((5,), 5), ((1, 2), 1), ((9, 1, 5), 5), ((1, 2, 4, 9), 3), ((9, 1, 7, 2, 5), 5)]
)
def test_the_median_of_scores(scores: tuple[int, ...], median: int) -> None:
    cast = {f"v{place}": yes(score) for place, score in enumerate(scores)}
    assert tally(cast, list(cast)).score_ppm == median


def test_votes_are_counted_against_a_full_round() -> None:
    assert tally({"a": yes()}, ["a"], size=3).verdict is None
    assert tally({"a": yes(), "b": yes()}, ["a", "b"], size=3).verdict is VALID
    assert tally({"a": yes()}, ["a"], size=2).verdict is None
