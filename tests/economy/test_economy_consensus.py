from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import yuma_again
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy import consensus
from antiphon.economy.consensus import ONE, Integers, Options, Outcome, reach
from antiphon.errors import InputError

KAPPA = Fraction(499_992, 1_000_000)


def share(values: Integers) -> list[float]:
    return list(np.asarray(values, dtype=np.float64) / max(1, int(values.sum())))


def test_the_published_example_comes_out() -> None:
    found = reach(np.array([[60, 30], [50, 50], [10, 50]]), [600, 300, 100], options=Options(kappa_ppm=500_000))
    assert list(found.consensus / ONE) == pytest.approx([0.666667, 0.333333], abs=1e-6)
    assert share(found.rank) == pytest.approx([0.629630, 0.370370], abs=1e-6)
    assert list(found.trust / ONE) == pytest.approx([1, 0.769231], abs=1e-6)
    assert list(found.validator_trust / ONE) == pytest.approx([1, 0.833333, 0.5], abs=1e-6)
    assert share(found.dividends) == pytest.approx([0.666667, 0.277778, 0.055556], abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(beta_ppm=300_000, alpha_ppm=250_000),
        Options(yuma3=True),
        Options(yuma3=True, liquid_ppm=(700_000, 900_000)),
    ],
)
@pytest.mark.parametrize("seed", range(12))
def test_integers_say_what_fractions_say(options: Options, seed: int) -> None:
    generator = np.random.default_rng(seed)
    validators, nodes = int(generator.integers(1, 9)), int(generator.integers(1, 12))
    weights = generator.integers(0, 65_536, (validators, nodes)) * (generator.random((validators, nodes)) < 0.7)
    stake = [int(one) for one in generator.integers(0, 10**18, validators)]
    bonds = generator.integers(0, ONE + 1, (validators, nodes))
    expected = yuma_again.epoch(
        yuma_again.Chain(
            weights=weights.tolist(),
            stake=stake,
            bonds=(bonds / ONE).tolist(),
            kappa=KAPPA,
            beta=Fraction(options.beta_ppm, 10**6),
            alpha=Fraction(options.alpha_ppm, 10**6),
            yuma3=options.yuma3,
            liquid=options.liquid_ppm and (options.liquid_ppm[0] / 1e6, options.liquid_ppm[1] / 1e6),
        )
    )
    found = reach(weights, stake, bonds, options)
    assert list(found.consensus / ONE) == pytest.approx([float(one) for one in expected["consensus"]], abs=1e-6)
    assert share(found.rank) == pytest.approx([float(one) for one in expected["incentive"]], abs=1e-6)
    assert share(found.dividends) == pytest.approx([float(one) for one in expected["dividends"]], abs=1e-6)
    held = [[float(one) for one in row] for row in expected["bonds"]]
    assert found.bonds / ONE == pytest.approx(np.array(held), abs=1e-6)


def extreme(validators: int, nodes: int) -> Outcome:
    """The largest numbers there can be."""
    weights = np.full((validators, nodes), 65_535)
    return reach(weights, [10**18] * validators, np.full((validators, nodes), ONE), Options(beta_ppm=999_999))


@pytest.mark.parametrize("validators", [1, 2, 64])
@pytest.mark.parametrize("nodes", [1, 3, 4_096])
def test_nothing_overflows(validators: int, nodes: int) -> None:
    found = extreme(validators, nodes)
    for values in (found.consensus, found.rank, found.trust, found.validator_trust, found.bonds, found.dividends):
        assert values.min() > 0
    assert found.rank.sum() <= ONE * ONE
    assert found.rank.max() - found.rank.min() == 0
    assert found.bonds.sum(axis=0).max() <= ONE


def test_half_of_the_stake_is_a_consensus() -> None:
    found = reach(np.array([[1, 0], [0, 1]]), [7, 7])
    assert share(found.rank) == [0.5, 0.5]
    assert share(reach(np.array([[1, 0], [0, 1]]), [7, 8]).rank) == [0, 1]


def test_without_stake_or_weights_nobody_has_a_rank() -> None:
    assert not reach(np.array([[1, 2]]), [0]).rank.any()
    found = reach(np.zeros((2, 2), dtype=np.int64), [3, 1])
    assert not found.rank.any()
    assert share(found.dividends) == [0.75, 0.25]
    assert reach(np.zeros((0, 0), dtype=np.int64), []).bonds.shape == (0, 0)


def test_the_curve_of_liquid_alpha_is_the_sigmoid() -> None:
    differences = np.linspace(0, ONE, 1_001).astype(np.int64)
    found = consensus._sigmoid(differences)
    assert found == pytest.approx([1e6 / (1 + math.exp(-10 * (one / ONE - 0.5))) for one in differences], abs=1.1)


@pytest.mark.parametrize(
    ("weights", "stake", "bonds"),
    [
        (np.array([[65_536]]), [1], None),
        (np.array([[-1]]), [1], None),
        (np.array([[math.nan]]), [1], None),
        (np.array([[0.5]]), [1], None),
        (np.array([1]), [1], None),
        (np.array([[1]]), [-1], None),
        (np.array([[1]]), [1, 1], None),
        (np.array([[1]]), [1], np.array([[ONE + 1]])),
        (np.array([[1]]), [1], np.array([[1, 1]])),
    ],
)
def test_what_is_no_weight_is_refused(weights: Integers, stake: list[int], bonds: Integers | None) -> None:
    with pytest.raises(InputError):
        reach(weights, stake, bonds)


@pytest.mark.parametrize(
    "values", [{"kappa_ppm": 0}, {"alpha_ppm": 1_000_001}, {"beta_ppm": -1}, {"liquid_ppm": (1, 2)}]
)
def test_options_out_of_bounds_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Options(**values)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        Options(yuma3=True, liquid_ppm=(900_000, 700_000))


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=40))
def test_shares_of_stake_never_exceed_the_whole(stake: list[int]) -> None:
    found = consensus.shares(stake)
    assert found.sum() <= ONE
    assert not any(stake) or found.sum() > ONE - len(stake)
