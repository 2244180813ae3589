"""The evaluator joins judges of any service, and lets none say what it did not declare."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np
import pytest

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import READING_TOLERANCE, Reading, Verdict
from antiphon.errors import InputError, ModelError
from antiphon.judges import Delivery, JudgeCapabilities, Limit, Metric, ScoreTerm, ScoringProfile
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator, evaluator_of
from antiphon.parties.messages import DATA, Form
from antiphon.services import CustomRequest, Request, SpeechRequest

LOUD = Metric(judge="hum", name="loud", unit="ratio", title="loud", better="higher", source="peak", agrees_within=0.01)
SIZE = Metric(judge="hum", name="size", unit="1", title="size", better="higher", source="bytes")
OTHER = Metric(judge="hum", name="other", unit="1", title="other", better="higher", source="nowhere")
ORDER = CustomRequest(service="humming", seconds=1.0)


class HumJudge:
    """Loudness of sound, size of anything else."""

    name: ClassVar[str] = "hum"
    metrics: ClassVar[tuple[Metric, ...]] = (LOUD, SIZE)
    capabilities = JudgeCapabilities(service="humming", languages=("en",))

    class Options(msgspec.Struct):
        pass

    def __init__(self, more: tuple[Measurement, ...] = ()) -> None:
        self._more = more
        self.delivered: list[Delivery] = []

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        self.delivered.append(delivery)
        size = SIZE.measured(len(delivery.data)) if delivery.data is not None else SIZE.unmeasured("it is sound")
        if delivery.audio is None:
            return (LOUD.unmeasured("it is no sound"), size, *self._more)
        return (LOUD.measured(float(np.abs(delivery.audio.samples).max())), size, *self._more)

    def profile(self, request: Request) -> ScoringProfile:
        term = ScoreTerm(key=LOUD.key, weight=1, zero=0, one=1, source="s")
        limit = Limit(key=LOUD.key, min=0.1, source="audible")
        return ScoringProfile(name="humming", source="s", terms=(term,), limits=(limit,))


def submission(request: Request = ORDER, *, peak: float = 0.5) -> Submission:
    pcm = np.full(8_000, round(peak * 32_768), "<i2").tobytes()
    return Submission(request, pcm, Form(rate_hz=8_000, channels=1), len(pcm), places=b"p", seed=7)


def test_a_judge_gets_the_delivery_as_the_client_does_and_its_profile_decides() -> None:
    judge = HumJudge()
    evaluator = JudgingEvaluator({"humming": judge})
    assert evaluator.abilities == {"humming": ("en",)}
    vote = evaluator.vote(submission())
    assert (vote.verdict, vote.score_ppm) == (Verdict.VALID, 500_000)
    assert vote.readings == (Reading(key="hum.loud", value=round(READING_TOLERANCE * 0.5 / 0.01)),)
    (told,) = judge.delivered
    assert (told.declared_rate_hz, told.declared_samples, told.data, told.places, told.seed) == (
        8_000,
        8_000,
        None,
        b"p",
        7,
    )
    assert evaluator.vote(submission(peak=0.05)).verdict is Verdict.INVALID


def test_what_is_no_sound_is_handed_over_as_bytes_and_what_cannot_be_measured_is_no_zero() -> None:
    judge = HumJudge()
    vote = JudgingEvaluator({"humming": judge}).vote(Submission(ORDER, b"xyz", DATA, 3))
    assert (vote.verdict, vote.score_ppm) == (Verdict.INCONCLUSIVE, None)
    assert (judge.delivered[0].data, judge.delivered[0].audio) == (b"xyz", None)


@pytest.mark.parametrize("more", [(OTHER.measured(1.0),), (OTHER.unmeasured("why"),)])
def test_a_figure_that_a_judge_does_not_declare_is_an_error_and_no_vote(more: tuple[Measurement, ...]) -> None:
    with pytest.raises(ModelError, match=r"hum\.other, which it does not declare"):
        JudgingEvaluator({"humming": HumJudge(more)}).vote(submission())


def test_a_figure_given_twice_is_an_error_and_no_vote() -> None:
    with pytest.raises(ValueError, match="given twice"):
        JudgingEvaluator({"humming": HumJudge((LOUD.measured(1.0),))}).vote(submission())


def test_work_of_a_service_that_nobody_judges_is_refused() -> None:
    with pytest.raises(InputError, match="Nobody here judges speech"):
        JudgingEvaluator({"humming": HumJudge()}).vote(submission(SpeechRequest(text="Hello.", voice="hibari")))


def test_warming_up_tells_what_is_missing() -> None:
    class Cold(HumJudge):
        def warm_up(self) -> None:
            raise ModelError("no model")

    assert JudgingEvaluator({"humming": HumJudge()}).warm_up().result(10) is None
    with pytest.raises(ModelError, match="no model"):
        JudgingEvaluator({"humming": Cold()}).warm_up().result(10)


def test_a_judge_that_would_end_the_program_ends_its_warm_up() -> None:
    class Leaving(HumJudge):
        def warm_up(self) -> None:
            raise SystemExit(3)

    with pytest.raises(ModelError, match=r"SystemExit\(3\)"):
        JudgingEvaluator({"humming": Leaving()}).warm_up().result(10)


def test_profiles_and_options_that_are_not_there_are_told_before_anything_is_judged() -> None:
    with pytest.raises(InputError) as told:
        evaluator_of("bitaudio")
    assert "Did you mean bittaudio" in told.value.hint
    with pytest.raises(InputError):
        evaluator_of("antiphon", {"music": {"tempo": 3}})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"service": "speech", "text": "x"}, "of the network's own"),
        ({"service": "Cakes!", "text": "x"}, "no name of a service"),
        ({"service": "cakes"}, "asks for nothing"),
        ({"service": "cakes", "text": " "}, "asks for nothing"),
        ({"service": "cakes", "seconds": 31.0}, "outside 0-30"),
        ({"service": "cakes", "seconds": float("nan")}, "outside 0-30"),
        ({"service": "cakes", "text": "x" * 2_001}, "more than 2000"),
    ],
)
def test_a_custom_request_has_limits(fields: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        CustomRequest(**fields)  # type: ignore[arg-type]
