"""A vote carries what proves that the work was heard."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.bench import cheats
from antiphon.economy.types import Verdict
from antiphon.judges.metrics import SURENESS
from antiphon.nodes.evaluation.evaluator import evaluator_of
from antiphon.services import SpeechRequest

TEXT = "The parcel will arrive before the weather turns."


@pytest.mark.slow
def test_an_honest_vote_gives_a_reading_of_every_model_and_another_clip_other_readings() -> None:
    evaluator = evaluator_of("antiphon")
    told = []
    for text in (TEXT, "Nobody asked the pilot why she had changed her mind."):
        case = cheats.Case(
            SpeechRequest(text=text, voice="hibari"), cheats.synthesise(text, "hibari", 0), np.random.default_rng(0), 0
        )
        vote = evaluator.vote(cheats.honest(case))
        assert vote.verdict is Verdict.VALID
        told.append({reading.key: reading.value for reading in vote.readings})
    assert (
        set(told[0])
        == set(told[1])
        == {
            "words.echo_0",
            "words.echo_1",
            "words.echo_2",
            SURENESS.key,
            "naturalness.distillmos",
            "naturalness.dnsmos_sig",
            "naturalness.dnsmos_bak",
            "voice.similarity",
        }
    )
    assert sum(abs(told[0][key] - told[1][key]) > 1_000 for key in told[0]) >= 4
