"""Differential privacy: what it costs, what it buys against an attack, and that it ends when it is spent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from linear import LinearLearner, pieces_of

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from federations import Federation

from antiphon.errors import InputError
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.accounting import epsilon
from antiphon.genki.rounds.inference import infer
from antiphon.genki.rounds.plan import Plan


def attacked(folder: Path, **plan: object) -> tuple[float, float]:
    """AUC of the attack on a federation that learns a few pieces by heart, and its held-out loss."""
    federation = Federation(folder, parties=4, rounds=8, local_steps=60, **plan)
    federation.learner = LinearLearner(inputs=100, rate=1.0)
    federation.plan = Plan(
        **{name: getattr(federation.plan, name) for name in Plan.__struct_fields__} | {"model": federation.learner.name}
    )
    federation.pieces = [pieces_of(n, 15, inputs=100) for n in range(4)]
    federation.run(held_out=())
    members = [piece for own in federation.pieces for piece in own]
    others = pieces_of(77, 200, inputs=100)
    after = federation.store().parameters()
    return infer(federation.learner, federation.learner.initial(), after, members, others).auc, float(
        federation.learner.losses(after, others).mean()
    )


def test_the_attack_finds_members_and_noise_hides_them(tmp_path: Path) -> None:
    open_, _ = attacked(tmp_path / "open")
    hidden, _ = attacked(tmp_path / "hidden", clip_norm=1.0, noise=4.0)
    assert open_ > 0.75
    assert abs(hidden - 0.5) < 0.15


def test_a_model_that_learnt_nothing_tells_nothing(tmp_path: Path) -> None:
    learner = LinearLearner()
    draw = np.random.default_rng(1)
    after = {
        name: value + draw.standard_normal(value.shape).astype(np.float32) for name, value in learner.initial().items()
    }
    leak = infer(learner, learner.initial(), after, pieces_of(1, 150), pieces_of(2, 150))
    assert abs(leak.auc - 0.5) < 3 * leak.error
    with pytest.raises(InputError, match="too few"):
        infer(learner, after, after, pieces_of(1, 19), pieces_of(2, 150))


def test_one_party_moves_the_sum_by_the_clipping_norm_at_most_and_noise_is_as_large_as_planned() -> None:
    base = {"w": np.zeros((200, 200), np.float32)}
    plan = Plan(clip_norm=2.0, noise=3.0)
    huge, small = {"w": np.full((200, 200), 50.0, np.float32)}, {"w": np.full((200, 200), 1e-9, np.float32)}
    made = flower.aggregate(plan, base, [huge, small])
    spread = float((2 * made["w"]).std())
    assert spread == pytest.approx(6.0, rel=0.02)
    quiet = flower.aggregate(Plan(clip_norm=2.0), base, [huge, small])
    assert np.linalg.norm(2 * quiet["w"]) == pytest.approx(2.0, rel=1e-3)


def test_each_report_says_what_is_spent_and_the_federation_ends_before_its_bound(tmp_path: Path) -> None:
    bound = epsilon([3.0] * 4, 1e-5)
    federation = Federation(tmp_path, rounds=10, clip_norm=1.0, noise=3.0, max_epsilon=bound * 1.01)
    federation.run()
    reports = federation.store().reports()
    assert [report.epsilon for report in reports] == [epsilon([3.0] * n, 1e-5) for n in range(1, 5)]
    assert federation.store().state.releases == (3.0,) * 4


@pytest.mark.parametrize(
    "wrong",
    [{"noise": 1.0}, {"noise": 1.0, "clip_norm": 1.0, "aggregate": "median"}, {"max_epsilon": 1.0}, {"delta": 0.0}],
)
def test_a_plan_that_promises_what_it_does_not_keep_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"noise|delta"):
        Plan(**wrong)  # type: ignore[arg-type]
