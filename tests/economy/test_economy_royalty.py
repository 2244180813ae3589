"""Royalties: nobody behind a model vanishes, and every unit goes somewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy import royalty
from antiphon.economy.types import PPM
from antiphon.errors import InputError


def line(depth: int, asked: int, floor_ppm: int = royalty.FLOOR_PPM) -> royalty.Division[int]:
    """The division of an asset whose ancestors are `depth` generations, one asset each, numbered from 1."""
    found: royalty.Division[int] = ()
    for number in range(1, depth + 1):
        found = royalty.division([(number, asked, found)], floor_ppm)
    return found


def test_a_parents_part_is_divided_on_by_its_own_division() -> None:
    assert line(2, 100_000, floor_ppm=0) == ((2, 1, 90_000), (1, 2, 10_000))
    assert line(3, 100_000, floor_ppm=0) == ((3, 1, 90_000), (2, 2, 9_000), (1, 3, 1_000))


def test_a_level_gets_the_floor_and_the_asset_pays_for_it() -> None:
    assert line(2, 100_000) == ((2, 1, 90_000), (1, 2, 20_000))
    assert royalty.divided(1_000_001, 3, line(2, 100_000)) == {2: 90_000, 1: 20_000, 3: 890_001}


def test_a_level_below_the_floor_is_raised_in_proportion_to_the_unit() -> None:
    parents = [(7, 5_000, ()), (8, 2_000, ())]
    assert royalty.division(parents) == ((7, 1, 14_286), (8, 1, 5_714))


def test_who_asks_for_nothing_gets_nothing() -> None:
    assert royalty.division([(7, 0, ())]) == ((7, 1, 0),)


def test_the_oldest_ancestors_share_the_last_level() -> None:
    found = line(12, royalty.MAX_ASKED_PPM)
    assert [level for _, level, _ in found] == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7]
    assert all(ppm > 0 for _, _, ppm in found)


def test_an_ancestor_on_two_ways_gets_both_parts() -> None:
    above = ((1, 1, 100_000),)
    found = royalty.division([(2, 200_000, above), (3, 300_000, above)])
    assert found == ((2, 1, 180_000), (1, 2, 50_000), (3, 1, 270_000))


@pytest.mark.parametrize(
    "parents",
    [
        [(1, 1, ()), (1, 1, ())],
        [(1, royalty.MAX_ASKED_PPM + 1, ())],
        [(1, -1, ())],
        [(number, 200_001, ()) for number in (1, 2, 3)],
    ],
)
def test_parents_out_of_bounds_are_refused(parents) -> None:
    with pytest.raises(InputError):
        royalty.division(parents)


@given(st.integers(0, 12), st.integers(0, royalty.MAX_ASKED_PPM), st.integers(0, 50_000), st.integers(0, 2**128))
def test_every_unit_goes_somewhere_and_the_asset_keeps_some(depth, asked, floor_ppm, amount) -> None:
    parts = royalty.divided(amount, depth + 1, line(depth, asked, floor_ppm))
    assert sum(parts.values()) == amount
    assert min(parts.values()) >= 0
    assert parts[depth + 1] >= amount * 50_000 // PPM


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=8), st.integers(0, 2**64))
def test_contributors_get_all_that_their_asset_has_earned(weights, amount) -> None:
    shares = {f"node {n}": weight for n, weight in enumerate(weights)}
    shares["node 0"] += PPM - sum(weights)
    parts = royalty.earned(amount, shares)
    assert sum(parts.values()) == amount
    for who, share in shares.items():
        assert 0 <= parts[who] - amount * share // PPM < len(shares)


@pytest.mark.parametrize("shares", [{"ann": PPM - 1}, {"ann": PPM + 1, "ben": -1}, {"ann": PPM, "ben": 1}])
def test_shares_that_are_no_whole_are_refused(shares) -> None:
    with pytest.raises(InputError):
        royalty.earned(100, shares)
