"""Whatever a jury says, nobody pays more than is locked of it, and every fine ends somewhere."""

from __future__ import annotations

from collections import Counter

from economy_market import votes
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.appeal import Case, bond, decide, overturns
from antiphon.economy.settlement import dissent, penalty
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Candidate, Role, Terms, Transfer, Verdict, Vote
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
