"""What `antiphon bench` measures with, on a few tries each."""

from __future__ import annotations

import pytest

from antiphon.bench import cheats
from antiphon.bench.figure import figure
from antiphon.bench.incentives import incentive_figures
from antiphon.bench.sentences import HELD_OUT
from antiphon.economy.types import Verdict
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator, evaluator_of

DEAR = {"other voice", "somebody else's result"}  # made with Kokoro, which takes seconds


@pytest.fixture(scope="module")
def evaluator() -> JudgingEvaluator:
    return evaluator_of("antiphon")


def test_a_figure_says_whether_its_target_is_reached() -> None:
    assert figure("a", 3.0, "s", "< 8").reached is True
    assert figure("a", 3.0, "s", ">= 8").reached is False
    assert figure("a", 3.0, "s").reached is None
    assert figure("a", None, "s", "< 8").reached is None


def test_a_validator_that_works_earns_more_than_one_that_does_not() -> None:
    assert all(found.reached for found in incentive_figures())


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["hibari", "espeak-en-us"])
def test_honest_work_is_valid(evaluator: JudgingEvaluator, voice: str) -> None:
    counts = cheats.verdicts(evaluator, cheats.honest, cheats.cases(voice, 3, seed=11))
    assert counts[Verdict.VALID] == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(cheats.CHEATS))
def test_every_cheat_is_rejected(evaluator: JudgingEvaluator, name: str) -> None:
    tries = 1 if name in DEAR else 2
    counts = cheats.verdicts(evaluator, cheats.CHEATS[name], cheats.cases("hibari", tries, seed=12))
    assert counts[Verdict.INVALID] == tries


def test_the_held_out_sentences_are_twenty_and_ordinary() -> None:
    assert len(set(HELD_OUT)) == 20
    assert all(text.endswith(".") and 8 <= len(text.split()) <= 14 for text in HELD_OUT)
