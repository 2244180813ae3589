"""Each bound of `Rules` lets the last allowed value pass and refuses the next one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import msgspec
import pytest

from antiphon.economy.deterrence import break_even_stake, caught, curve
from antiphon.economy.types import PPM, Rules, Transfer, Verdict, Vote
from antiphon.errors import InputError

DEAR_PPM = 10**15
HALF = {"audit_ppm": PPM // 2, "audit_seen_ppm": PPM}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"seats": 1}, {"seats": 0}),
        ({"redraws": 0}, {"redraws": -1}),
        ({"failovers": 0}, {"failovers": -1}),
        ({"redraws": 31, "failovers": 1}, {"redraws": 32, "failovers": 1}),
        ({"pool": 3}, {"pool": 2}),
        ({"floor_quality_ppm": 1}, {"floor_quality_ppm": 0}),
        ({"floor_quality_ppm": 500_000}, {"floor_quality_ppm": 500_001}),
        ({"prior_quality_ppm": PPM}, {"prior_quality_ppm": PPM + 1}),
        ({"price_tolerance_ppm": PPM}, {"price_tolerance_ppm": PPM - 1}),
        ({"penalty_ppm": 0, "audit_ppm": 0}, {"penalty_ppm": -1, "audit_ppm": 0}),
        ({"dissent_ppm": 0}, {"dissent_ppm": -1}),
        ({"min_stake_nano": 0}, {"min_stake_nano": -1}),
        ({"missed_reading_ppm": 0}, {"missed_reading_ppm": -1}),
        ({"missed_reading_ppm": PPM}, {"missed_reading_ppm": PPM + 1}),
        ({"max_nodes": 1}, {"max_nodes": 0}),
        ({"candidates": 4}, {"candidates": 3}),
        ({"silent_s": 0}, {"silent_s": -1}),
        ({"unbond_s": 0}, {"unbond_s": -1}),
        ({"hold_ppm": 0}, {"hold_ppm": -1}),
        ({"hold_ppm": PPM // 3}, {"hold_ppm": PPM // 3 + 1}),
        ({"hold_ppm": PPM // 4, "failovers": 3}, {"hold_ppm": PPM // 4 + 1, "failovers": 3}),
        ({"appeal_s": 0}, {"appeal_s": -1}),
        ({"jury": 1}, {"jury": 0}),
        ({"abstain_ppm": 0}, {"abstain_ppm": -1}),
        ({"abstain_ppm": PPM - 1}, {"abstain_ppm": PPM}),
        ({"client_share_ppm": 1}, {"client_share_ppm": 0}),
        ({"client_share_ppm": PPM}, {"client_share_ppm": PPM + 1}),
        ({"absent_ppm": 0}, {"absent_ppm": -1}),
        ({"absent_ppm": PPM}, {"absent_ppm": PPM + 1}),
        ({"audit_ppm": 0}, {"audit_ppm": -1}),
        ({"audit_ppm": PPM}, {"audit_ppm": PPM + 1}),
        ({"audit_seen_ppm": 1, "penalty_ppm": DEAR_PPM}, {"audit_seen_ppm": 0, "penalty_ppm": DEAR_PPM}),
        ({"audit_seen_ppm": PPM}, {"audit_seen_ppm": PPM + 1}),
        (HALF | {"penalty_ppm": PPM}, HALF | {"penalty_ppm": PPM - 1}),
        ({"consent_services": ()}, {"consent_services": ("",)}),
        ({"consent_services": ("a", "b")}, {"consent_services": ("a", "a")}),
    ],
    ids=lambda value: "-".join(f"{name} {number}" for name, number in value.items()),
)  # fmt: skip
def test_a_bound_of_the_rules(good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert msgspec.structs.asdict(Rules(**good)) | good == msgspec.structs.asdict(Rules(**good))
    with pytest.raises(ValueError, match=r"\w \w"):
        Rules(**bad)


@pytest.mark.parametrize("score", [-1, PPM + 1])
def test_a_score_outside_its_range_is_named(score: int) -> None:
    with pytest.raises(ValueError, match=rf"^score_ppm {score} is outside 0\.\.1000000$"):
        Vote(verdict=Verdict.VALID, score_ppm=score)
    assert Vote(verdict=Verdict.VALID, score_ppm=PPM).score_ppm == PPM


def test_the_chance_to_be_caught_by_worked_numbers() -> None:
    assert caught(27, 1, 3) == pytest.approx(3 / 27)
    assert caught(27, 27, 1) == 1.0
    assert caught(27, 0, 27) == 0.0
    assert caught(27, 27, 27, seen=0.5) == pytest.approx(1 - 0.5**27)
    assert caught(4, 2, 3) == 1.0  # only two are honest: one of three is altered
    assert caught(27, 2, 3) == pytest.approx(1 - 24 * 23 / (27 * 26))
    assert curve(4) == pytest.approx((0, 0.25, 0.5, 0.75, 1))
    for wrong in ((5, 6, 1, 1.0), (5, -1, 1, 1.0), (5, 1, 6, 1.0), (5, 1, -1, 1.0), (5, 1, 1, 1.1), (5, 1, 1, -0.1)):
        with pytest.raises(InputError, match=f"{wrong[1]} altered and {wrong[2]} opened of 5 passes"):
            caught(*wrong[:3], seen=wrong[3])


def test_the_stake_at_which_a_cheat_does_not_pay_by_worked_numbers() -> None:
    assert break_even_stake(10, 0.5, rate=0.5) == pytest.approx(30)
    assert break_even_stake(10, 0.5, rate=0.5, gain=20) == pytest.approx(60)
    assert break_even_stake(0, 1.0) == 0
    assert break_even_stake(10, 1.0, rate=0.0) == float("inf")
    for fee, detection, rate in ((-1, 0.5, 0.5), (1, -0.1, 0.5), (1, 1.1, 0.5), (1, 0.5, -0.1), (1, 0.5, 1.1)):
        with pytest.raises(InputError, match=r"probabilities lie within 0..1"):
            break_even_stake(fee, detection, rate=rate)


@pytest.mark.parametrize(("seen", "passes", "altered", "opened"), [(0.5, 6, 3, 4), (0.9, 7, 2, 3), (0.25, 5, 4, 5)])
def test_the_chance_to_be_caught_is_that_of_all_ways_to_open(
    seen: float, passes: int, altered: int, opened: int
) -> None:
    ways = list(combinations(range(passes), opened))
    missed = sum((1 - seen) ** sum(place < altered for place in way) for way in ways)
    assert caught(passes, altered, opened, seen=seen) == pytest.approx(1 - missed / len(ways))
    assert curve(passes, altered, seen=seen)[opened] == pytest.approx(1 - missed / len(ways))


def test_what_nobody_sees_is_never_caught_and_no_stake_deters_it() -> None:
    assert caught(5, 2, 3, seen=0.0) == 0
    assert break_even_stake(10, 0.0) == float("inf")


def test_a_vote_has_a_score_exactly_when_it_is_conclusive() -> None:
    for verdict, score in (
        (Verdict.VALID, None),
        (Verdict.INVALID, None),
        (Verdict.INCONCLUSIVE, 0),
        (Verdict.ABSENT, 0),
    ):
        with pytest.raises(ValueError, match="a score exactly when it is conclusive"):
            Vote(verdict=verdict, score_ppm=score)


def test_a_transfer_moves_a_positive_amount() -> None:
    assert Transfer(source="a", target="b", amount_nano=1, why="w").amount_nano == 1
    for nano in (0, -1):
        with pytest.raises(ValueError, match=f"a transfer moves a positive amount, got {nano}"):
            Transfer(source="a", target="b", amount_nano=nano, why="w")
