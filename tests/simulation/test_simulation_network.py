"""Whole networks: money, seeds, sizes, and the vectorised paths beside the functions that they stand for."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from antiphon.economy.epochs import upscaled
from antiphon.economy.evidence import remember
from antiphon.economy.types import DEFAULT_RULES, PPM
from antiphon.errors import InputError
from antiphon.simulation.comparing import compare
from antiphon.simulation.network import Network
from antiphon.simulation.profiles import PROFILES, profile
from antiphon.simulation.strategies import DISHONEST
from antiphon.simulation.weighing import UNKNOWN, remember_all, row_of

EVERYBODY = dict.fromkeys(DISHONEST, 0.05)


@pytest.mark.parametrize("name", list(PROFILES))
def test_money_is_conserved_in_every_epoch_with_every_strategy(name: str) -> None:
    network = Network(profile(name), 60, EVERYBODY, seed=3)
    for _ in range(6):
        network.run(1)  # checks the balances after each epoch
        assert sum(network.balances.nano.values()) == 0
    assert network.play.counts.parts > 0


def test_the_same_seed_gives_the_same_figures_and_another_does_not() -> None:
    one, two, other = (Network(profile("default"), 60, EVERYBODY, seed).run(5) for seed in (7, 7, 8))
    assert one.earned == two.earned
    assert one.history == two.history
    assert one.earned != other.earned


def test_all_memories_at_once_are_remembered_as_one_by_one() -> None:
    dice = np.random.default_rng(5)
    memory = dice.integers(DEFAULT_RULES.floor_quality_ppm, PPM + 1, (30, 40))
    memory[dice.random(memory.shape) < 0.2] = UNKNOWN
    scores = dice.integers(-100_000, PPM + 1, memory.shape)
    judged = dice.random(memory.shape) < 0.5
    found = remember_all(memory, scores, judged, DEFAULT_RULES)
    for place in np.ndindex(memory.shape):
        before = int(memory[place])
        known = None if before == UNKNOWN else before
        expected = remember(known, int(scores[place]), DEFAULT_RULES) if judged[place] else before
        assert found[place] == expected


def test_a_row_of_the_matrix_is_what_a_validator_would_commit() -> None:
    dice = np.random.default_rng(6)
    uids = np.cumsum(dice.integers(1, 5, 40))
    for _ in range(20):
        qualities = np.where(dice.random(40) < 0.3, 0, dice.integers(0, PPM, 40) ** 2)
        assert row_of(qualities, uids) == upscaled(dict(zip(uids.tolist(), qualities.tolist(), strict=True)))
    assert row_of(np.zeros(40, np.int64), uids) == upscaled({})


def test_who_delivers_rubbish_earns_less_than_its_honest_twin() -> None:
    busy = msgspec.structs.replace(profile("default"), load_ppm=PPM)
    found = compare(busy, 40, 10, "result-copier", 0.2, seeds=(1, 2))
    assert found.tasks_nano < 0 < found.honest_tasks_nano
    assert found.passed_ppm == 0
    assert not found.pays


@pytest.mark.parametrize("name", ["weight-copier", "sybil", "silent-relay", "vote-inflator"])
def test_what_paid_before_weights_needed_judgements_pays_no_more(name: str) -> None:
    busy = msgspec.structs.replace(profile("default"), load_ppm=PPM)
    found = compare(busy, 60, 10, name, 0.33, seeds=(1, 2))
    assert found.profit_nano < 0
    assert not found.pays


def test_inflated_weights_count_nothing_where_evidence_does_and_pay_where_they_are_declared() -> None:
    worlds = [msgspec.structs.replace(profile(name), load_ppm=PPM) for name in ("default", "declared")]
    backed, declared = (compare(world, 60, 10, "weight-inflator", 0.33, seeds=(1, 2)) for world in worlds)
    assert backed.profit_nano == 0 < declared.profit_nano


def test_a_small_league_loses_and_one_with_most_stake_does_not() -> None:
    busy = msgspec.structs.replace(profile("default"), load_ppm=PPM)
    small, large = (compare(busy, 60, 8, "league", share, seeds=(1,)) for share in (0.1, 0.8))
    assert small.tasks_nano < small.honest_tasks_nano
    assert large.passed_ppm > 0.8 * PPM


@pytest.mark.parametrize(
    ("nodes", "epochs", "shares", "told"),
    [
        (0, 1, {}, "too small"),
        (40, 0, {}, "0 epochs"),
        (40, 1, {"lazy": 1.5}, "share"),
        (40, 1, {"lazy": -0.1}, "share"),
        (40, 1, {"lazy": float("nan")}, "share"),
        (40, 1, {"lazy": 0.6, "league": 0.6}, "more than the whole"),
        (40, 1, {"lasy": 0.1}, "lazy"),
    ],
)
def test_impossible_networks_are_refused(nodes: int, epochs: int, shares: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Network(profile("default"), nodes, shares, seed=1).run(epochs)


def test_unknown_profiles_are_told_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean default"):
        profile("defalt")
