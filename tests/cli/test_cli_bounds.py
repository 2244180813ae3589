"""A rejected delivery says which bound it broke and by how much; figures are of what was delivered."""

from __future__ import annotations

import pytest

from antiphon.cli.bounds import broken
from antiphon.cli.figures import delivered
from antiphon.economy.measurement import Measurement
from antiphon.economy.types import Verdict, Vote
from antiphon.judges.speech.cards import card
from antiphon.judges.speech.expectation import expectation_of
from antiphon.judges.speech.scoring import ANTIPHON
from antiphon.ledger.operations import Selector
from antiphon.services import SpeechRequest

ORDER = Selector(service="speech", language="en-us", voice="af_heart", engine="kokoro")


def vote(verdict: Verdict, **figures: float) -> Vote:
    judges = {"wer": "words", "distillmos": "naturalness"}
    measured = tuple(
        Measurement(judge=judges.get(name, "integrity"), name=name, unit="", value=value)
        for name, value in figures.items()
    )
    return Vote(verdict=verdict, score_ppm=None if verdict is Verdict.INCONCLUSIVE else 500_000, measurements=measured)


def test_each_broken_bound_is_told_with_its_distance():
    votes = {
        "a": vote(Verdict.INVALID, wer=0.9, distillmos=4.4, silence_share=0.1),
        "b": vote(Verdict.INVALID, wer=0.8, distillmos=4.4, silence_share=0.1),
        "c": vote(Verdict.INVALID, wer=0.7, distillmos=1.0, silence_share=0.1),
        "d": vote(Verdict.VALID, wer=0.0, distillmos=4.4, silence_share=0.1),
    }
    ((key, value, bound, beyond),) = broken(votes, ORDER, 200)
    request = SpeechRequest(text="x" * 200, voice="af_heart", language="en-us")
    limits = {one.key: one for one in ANTIPHON.expecting(expectation_of(request, card("af_heart"))).limits}
    assert (key, value, bound) == ("words.wer", 0.8, limits["words.wer"].bounds)
    assert limits["words.wer"].under is not None
    assert beyond == pytest.approx(0.8 - limits["words.wer"].under)


@pytest.mark.parametrize("verdict", [Verdict.VALID, Verdict.INCONCLUSIVE])
def test_work_that_nobody_voted_against_broke_nothing(verdict):
    assert list(broken({"a": vote(verdict, wer=0.9)}, ORDER, 200)) == []


def test_figures_leave_out_attempts_that_failed():
    class Part:
        def __init__(self, state: str) -> None:
            self.state = state

    valid, rejected = Part("valid"), Part("invalid")
    assert delivered([rejected, valid]) == [valid]  # type: ignore[list-item]
    assert delivered([rejected]) == [rejected]  # type: ignore[list-item]
