from __future__ import annotations

from collections import Counter

import pytest
from economy_market import markets, node, numbers, rule_sets, votes
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.economy import accounts
from antiphon.economy.prices import terms
from antiphon.economy.quote import seat_count
from antiphon.economy.selection import assign, draw_seats
from antiphon.economy.settlement import (
    care,
    closeness,
    dissent,
    exposure,
    hold_fee,
    late_cancel,
    penalty,
    refund,
    settle,
    unused,
    withdrawable,
)
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import (
    DEFAULT_RULES,
    NANO,
    PPM,
    READING_TOLERANCE,
    Assignment,
    Offer,
    Part,
    Reading,
    Role,
    Rules,
    ScoreEvent,
    Settlement,
    Terms,
    Verdict,
    Vote,
)
from antiphon.economy.votes import tally
from antiphon.errors import UnavailableError

SEATS = [Terms(node=name, price_nano=1_000, quality_ppm=500_000) for name in ("v", "w", "x")]  # fee 500
MAKER = Terms(node="p", price_nano=25_000, quality_ppm=800_000)  # reward 20,000
STAKES = dict.fromkeys(["p", "v", "w", "x"], NANO)
UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
ABSENT = Vote(verdict=Verdict.ABSENT, score_ppm=None)


def yes(score: int) -> Vote:
    return Vote(verdict=Verdict.VALID, score_ppm=score)


def heard(**readings: int) -> Vote:
    """A valid vote with these readings."""
    told = tuple(Reading(key=key, value=value) for key, value in readings.items())
    return Vote(verdict=Verdict.VALID, score_ppm=800_000, readings=told)


def no(score: int) -> Vote:
    return Vote(verdict=Verdict.INVALID, score_ppm=score)


def play(
    *cast: Vote | None, last: bool = True, stakes: dict[str, int] = STAKES, reserve_nano: int = 40_000, **more: object
) -> Settlement:
    revealed = {seat.node: vote for seat, vote in zip(SEATS, cast, strict=True) if vote}
    arguments = {
        "client": "c",
        "task": "t",
        "producer": MAKER,
        "units": 200,
        "seats": SEATS,
        "votes": revealed,
        "outcome": tally(revealed, [seat.node for seat in SEATS]),
        "reserve_nano": reserve_nano,
        "stakes": stakes,
        "rules": DEFAULT_RULES,
        "last": last,
    }
    return settle(**(arguments | more))


def moved(done: Settlement) -> dict[tuple[str, str], int]:
    return {(move.source, move.target): move.amount_nano for move in done.transfers}


def test_valid_work_is_paid_and_the_rest_returns() -> None:
    done = play(yes(800_000), yes(800_000), yes(825_000))
    assert moved(done) == {
        ("escrow:t", "balance:v"): 500,
        ("escrow:t", "balance:w"): 500,
        ("escrow:t", "balance:x"): 250,  # half way to the tolerance of 0.05
        ("escrow:t", "balance:p"): 20_000,
        ("escrow:t", "balance:c"): 18_750,
    }
    assert done.remaining_nano == 0
    assert done.scores == (
        ScoreEvent(node="v", role=Role.VALIDATOR, score_ppm=PPM),
        ScoreEvent(node="w", role=Role.VALIDATOR, score_ppm=PPM),
        ScoreEvent(node="x", role=Role.VALIDATOR, score_ppm=500_000),
        ScoreEvent(node="p", role=Role.PROCESSOR, score_ppm=800_000),
    )


def test_dissent_is_burnt_from_stake_and_scored_0() -> None:
    done = play(yes(800_000), yes(800_000), no(100_000))
    assert moved(done)[("stake:x", "burnt")] == 500
    assert ScoreEvent(node="x", role=Role.VALIDATOR, score_ppm=0) in done.scores


def test_an_abstention_is_neither_paid_nor_punished_nor_scored() -> None:
    for silent in (UNSURE, None):
        done = play(yes(800_000), yes(800_000), silent)
        assert not [key for key in moved(done) if key[0].endswith(":x") or key[1].endswith(":x")]
        assert "x" not in {event.node for event in done.scores}


def test_a_committed_vote_that_is_not_revealed_costs_as_much_as_dissent() -> None:
    done = play(yes(800_000), yes(800_000), None, hidden=["x"])
    assert moved(done)[("stake:x", "burnt")] == 500


