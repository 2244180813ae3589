from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.scores import attend, prior, remember
from antiphon.economy.types import DEFAULT_RULES, PPM

quality = st.integers(DEFAULT_RULES.floor_quality_ppm, PPM)
score = st.integers(-100_000, PPM)


def test_a_step_goes_a_tenth_of_the_way() -> None:
    assert prior(DEFAULT_RULES) == 500_000
    assert remember(500_000, 800_000, DEFAULT_RULES) == 530_000
    assert remember(500_000, -100_000, DEFAULT_RULES) == 440_000


def test_ten_invalid_parts_bring_a_good_node_below_a_newcomer() -> None:
    q = 900_000
    for _ in range(10):
        q = remember(q, DEFAULT_RULES.punish_score_ppm, DEFAULT_RULES)
    assert 240_000 < q < 260_000


def test_the_floor_holds() -> None:
    q = prior(DEFAULT_RULES)
    for _ in range(100):
        q = remember(q, DEFAULT_RULES.punish_score_ppm, DEFAULT_RULES)
    assert q == DEFAULT_RULES.floor_quality_ppm


@given(quality, score)
def test_quality_stays_an_integer_between_floor_and_1(q: int, s: int) -> None:
    moved = remember(q, s, DEFAULT_RULES)
    assert type(moved) is int
    assert DEFAULT_RULES.floor_quality_ppm <= moved <= PPM


@given(quality, score, score)
def test_a_better_score_never_gives_less(q: int, a: int, b: int) -> None:
    assert remember(q, min(a, b), DEFAULT_RULES) <= remember(q, max(a, b), DEFAULT_RULES)


@pytest.mark.parametrize(
    ("before", "voted", "after"),
    [
        (0, False, 100_000),
        (500_000, True, 450_000),
        (500_000, False, 550_000),
        (PPM, False, PPM),
        (5, True, 4),
        (11, True, 9),
    ],
)
def test_a_seat_moves_what_a_validator_abstains_from_by_a_tenth(before: int, voted: bool, after: int) -> None:
    assert attend(before, DEFAULT_RULES, voted=voted) == after
