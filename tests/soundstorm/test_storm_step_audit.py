"""What the bench says of step audits, on a generator whose rule is known."""

from __future__ import annotations

import numpy as np
import pytest
from storm_worlds import LAYOUT, Oracle, job

from antiphon.bench.step_audit import BEACONS, OPENED, Other, _altered, audit_figures, traced
from antiphon.economy.types import Verdict
from antiphon.soundstorm.audit import Task, audit, commit, open_pass
from antiphon.soundstorm.decoding import DecodingOptions

TASKS = [Task("oracle", LAYOUT, DecodingOptions(), job(60, 10, seed=n)) for n in range(12)]


def honest() -> Oracle:
    """So unsure that the noise decides: a confident one would come to the same tokens in four passes as in sixteen."""
    return Oracle(sharpness=2.0, blur=0.3)


def named(figures, part):
    return next(one for one in figures if part in one.name)


@pytest.fixture(scope="module")
def figures():
    judge, small = honest(), Oracle(sharpness=0.5)
    return list(
        audit_figures(
            judge,
            TASKS,
            {"the same": Other(honest()), "not there": Other("nobody exported it")},
            {"a blunter model": small, "absent": "it cannot be loaded"},
        )
    )


def test_honest_passes_are_counted_and_none_is_rejected(figures):
    found = named(figures, "rejected, the same")
    passes = len(TASKS) * len(TASKS[0].steps)
    assert found.value == 0
    assert found.reached is True
    assert f"0 of {passes} passes" in found.note
    assert f"{3000 / passes:.1f} at 95%" in found.note  # zero of few is not zero


def test_what_cannot_be_run_is_not_measured_and_says_why(figures):
    for part, why in (("rejected, not there", "nobody exported it"), ("absent", "it cannot be loaded")):
        found = named(figures, part)
        assert found.value is None
        assert found.reached is None
        assert found.note == why


def test_other_seeds_models_and_fewer_passes_are_caught(figures):
    for part in ("another seed", "a blunter model", "passes of the first level instead of 16"):
        assert (named(figures, part).value or 0) > 90, part  # of twelve, one may go free


def test_one_altered_token_is_caught_in_proportion_to_the_passes_opened(figures):
    passes = len(TASKS[0].steps)
    assert named(figures, "its own pass opened").value == 100
    shares = [named(figures, f"token, {opened} of {passes}").value for opened in (1, OPENED, 9, passes)]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    for opened, share in zip((1, OPENED, 9), shares, strict=False):
        p = opened / passes
        error = 100 * np.sqrt(p * (1 - p) / (len(TASKS) * BEACONS))
        assert abs(share - 100 * p) < 4 * error


def test_an_alteration_changes_one_pass_and_the_rest_is_honest():
    judge = honest()
    for number, task in enumerate(TASKS[:6]):
        trace, altered = _altered(judge, task, number)
        made = commit(task, trace)
        verdicts = [audit(task, made, n, open_pass(task, trace, n), judge).verdict for n in range(len(task.steps))]
        assert [n for n, verdict in enumerate(verdicts) if verdict is Verdict.INVALID] == [altered]
        assert (traced(judge, task).grids[-1] != trace.grids[-1]).any()