def test_invalid_work_costs_its_producer_and_makes_the_client_whole() -> None:
    done = play(no(0), no(0), no(0))
    assert moved(done) == {
        ("escrow:t", "balance:v"): 500,
        ("escrow:t", "balance:w"): 500,
        ("escrow:t", "balance:x"): 500,
        ("stake:p", "balance:c"): 1_500,
        ("stake:p", "burnt"): 38_500,  # P*Q = 2 x 20,000
        ("escrow:t", "balance:c"): 38_500,
    }
    assert done.scores[-1] == ScoreEvent(node="p", role=Role.PROCESSOR, score_ppm=-100_000)


def test_after_invalid_work_the_rest_stays_for_a_failover() -> None:
    done = play(no(0), no(0), no(0), last=False)
    assert done.remaining_nano == 38_500
    assert ("escrow:t", "balance:c") not in moved(done)


def test_a_penalty_takes_no_more_than_the_stake_and_the_client_comes_first() -> None:
    done = play(no(0), no(0), no(0), stakes=STAKES | {"p": 1_000})
    assert moved(done)[("stake:p", "balance:c")] == 1_000
    assert ("stake:p", "burnt") not in moved(done)


def test_a_producer_that_asks_nothing_still_pays_for_being_judged() -> None:
    done = play(no(0), no(0), no(0), producer=Terms(node="p", price_nano=0, quality_ppm=PPM))
    assert moved(done)[("stake:p", "balance:c")] == 1_500
    assert ("stake:p", "burnt") not in moved(done)


@pytest.mark.parametrize("last", [True, False])
def test_without_a_majority_nobody_is_paid_punished_or_scored(last: bool) -> None:
    done = play(yes(1), no(1), UNSURE, last=last)
    assert moved(done) == ({("escrow:t", "balance:c"): 40_000} if last else {})
    assert done.scores == ()
    assert done.remaining_nano == (0 if last else 40_000)


def test_a_hidden_vote_costs_a_fee_and_no_vote_a_tenth_of_one_with_or_without_a_majority() -> None:
    for cast in ((yes(1), None, None), (yes(1), no(1), None), (yes(1), yes(1), None)):
        for name, share in (("hidden", 500), ("missing", 50)):
            done = play(*cast, last=False, **{name: ["x"]})  # type: ignore[arg-type]
            assert moved(done)["stake:x", "burnt"] == share
            assert ScoreEvent(node="x", role=Role.VALIDATOR, score_ppm=0) in done.scores


def test_hidden_votes_block_no_verdict() -> None:
    seats = ["v", "w", "x"]
    assert tally({"v": no(1)}, seats).verdict is None
    assert tally({"v": no(1)}, seats, hidden=2).verdict is Verdict.INVALID
    assert tally({"v": UNSURE}, seats, hidden=2).verdict is None
    assert tally({}, seats, hidden=3).verdict is None


def test_work_that_was_shown_to_nobody_is_invalid_and_nobody_is_paid_or_dissents() -> None:
    done = play(ABSENT, yes(800_000), ABSENT)
    assert moved(done) == {("stake:p", "burnt"): 40_000, ("escrow:t", "balance:c"): 40_000}
    assert [event.score_ppm for event in done.scores] == [DEFAULT_RULES.punish_score_ppm]
    assert all(turn.voted for turn in done.turnout)


def test_one_that_was_shown_nothing_while_others_were_is_no_dissent() -> None:
    done = play(yes(800_000), ABSENT, yes(800_000))
    assert ("stake:w", "burnt") not in moved(done)
    assert [turn.voted for turn in done.turnout] == [True, False, True]


def test_a_part_that_nobody_delivered_costs_a_little_for_who_stood_by() -> None:
    done = unused("t", "c", [MAKER], 400, 40_000, DEFAULT_RULES, "why")
    assert moved(done) == {
        ("escrow:t", "balance:p"): 400,  # .02 of 20,000
        ("escrow:t", "burnt"): 400,
        ("escrow:t", "balance:c"): 39_200,
    }


def test_valid_work_ends_the_part_even_with_failovers_left() -> None:
    assert play(yes(1), yes(1), yes(1), last=False).remaining_nano == 0


def test_a_trainer_is_scored_as_a_trainer() -> None:
    assert play(yes(1), yes(1), yes(1), role=Role.TRAINER).scores[-1].role is Role.TRAINER


def test_payments_beyond_the_reserve_are_refused() -> None:
    with pytest.raises(ValueError, match="exceed the reserve of 21000 nano by 500"):
        play(yes(1), yes(1), yes(1), reserve_nano=21_000)


def test_a_refund_returns_everything_and_an_empty_one_moves_nothing() -> None:
    assert moved(refund("t", "c", 7, "why")) == {("escrow:t", "balance:c"): 7}
    assert refund("t", "c", 0, "why").transfers == ()


