from __future__ import annotations

import numpy as np
import pytest
from speech_signals import RATE_HZ, buzz

from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.judges.speech.rendering import MAX_CHARS, RenderingMeter
from antiphon.services import SpeechRequest


def evidence(samples: np.ndarray, text: str = "Why?") -> Evidence:
    return Evidence(SpeechRequest(text=text, voice="tone"), Waveform(samples[None], RATE_HZ), RATE_HZ, samples.size)


class Engine:
    """Another buzz for another text; counts how often it is asked. The seed changes nothing."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: SpeechRequest, seed: int) -> Waveform:
        self.asked += 1
        return Waveform(buzz(0.6, seed=len(request.text))[None], RATE_HZ)


def test_the_order_as_our_engine_speaks_it_is_near_and_another_is_far() -> None:
    judge = RenderingMeter(Engine())
    right, length = judge.measure(evidence(0.5 * buzz(0.6, seed=4)))
    wrong, _ = judge.measure(evidence(buzz(0.6, seed=9)))
    assert (right.name, right.unit, length.name) == ("distance_db", "dB", "length_ratio")
    assert right.value == pytest.approx(0.0, abs=0.2)
    assert wrong.value > right.value + 3
    assert length.value == pytest.approx(1.0, abs=0.05)


def test_one_order_is_rendered_once() -> None:
    engine = Engine()
    judge = RenderingMeter(engine)
    for _ in range(3):
        judge.measure(evidence(buzz(0.6, seed=4)))
    judge.measure(evidence(buzz(0.6, seed=5), "Who?!"))
    assert engine.asked == 2


def test_where_the_seed_changes_the_sound_the_nearest_of_several_counts() -> None:
    def varying(request: SpeechRequest, seed: int) -> Waveform:
        return Waveform(buzz(0.6, seed=20 + seed)[None], RATE_HZ)

    (distance, _) = RenderingMeter(varying).measure(evidence(buzz(0.6, seed=21)))
    assert distance.value == pytest.approx(0.0, abs=0.2)


def test_what_cannot_be_rendered_or_compared_is_inconclusive_with_its_reason() -> None:
    def missing(request: SpeechRequest, seed: int) -> Waveform:
        raise InputError(f"No engine here has the voice {request.voice}")

    def reasons(judge: RenderingMeter, one: Evidence) -> set[str | None]:
        return {figure.reason for figure in judge.measure(one)}

    assert reasons(RenderingMeter(missing), evidence(buzz(0.6))) == {"No engine here has the voice tone"}
    assert reasons(RenderingMeter(Engine()), evidence(np.zeros(RATE_HZ, np.float32))) == {"there is no sound"}
    assert "longer than" in str(reasons(RenderingMeter(Engine()), evidence(buzz(0.6), "a" * (MAX_CHARS + 1))))


def test_an_engine_that_breaks_is_inconclusive_and_never_a_score() -> None:
    meters = SpeechMeters(render=lambda request, seed: Waveform(np.zeros((1, 1)) / 0, 0))
    figures = meters.compare(evidence(buzz(0.6)))
    meters.close()
    assert [figure.name for figure in figures] == ["distance_db", "length_ratio"]
    assert all(figure.inconclusive and figure.reason for figure in figures)


def test_a_panel_without_engines_compares_nothing() -> None:
    meters = SpeechMeters()
    assert meters.compare(evidence(buzz(0.6))) == ()
    meters.close()
