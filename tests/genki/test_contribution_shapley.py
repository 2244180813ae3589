"""Shapley values: worked games, the axioms, the estimate against the exact value, and against pyDVL."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.genki.contribution.shapley import exact, shapley, truncated

VECTORS = Path(__file__).parents[1] / "vectors" / "shapley.json"
"""Of scripts/shapley_vectors.py."""


class Table:
    """A game by its table of values."""

    def __init__(self, values: list[float]) -> None:
        self.values, self.asked = values, set[int]()

    @property
    def everybody(self) -> int:
        return len(self.values) - 1

    @property
    def evaluations(self) -> int:
        return len(self.asked - {0})

    def value(self, group: int) -> float:
        self.asked.add(group)
        return self.values[group]


def quadratic(players: int, seed: int, beyond: float = 0.0) -> Table:
    """Values by members and pairs of members, and `beyond` of noise."""
    draw = np.random.default_rng(seed)
    alone, pairs = draw.random(players), draw.standard_normal((players, players)) / players
    values = []
    for group in range(1 << players):
        members = [player for player in range(players) if group >> player & 1]
        together = sum(pairs[one, two] for one, two in itertools.combinations(members, 2))
        values.append(float(alone[members].sum() + together + beyond * draw.standard_normal() * bool(group)))
    return Table(values)


def test_the_glove_game_has_its_textbook_values() -> None:
    # Player 0 has a left glove, 1 and 2 a right one each: 2/3, 1/6, 1/6 (Shapley, 1953).
    game = Table([0, 0, 0, 1, 0, 1, 0, 1])
    assert exact(game).values == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert not exact(game).errors.any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=15, max_size=15))
def test_values_sum_to_everybodys_and_whoever_adds_nothing_has_none(rest: list[float]) -> None:
    table = [0.0, *rest]
    with_idler = Table(table + table)  # player 4 changes nothing
    found = exact(with_idler).values
    assert found.sum() == pytest.approx(table[-1], abs=1e-9)
    assert found[4] == pytest.approx(0, abs=1e-12)


def test_an_order_and_its_reverse_are_exact_where_players_interact_by_pairs() -> None:
    game = quadratic(8, 1)
    found = truncated(game, pairs=1, seed=3)
    assert found.evaluations == 15
    assert found.values == pytest.approx(exact(quadratic(8, 1)).values)
    assert np.isnan(found.errors).all()  # one pair says nothing of its error


def test_the_stated_error_covers_the_exact_value() -> None:
    covered = []
    for seed in range(20):
        found, true = truncated(quadratic(8, seed, 0.1), pairs=6, seed=seed), exact(quadratic(8, seed, 0.1)).values
        covered += list(np.abs(found.values - true) <= 2.57 * found.errors)  # t of 5 degrees of freedom, 95%
    assert np.mean(covered) > 0.88


def test_orders_are_cut_where_the_rest_is_worth_nothing() -> None:
    values = [0.0] + [1.0] * 1023  # whoever comes first brings all
    found = truncated(Table(values), pairs=4, seed=0)
    assert found.evaluations <= 25
    assert found.values.sum() == pytest.approx(1)


def test_more_than_eight_players_are_estimated_and_eight_are_not() -> None:
    assert not shapley(quadratic(8, 2)).errors.any()
    assert shapley(quadratic(10, 2, 0.1)).errors.any()
    assert shapley(quadratic(10, 2, 0.1), exactly=10).evaluations == 1023


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()), ids=lambda one: f"{len(one['shapley'])} players")
def test_pydvl_finds_the_same_values(vector: dict[str, list[float]]) -> None:
    assert exact(Table(vector["values"])).values == pytest.approx(vector["shapley"], abs=1e-9)