@pytest.mark.parametrize(("distance", "close"), [(0, PPM), (10_000, 800_000), (49_999, 20), (50_000, 0), (PPM, 0)])
def test_closeness_falls_linearly_to_0_at_the_tolerance(distance: int, close: int) -> None:
    assert closeness(distance, 0, DEFAULT_RULES) == closeness(0, distance, DEFAULT_RULES) == close


def test_a_tolerance_of_0_pays_exact_scores_only() -> None:
    strict = Rules(score_tolerance_ppm=0)
    assert (closeness(5, 5, strict), closeness(5, 6, strict)) == (PPM, 0)


def test_a_fee_halves_with_each_reading_that_the_majority_does_not_share() -> None:
    done = play(heard(a=5_000, b=-200, c=0), heard(a=5_000, b=-200, c=0), heard(a=9_000, b=-200))
    assert [moved(done)["escrow:t", f"balance:{seat}"] for seat in "vwx"] == [500, 500, 125]  # a is wrong, c missing
    assert [event.score_ppm for event in done.scores[:3]] == [PPM, PPM, 250_000]


@pytest.mark.parametrize(("distance", "left"), [(READING_TOLERANCE, PPM), (READING_TOLERANCE + 1, 500_000)])
def test_a_reading_agrees_up_to_its_tolerance(distance: int, left: int) -> None:
    assert care(heard(a=distance), {"a": 0}, DEFAULT_RULES) == care(heard(a=0), {"a": distance}, DEFAULT_RULES) == left


def test_a_validator_that_invents_readings_takes_nobodys_fee() -> None:
    done = play(heard(a=1, lie=7), heard(a=1), heard(a=1))
    assert [moved(done)["escrow:t", f"balance:{seat}"] for seat in "vwx"] == [500, 500, 500]
    alone = play(heard(a=1, lie=7), yes(800_000), UNSURE)  # the majority is two: one of them is not most of it
    assert [moved(alone)["escrow:t", f"balance:{seat}"] for seat in "vw"] == [500, 500]


def test_exposure_is_a_penalty_or_the_dissent_of_one_seat() -> None:
    assert exposure(MAKER, DEFAULT_RULES) == 40_000
    assert exposure(SEATS[0], DEFAULT_RULES, Role.VALIDATOR) == 1_000  # its fee, and as much for dissent


def test_a_late_cancel_costs_the_whole_reward_pays_the_producer_a_part_and_scores_nobody() -> None:
    done = late_cancel("t", "c", MAKER, 92_000, "why")
    assert moved(done) == {
        ("escrow:t", "balance:p"): 8_000,
        ("escrow:t", "burnt"): 12_000,
        ("escrow:t", "balance:c"): 72_000,
    }
    whole = late_cancel("t", "c", MAKER, 92_000, "why", rules=Rules(unjudged_ppm=PPM))
    assert moved(whole) == {("escrow:t", "balance:p"): 20_000, ("escrow:t", "balance:c"): 72_000}
    assert done.scores == ()


def test_who_cancels_what_it_has_heard_saves_nothing_of_what_judging_costs() -> None:
    done = late_cancel("t", "c", MAKER, 92_000, "why", standing=(SEATS[0],), judging_nano=1_500)
    assert [(move.target, move.amount_nano) for move in done.transfers[2:]] == [
        ("balance:v", 10),
        ("burnt", 1_500),
        ("balance:c", 70_490),
    ]
    short = late_cancel("t", "c", MAKER, 20_450, "why", standing=(MAKER, SEATS[0]), judging_nano=1_500)
    assert [move.amount_nano for move in short.transfers] == [8_000, 12_000, 400, 10, 40]


def test_a_late_cancel_pays_whoever_stood_by_as_far_as_the_reserve_reaches() -> None:
    done = late_cancel("t", "c", MAKER, 20_450, "why", standing=(MAKER, SEATS[0], MAKER))
    assert [move.amount_nano for move in done.transfers] == [8_000, 12_000, 400, 10, 40]


def test_the_minimum_stake_stays_while_anything_is_locked() -> None:
    assert withdrawable(15 * NANO, 0, DEFAULT_RULES) == 15 * NANO
    assert withdrawable(15 * NANO, 1, DEFAULT_RULES) == 5 * NANO
    assert withdrawable(15 * NANO, 14 * NANO, DEFAULT_RULES) == NANO
    assert withdrawable(5 * NANO, 1, DEFAULT_RULES) == 0


