"""Whatever a jury says, nobody pays more than is locked of it, and every fine ends somewhere."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from economy_market import votes
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.appeal import Case, Decision, bond, decide, overturns
from antiphon.economy.settlement import dissent, penalty
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Candidate, Role, ScoreEvent, Terms, Transfer, Verdict, Vote
from antiphon.economy.votes import tally

MAKER = Terms(node="maker", price_nano=200_000, quality_ppm=PPM // 2)  # R*Q = 100,000


def candidate(name: str, weight: int = 100) -> Candidate:
    return Candidate(node=name, price_nano=20_000, quality_ppm=PPM // 2, weight_nano=weight * NANO)


def yes(score_ppm: int = 900_000) -> Vote:
    return Vote(verdict=Verdict.VALID, score_ppm=score_ppm)


def no() -> Vote:
    return Vote(verdict=Verdict.INVALID, score_ppm=0)


PANEL = tuple(candidate(name) for name in "abc")
JURY = tuple(candidate(name) for name in "uvwx")


def case(first: tuple[Vote, Vote, Vote], appellant: str = "c", jury: tuple[Candidate, ...] = JURY) -> Case:
    cast = dict(zip("abc", first, strict=True))
    outcome = tally(cast, list("abc"))
    held = tuple(
        Transfer(source=f"stake:{node}", target="burnt", amount_nano=10_000, why="dissent") for node in outcome.minority
    )
    return Case(
        client="client",
        producer=MAKER,
        role=Role.PROCESSOR,
        outcome=outcome,
        votes=cast,
        panel=PANEL,
        fees_nano=dict.fromkeys(outcome.majority, 10_000),
        held=held,
        held_scores=(),
        pool=PANEL + jury,
        jury=tuple(judge.node for judge in jury),
        appellant=appellant,
    )


def stakes(of: Case) -> dict[str, int]:
    """What the ledger locks (`ledger.appeals.locks`)."""
    held = Counter({MAKER.node: penalty(MAKER, DEFAULT_RULES)})
    for seat in PANEL:
        fee_nano = seat.reward_nano if seat.node in of.outcome.majority else 0
        held[seat.node] += fee_nano + dissent(seat, DEFAULT_RULES)
    held[of.appellant] += bond([judge for judge in of.pool if judge.node in of.jury])
    return dict(held)


@given(
    first=st.sampled_from([(yes(), yes(), no()), (no(), no(), yes()), (yes(), yes(), yes(1)), (no(), no(), no())]),
    jury=st.lists(votes, min_size=4, max_size=4),
    appellant=st.sampled_from(["c", "maker"]),
)
def test_nobody_pays_more_than_is_locked_of_it(
    first: tuple[Vote, Vote, Vote], jury: list[Vote | None], appellant: str
) -> None:
    played = case(first, appellant)
    cast = {judge.node: vote for judge, vote in zip(JURY, jury, strict=True) if vote}
    ended = decide(played, cast, stakes(played), DEFAULT_RULES)
    paid: Counter[str] = Counter()
    for move in ended.transfers:
        assert move.source.startswith("stake:"), "the escrow is not touched"
        paid[move.source.removeprefix("stake:")] += move.amount_nano
    for node, nano in paid.items():
        assert nano <= stakes(played)[node]
    if ended.overturned:
        assert overturns(played, cast, DEFAULT_RULES)
        assert not paid[appellant] or appellant == MAKER.node
        owed = sum(stakes(played)[node] for node in played.outcome.majority)
        found_valid = played.outcome.verdict is Verdict.VALID
        assert sum(paid.values()) == owed + (penalty(MAKER, DEFAULT_RULES) if found_valid else 0)


def test_it_takes_more_weight_than_the_first_verdict_has() -> None:
    first = case((yes(), yes(), no()), jury=(candidate("u"), candidate("v", 1)))
    assert not overturns(first, {"u": no()}, DEFAULT_RULES), "one juror is not enough"
    assert overturns(first, {"u": no(), "v": no()}, DEFAULT_RULES)
    assert not overturns(first, {"u": no(), "v": yes()}, DEFAULT_RULES), "200 for, 201 less 1 against"
    even = case((yes(), yes(), no()), jury=(candidate("u", 50), candidate("v", 50)))
    assert not overturns(even, {"u": no(), "v": no()}, DEFAULT_RULES), "a tie keeps the verdict"


def test_fines_that_do_not_reach_for_all_jurors_are_shared_by_their_fees() -> None:
    many = tuple(candidate(f"j{number}") for number in range(10))
    ended = decide(
        case((no(), no(), yes()), jury=many), {j.node: yes() for j in many}, {"a": 20_000, "b": 20_000}, DEFAULT_RULES
    )
    got = Counter({move.target: move.amount_nano for move in ended.transfers if move.target.startswith("balance:j")})
    assert set(got.values()) <= set(range(1, 10_000))
    assert sum(move.amount_nano for move in ended.transfers) == 40_000


UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
Move = tuple[str, str, int]


def moved(ended: Decision) -> list[Move]:
    """Who pays whom how much, in order."""
    return [(move.source, move.target, move.amount_nano) for move in ended.transfers]


def priced(name: str, fee_nano: int, weight: int = 100) -> Candidate:
    return Candidate(node=name, price_nano=fee_nano, quality_ppm=PPM, weight_nano=weight * NANO)


HELD: Move = ("stake:c", "burnt", 10_000)  # what `case` holds back of a seat that was outvoted


def test_an_appeal_in_vain_pays_the_jurors_that_agree_and_fines_the_others() -> None:
    first = msgspec.structs.replace(
        case((yes(), yes(), no())), held_scores=(ScoreEvent(node="c", role=Role.VALIDATOR, score_ppm=0),)
    )
    reveals = {"u": yes(), "v": yes(), "w": no(), "x": UNSURE}
    ended = decide(first, reveals, {"c": 40_000, "w": 7_000}, DEFAULT_RULES)
    assert not ended.overturned
    assert moved(ended) == [
        HELD,
        ("stake:c", "balance:u", 10_000),
        ("stake:c", "balance:v", 10_000),
        ("stake:w", "burnt", 7_000),  # of 10,000: no more is locked
    ]
    assert ended.scores == first.held_scores
    assert moved(decide(first, reveals, {"c": 40_000}, DEFAULT_RULES))[-1][0] == "stake:c", "w has nothing locked"


def test_a_juror_that_a_verdict_outlasts_pays_only_when_most_of_the_pool_voted_for_it() -> None:
    paid = ("stake:c", "balance:u", 10_000)
    for rest, fined in ((99, True), (100, False), (101, False)):  # 300 of 500 and the rest
        jury = (candidate("u"), candidate("w", 100), candidate("x", rest))
        ended = decide(case((yes(), yes(), no()), jury=jury), {"u": yes(), "w": no()}, {"w": 10_000}, DEFAULT_RULES)
        assert moved(ended) == [HELD, paid, *([("stake:w", "burnt", 10_000)] if fined else [])]


def test_a_juror_that_hid_its_vote_pays_and_one_that_did_not_commit_does_not() -> None:
    hiding = msgspec.structs.replace(case((yes(), yes(), no())), hidden=("x",))
    ended = decide(hiding, {"u": yes()}, {"x": 10_000, "w": 10_000}, DEFAULT_RULES)
    assert moved(ended) == [HELD, ("stake:c", "balance:u", 10_000), ("stake:x", "burnt", 10_000)]


def test_an_appeal_that_nobody_heard_costs_the_fee_of_one_juror() -> None:
    jury = (priced("u", 5_000), priced("v", 9_000))
    for reveals in ({}, {"u": UNSURE}, {"u": no()}):
        ended = decide(case((yes(), yes(), no()), jury=jury), reveals, {"u": 9_000}, DEFAULT_RULES)
        assert moved(ended) == [HELD, ("stake:c", "burnt", 5_000)]


@pytest.mark.parametrize("reveals", [{}, {"u": yes(), "v": yes()}])
def test_jurors_that_ask_nothing_are_paid_nothing(reveals: dict[str, Vote]) -> None:
    free = case((yes(), yes(), no()), jury=(priced("u", 0), priced("v", 0)))
    assert moved(decide(free, reveals, {}, DEFAULT_RULES)) == [HELD]


def test_a_bond_is_one_fee_for_each_juror_and_never_nothing() -> None:
    assert bond([priced("u", 5_000), priced("v", 9_000)]) == 14_000
    assert bond([priced("u", 0)]) == 1


def test_it_takes_two_conclusive_jurors_however_heavy_one_is() -> None:
    first = case((yes(), yes(), no()), jury=(candidate("u", 1_000), candidate("v"), candidate("w")))
    assert not overturns(first, {"u": no()}, DEFAULT_RULES)
    assert not overturns(first, {"u": no(), "v": UNSURE}, DEFAULT_RULES)
    assert overturns(first, {"u": no(), "v": yes()}, DEFAULT_RULES)


def test_only_conclusive_votes_of_the_jury_and_the_first_votes_of_the_panel_count() -> None:
    first = case((yes(), yes(), UNSURE), jury=(candidate("u"), candidate("v"), candidate("w", 101)))
    told = {"u": no(), "v": no(), "w": UNSURE}
    assert not overturns(first, told, DEFAULT_RULES), "200 of 601, whatever the unsure think"
    assert not overturns(first, told | {"a": no(), "b": no()}, DEFAULT_RULES), "the panel has voted already"
    assert overturns(first, told | {"w": no()}, DEFAULT_RULES), "301 of 601"


def test_overturned_valid_work_is_paid_back_by_its_producer_and_its_judges() -> None:
    reveals = {"u": no(), "v": no(), "w": no(), "x": yes()}
    locked = {"a": 20_000, "b": 15_000, "x": 10_000, "maker": 300_000, "c": 90_000}
    ended = decide(case((yes(), yes(), no())), reveals, locked, DEFAULT_RULES)
    assert ended.overturned
    assert moved(ended) == [
        ("stake:maker", "balance:client", 120_000),  # its reward and two fees
        ("stake:a", "balance:c", 10_000),
        ("stake:a", "balance:u", 10_000),
        ("stake:b", "balance:v", 10_000),
        ("stake:b", "balance:w", 5_000),
        ("stake:x", "balance:w", 5_000),
        ("stake:x", "burnt", 5_000),
        ("stake:maker", "burnt", 80_000),  # a penalty of 200,000 in all
    ]
    assert ended.scores == (
        ScoreEvent(node="a", role=Role.VALIDATOR, score_ppm=0),
        ScoreEvent(node="b", role=Role.VALIDATOR, score_ppm=0),
        ScoreEvent(node="c", role=Role.VALIDATOR, score_ppm=PPM),
        ScoreEvent(node="maker", role=Role.PROCESSOR, score_ppm=-100_000),
    )


@pytest.mark.parametrize(
    ("producer", "locked", "paid"),
    [
        (MAKER, 90_000, [90_000]),  # no more than is locked
        (MAKER, 0, []),
        (MAKER, 120_001, [120_000, 1]),
        (msgspec.structs.replace(MAKER, price_nano=0), 300_000, [20_000]),  # no penalty, but the client's fees
    ],
)
def test_a_producer_pays_the_clients_loss_first(producer: Terms, locked: int, paid: list[int]) -> None:
    first = msgspec.structs.replace(case((yes(), yes(), no())), producer=producer)
    ended = decide(first, dict.fromkeys("uvw", no()), {"maker": locked}, DEFAULT_RULES)
    given_back = [nano for source, target, nano in moved(ended) if source == "stake:maker"]
    assert given_back == paid
    if paid:
        assert moved(ended)[0] == ("stake:maker", "balance:client", paid[0])


def test_overturned_invalid_work_is_rewarded_out_of_what_is_left() -> None:
    first = msgspec.structs.replace(
        case((no(), no(), yes(820_000)), jury=(candidate("u"), candidate("v"))),
        producer=Terms(node="maker", price_nano=4_000, quality_ppm=PPM),
        role=Role.TRAINER,
    )
    ended = decide(first, {"u": yes(900_000), "v": yes(800_000)}, {"a": 20_000, "b": 20_000}, DEFAULT_RULES)
    assert moved(ended) == [
        ("stake:a", "balance:c", 10_000),
        ("stake:a", "balance:u", 10_000),
        ("stake:b", "balance:v", 10_000),
        ("stake:b", "balance:maker", 4_000),
        ("stake:b", "burnt", 6_000),
    ]
    assert ended.scores[-1] == ScoreEvent(node="maker", role=Role.TRAINER, score_ppm=820_000)


def test_of_an_even_number_of_scores_the_lower_middle_one_is_taken() -> None:
    reveals = {"u": yes(900_000), "v": yes(800_000), "w": yes(850_000), "x": UNSURE}
    ended = decide(case((no(), no(), yes(820_000))), reveals, {}, DEFAULT_RULES)
    assert ended.transfers == (), "nobody has anything locked"
    assert [event.score_ppm for event in ended.scores] == [0, 0, PPM, 820_000]


def test_shares_of_jurors_are_rounded_down_and_the_rest_is_burnt() -> None:
    jury = (priced("u", 10_000), priced("v", 20_000))
    ended = decide(case((yes(), yes(), no()), jury=jury), {"u": no(), "v": no()}, {"a": 20_000}, DEFAULT_RULES)
    assert moved(ended) == [
        ("stake:a", "balance:c", 10_000),
        ("stake:a", "balance:u", 3_333),
        ("stake:a", "balance:v", 6_666),
        ("stake:a", "burnt", 1),
    ]


def test_a_juror_that_hid_its_vote_pays_for_an_overturned_verdict_too() -> None:
    hiding = msgspec.structs.replace(case((no(), no(), yes())), hidden=("x",))
    ended = decide(hiding, dict.fromkeys("uvw", yes()), {"x": 10_000, "a": 3_000}, DEFAULT_RULES)
    assert moved(ended) == [
        ("stake:a", "balance:c", 3_000),
        ("stake:x", "balance:c", 7_000),
        ("stake:x", "balance:u", 1_000),
        ("stake:x", "balance:v", 1_000),
        ("stake:x", "balance:w", 1_000),
    ]


def test_a_seat_without_a_fee_gives_back_none_and_pays_for_its_dissent() -> None:
    unpaid = msgspec.structs.replace(case((no(), no(), yes())), fees_nano={"b": 10_000})
    ended = decide(unpaid, dict.fromkeys("uvw", yes()), dict.fromkeys("ab", 50_000), DEFAULT_RULES)
    lost = Counter[str]()
    for source, _, nano in moved(ended):
        lost[source] += nano
    assert lost == {"stake:a": 10_000, "stake:b": 20_000}


def test_a_fine_of_one_nano_is_taken_and_one_of_nothing_is_not() -> None:
    reveals = dict.fromkeys("uvw", yes()) | {"x": no()}
    ended = decide(case((no(), no(), yes())), reveals, {"a": 1}, DEFAULT_RULES)
    assert moved(ended) == [("stake:a", "balance:c", 1)], "b and x have nothing locked"


def test_work_that_was_found_valid_with_nothing_is_scored_with_nothing() -> None:
    ended = decide(case((no(), no(), yes(0))), dict.fromkeys("uvw", yes(0)), {}, DEFAULT_RULES)
    assert ended.scores[-1] == ScoreEvent(node="maker", role=Role.PROCESSOR, score_ppm=0)
