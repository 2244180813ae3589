"""A whole federation in one process: it learns, whoever misbehaves is named, and any moment is good to be killed in."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from linear import LinearLearner, pieces_of

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from federations import Federation, Saboteur

from antiphon.errors import UnavailableError
from antiphon.genki import learning
from antiphon.genki.rounds.screening import deltas


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return Federation(tmp_path)


def test_a_federation_comes_near_to_training_on_all_data_and_beats_each_party_alone(tmp_path: Path) -> None:
    federation, learner, held_out = Federation(tmp_path, rounds=30), LinearLearner(), pieces_of(999, 2_000)
    federation.run()
    reached = learner.losses(federation.store().parameters(), held_out).mean()
    steps = federation.plan.rounds * federation.plan.local_steps
    pooled = learner.learn(
        learner.initial(), [piece for own in federation.pieces for piece in own], steps=steps, seed=1
    )
    alone = [
        learner.losses(learner.learn(learner.initial(), own, steps=steps, seed=1), held_out).mean()
        for own in federation.pieces
    ]
    together = learner.losses(pooled, held_out).mean()
    assert reached - together < 0.5 * (min(alone) - together)


def test_each_round_is_written_down_and_small(federation: Federation) -> None:
    federation.run()
    reports = federation.store().reports()
    assert [report.round for report in reports] == list(range(1, federation.plan.rounds + 1))
    assert all(len(report.accepted) == 4 and not report.refused for report in reports)
    assert all(later.base == earlier.digest for earlier, later in pairwise(reports))
    assert learning.digest(federation.store().parameters()) == reports[-1].digest
    assert reports[-1].loss is not None


@pytest.mark.parametrize("phase", ["begun", "asked", "arrived", "committing"])
def test_a_coordinator_that_is_killed_goes_on_and_ends_with_the_same_parameters(tmp_path: Path, phase: str) -> None:
    """Killed by an exception that nothing catches, at every step at which something is written."""
    straight = Federation(tmp_path / "straight")
    straight.run()
    killed = Federation(tmp_path / "killed")
    killed.run_until_killed(phase)
    killed.run()
    assert killed.store().state.digest == straight.store().state.digest
    assert [r.accepted for r in killed.store().reports()] == [r.accepted for r in straight.store().reports()]


def test_a_contributor_that_is_killed_goes_on_with_what_its_updates_left_out(tmp_path: Path) -> None:
    straight = Federation(tmp_path / "straight")
    straight.run()
    churn = Federation(tmp_path / "churn")
    churn.run(anew_each_round=True)  # contributors live for one round only; their folders stay
    assert churn.store().state.digest == straight.store().state.digest


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("nan", "not finite"),
        ("huge", "or above 1000"),
        ("nothing", "changes nothing"),
        ("oversized", "too large"),
        ("empty", "not a readable"),
        ("unsigned", "unsigned"),
        ("of another", "who sent it"),
        ("wrong round", "of round 7, not"),
        ("wrong base", "other parameters"),
        ("architecture", "another architecture"),
        ("no record", "holds no update"),
        ("refuses", "It answered: No"),
    ],
)
def test_a_bad_update_is_named_and_the_round_goes_on_without_it(tmp_path: Path, fault: str, why: str) -> None:
    federation = Federation(tmp_path, rounds=2)
    bad = Saboteur(fault)
    federation.run(beside=[bad])
    for report in federation.store().reports():
        assert set(report.accepted) == {node.node_id for node in federation.identities}
        assert why in report.refused[bad.id]
    assert np.isfinite(federation.store().parameters()["weight"]).all()


def test_a_training_that_breaks_and_a_stored_update_that_is_damaged_end_nothing(tmp_path: Path) -> None:
    federation = Federation(tmp_path, rounds=2)
    federation.pieces[0] = [("no", "piece")]  # type: ignore[list-item]
    damaged = tmp_path / "coordinator" / "rounds" / "00001" / f"{federation.identities[1].node_id}.update"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a")
    federation.run()
    for report in federation.store().reports():
        assert len(report.accepted) == 3
        assert "its training broke" in report.refused[federation.identities[0].node_id]


def test_stragglers_are_cut_by_the_deadline_and_take_part_in_the_next_round(tmp_path: Path) -> None:
    federation = Federation(tmp_path, rounds=2, deadline_s=1.0)
    slow = federation.identities[3].node_id
    federation.run(slow={slow: 1.5}, workers=4)
    first = federation.store().reports()[0]
    assert slow not in first.accepted
    assert len(first.accepted) == 3


def test_half_of_the_parties_gone_in_each_round_and_it_still_learns(tmp_path: Path) -> None:
    learner, held_out = LinearLearner(), pieces_of(999, 2_000)
    all_there, churn = (Federation(tmp_path / one, rounds=12) for one in ("all", "churn"))
    all_there.run()
    churn.run(present=lambda round_, n: (round_ + n) % 2 == 0, anew_each_round=True)
    assert all(len(report.accepted) == 2 for report in churn.store().reports())
    losses = [learner.losses(one.store().parameters(), held_out).mean() for one in (all_there, churn)]
    begun = learner.losses(learner.initial(), held_out).mean()
    assert begun - losses[1] > 0.7 * (begun - losses[0])


def test_a_round_with_too_few_parties_is_not_counted_and_keeps_what_had_come(tmp_path: Path) -> None:
    federation = Federation(tmp_path, rounds=1, min_parties=3, deadline_s=0.5)
    with pytest.raises(UnavailableError, match="2 of at least 3 updates"):
        federation.run(present=lambda round_, n: n < 2, attempts=2)
    assert federation.store().state.round == 0
    assert len(federation.store().updates(1)) == 2
    federation.run(present=lambda round_, n: n == 3)
    assert len(federation.store().reports()[0].accepted) == 3


@pytest.mark.parametrize("aggregate", ["median", "trimmed", "krum", "multikrum", "bulyan"])
def test_flowers_strategies_aggregate_as_the_plan_says(tmp_path: Path, aggregate: str) -> None:
    federation = Federation(tmp_path, rounds=2, parties=7, aggregate=aggregate, malicious=1, min_parties=7)
    federation.run()
    assert len(federation.store().reports()[-1].accepted) == 7


def test_a_plan_has_as_many_parties_as_its_strategy_needs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bulyan with malicious = 1 needs min_parties of 7"):
        Federation(tmp_path, aggregate="bulyan", malicious=1, min_parties=6)


def test_what_does_harm_to_held_out_pieces_is_left_out_and_named(tmp_path: Path) -> None:
    wide, losses = LinearLearner(inputs=40), {}
    for screen in (True, False):
        federation = Federation(tmp_path / str(screen), rounds=4, screen=screen)
        federation.learner = wide
        federation.plan = msgspec.structs.replace(federation.plan, model=wide.name)
        federation.pieces = [pieces_of(n, 300, inputs=40) for n in range(4)]
        bad = Saboteur("sign flip")
        federation.run(beside=[bad], held_out=pieces_of(999, 500, inputs=40))
        losses[screen] = wide.losses(federation.store().parameters(), pieces_of(998, 500, inputs=40)).mean()
        if screen:
            reports = federation.store().reports()
            assert all(report.refused[bad.id] == "it makes the held-out loss worse" for report in reports)
            assert all(len(report.accepted) >= 3 for report in reports)
            base = federation.store().parameters()
            assert set(deltas(federation.store(), 4, base)) == set(reports[-1].accepted)
    assert losses[True] < losses[False]