class Books:
    """A ledger of balances that plays one part to its end, the votes given by `draw`."""

    def __init__(self, drawn: Assignment, stakes: dict[str, int]) -> None:
        self.drawn = drawn
        self.balances: Counter[str] = Counter({accounts.stake(name): nano for name, nano in stakes.items()})
        self.balances[accounts.escrow("t")] = drawn.reserve_nano
        self.issued = sum(self.balances.values())

    def play(self, draw: st.DataObject, rules: Rules) -> None:
        remaining_nano = self.drawn.reserve_nano
        for attempt, maker in enumerate(self.drawn.producers):
            verdict, remaining_nano = self.judge(draw, rules, maker, attempt, remaining_nano)
            if verdict is not Verdict.INVALID:
                return

    def judge(
        self, draw: st.DataObject, rules: Rules, maker: Terms, attempt: int, remaining_nano: int
    ) -> tuple[Verdict | None, int]:
        size = seat_count(len(self.drawn.validators), rules)
        for round_ in range(1 + rules.redraws):
            seats = draw_seats(self.drawn.validators, size, b"%d %d" % (attempt, round_))
            cast = {seat.node: vote for seat in seats if (vote := draw.draw(votes))}
            outcome = tally(cast, [seat.node for seat in seats])
            redraw = outcome.verdict is None and round_ < rules.redraws
            failover = outcome.verdict is Verdict.INVALID and attempt + 1 < len(self.drawn.producers)
            done = settle(
                client="c",
                task="t",
                producer=maker,
                units=1,
                seats=seats,
                votes=cast,
                outcome=outcome,
                reserve_nano=remaining_nano,
                stakes={seat.node: self.balances[accounts.stake(seat.node)] for seat in (maker, *seats)},
                rules=rules,
                last=not (redraw or failover),
                hidden=[seat.node for seat in seats if seat.node not in cast],
            )
            self.book(done)
            assert done.remaining_nano == self.balances[accounts.escrow("t")]
            remaining_nano = done.remaining_nano
            if not redraw:
                return outcome.verdict, remaining_nano
        raise AssertionError("the last round has no redraw")

    def book(self, done: Settlement) -> None:
        for move in done.transfers:
            self.balances[move.source] -= move.amount_nano
            self.balances[move.target] += move.amount_nano
        assert min(self.balances.values()) >= 0
        assert sum(self.balances.values()) == self.issued
        assert all(type(number) is int for number in numbers(done))


@given(st.data(), markets, rule_sets, st.integers(1, 2_000))
@settings(max_examples=200)
def test_whatever_is_voted_money_is_conserved_and_the_reserve_suffices(
    data: st.DataObject, market: tuple[list[Offer], list[Offer]], rules: Rules, units: int
) -> None:
    producers, validators = market
    try:
        drawn = assign([Part(index=0, units=units)], Offers({Role.PROCESSOR: producers}, validators, rules), b"b")[0]
    except UnavailableError:
        return
    books = Books(drawn, {offer.node: offer.free_stake_nano for offer in (*producers, *validators)})
    books.play(data, rules)
    assert books.balances[accounts.escrow("t")] == 0
    prices = {offer.node: offer.price_nano * units for offer in producers}
    for maker in drawn.producers:
        assert books.balances[accounts.balance(maker.node)] <= prices[maker.node]
    client_nano = books.balances[accounts.balance("c")]
    assert 0 <= client_nano <= drawn.reserve_nano  # never overcharged, and no profit from others' penalties


def test_the_reserve_is_tight() -> None:
    """Two invalid deliveries and a valid one by the dearest producer, all at Q = 1, spend all of it."""
    field = {Role.PROCESSOR: [node(f"p{i}", price=100, quality=PPM) for i in range(3)]}
    validators = [node(f"v{i}", Role.VALIDATOR, 10, PPM) for i in range(3)]
    drawn = assign([Part(index=0, units=10)], Offers(field, validators, DEFAULT_RULES), b"b")[0]
    assert drawn.reserve_nano == 3 * 3 * terms(validators[0], 10).reward_nano + 1_000


def test_a_delivery_has_at_least_one_unit() -> None:
    assert play(yes(1), yes(1), yes(1), units=1).remaining_nano == 0
    with pytest.raises(ValueError, match="units must be positive, got 0"):
        play(yes(1), yes(1), yes(1), units=0)


def test_who_has_nothing_at_stake_is_scored_and_pays_nothing() -> None:
    done = play(no(0), no(0), yes(0), stakes={})
    assert not [source for source, _ in moved(done) if source.startswith("stake:")]
    assert [(event.node, event.score_ppm) for event in done.scores[-2:]] == [("x", 0), ("p", -100_000)]


def test_a_seats_penalty_takes_no_more_than_its_stake() -> None:
    done = play(yes(1), yes(1), no(1), stakes=STAKES | {"x": 30})
    assert moved(done)["stake:x", "burnt"] == 30


def test_a_reserve_that_is_just_enough_returns_nothing() -> None:
    done = play(yes(1), yes(1), yes(1), reserve_nano=21_500)
    assert moved(done)[("escrow:t", "balance:p")] == 20_000
    assert ("escrow:t", "balance:c") not in moved(done)


def test_the_cost_of_judging_raises_a_penalty_and_its_exposure() -> None:
    assert exposure(MAKER, DEFAULT_RULES, judging_nano=40_001) == penalty(MAKER, DEFAULT_RULES, 40_001) == 40_001
    assert exposure(MAKER, DEFAULT_RULES, judging_nano=39_999) == penalty(MAKER, DEFAULT_RULES, 39_999) == 40_000
    free = Terms(node="p", price_nano=0, quality_ppm=PPM)
    assert penalty(free, DEFAULT_RULES) == dissent(free, DEFAULT_RULES) == 0
    assert exposure(free, DEFAULT_RULES) == exposure(free, DEFAULT_RULES, Role.VALIDATOR) == 1


def test_penalties_and_fees_are_rounded_down() -> None:
    odd = Terms(node="v", price_nano=999, quality_ppm=PPM)
    third = Rules(dissent_ppm=333_333, hold_ppm=333_333, penalty_ppm=5_333_333)
    assert (dissent(odd, third), hold_fee(odd, third), penalty(odd, third)) == (332, 332, 5_327)
    assert closeness(1, 0, Rules(score_tolerance_ppm=3)) == 666_667  # 1 less a third rounded down
    done = play(yes(800_000), yes(800_000), yes(800_001))
    assert moved(done)["escrow:t", "balance:x"] == 499  # 500 x .99998
    assert done.scores[2].score_ppm == 999_980


def test_readings_and_closeness_are_multiplied() -> None:
    far = Vote(verdict=Verdict.VALID, score_ppm=825_000, readings=(Reading(key="a", value=9_000),))
    done = play(heard(a=0), heard(a=0), far)
    assert (moved(done)["escrow:t", "balance:x"], done.scores[2].score_ppm) == (125, 250_000)
    thirds = Rules(missed_reading_ppm=333_333)
    assert care(heard(), {"a": 0, "b": 0}, thirds) == 111_110  # 111,110.9 rounded down


def test_turnout_tells_who_gave_a_conclusive_vote_with_or_without_a_majority() -> None:
    for cast, voted in (((yes(1), no(1), None), [True, True, False]), ((yes(1), UNSURE, ABSENT), [True, False, False])):
        assert [(turn.node, turn.voted) for turn in play(*cast).turnout] == list(zip("vwx", voted, strict=True))


def test_a_part_without_lapsed_producers_burns_nothing_and_a_late_cancel_has_a_reward_only() -> None:
    assert moved(unused("t", "c", [MAKER, SEATS[0]], 0, 1_000, DEFAULT_RULES, "why")) == {
        ("escrow:t", "balance:p"): 400,
        ("escrow:t", "balance:v"): 10,
        ("escrow:t", "balance:c"): 590,
    }
    dear = late_cancel("t", "c", MAKER, 30_000, "why", standing=[SEATS[0]], rules=Rules(hold_ppm=100_000))
    assert [move.amount_nano for move in dear.transfers] == [8_000, 12_000, 50, 9_950]


def test_a_settlement_says_why_each_amount_moves() -> None:
    fee = "fee for a vote with the majority"
    for cast, last, why in (
        ((yes(1), yes(1), no(1)), True, [fee, fee, "dissent from the majority", "reward R*Q", "unspent"]),
        ((yes(1), no(1), UNSURE), True, ["no majority"]),
        (
            (no(1), no(1), UNSURE),
            True,
            [
                fee,
                fee,
                "penalty P*Q: the client's cost of judging",
                "penalty P*Q: the rest",
                "unspent after invalid work",
            ],
        ),
    ):
        assert [move.why for move in play(*cast, last=last).transfers] == why
    cancelled = late_cancel("t", "c", MAKER, 92_000, "left", standing=[MAKER])
    assert [move.why for move in cancelled.transfers] == [
        "part of R*Q, not judged: left",
        "the rest of R*Q: not judged",
        "stood by",
        "unspent",
    ]
    left = unused("t", "c", [MAKER], 400, 40_000, DEFAULT_RULES, "too late")
    assert [move.why for move in left.transfers] == ["stood by", "held producers that did not deliver", "too late"]


def test_one_nano_that_is_left_returns() -> None:
    assert moved(play(yes(1), yes(1), yes(1), reserve_nano=21_501))["escrow:t", "balance:c"] == 1
