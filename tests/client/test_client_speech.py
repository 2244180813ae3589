"""A pace that engines cannot keep is made by the client, from what nodes made and judges heard at their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from network_of import ScriptedEvaluator, world

from antiphon.client.events import Sound
from antiphon.client.speech import OUTPUT_RATE_HZ, Speech, own_speed, speak
from antiphon.services import SpeechRequest

TEXT = "The first of two sentences is here. And this is the second one, a little longer."


async def spoken(folder: Path, speed: float) -> tuple[np.ndarray, ScriptedEvaluator]:
    evaluator = ScriptedEvaluator()
    async with world(folder, processors=1, evaluator=evaluator) as net:
        speech = Speech([TEXT], voice="tone", language="en-us", speed=speed, seed=3)
        pieces = [event.audio.samples[0] async for event in speak(net.client, speech) if isinstance(event, Sound)]
    return np.concatenate(pieces), evaluator


async def test_twice_as_fast_is_half_as_long_as_high_and_judged_at_the_engines_own_pace(tmp_path: Path) -> None:
    plain, _ = await spoken(tmp_path / "plain", 1.0)
    fast, evaluator = await spoken(tmp_path / "fast", 2.0)
    room_s = 0.4  # before and after, which no pace changes
    assert fast.size / plain.size == pytest.approx(0.5, abs=room_s * OUTPUT_RATE_HZ / plain.size)

    def pitch_hz(samples: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
        return float(spectrum.argmax() * OUTPUT_RATE_HZ / samples.size)

    assert pitch_hz(fast) == pytest.approx(pitch_hz(plain), rel=0.03)
    asked = {heard.request.speed for heard in evaluator.heard if isinstance(heard.request, SpeechRequest)}
    assert asked == {1.0}
    lengths = {heard.audio.samples.shape[1] for heard in evaluator.heard if heard.audio is not None}
    assert sum(lengths) > fast.size  # what was judged is what the node made


async def test_slower_than_its_own_pace_is_the_engines_work(tmp_path: Path) -> None:
    _, evaluator = await spoken(tmp_path, 0.5)
    assert {heard.request.speed for heard in evaluator.heard if isinstance(heard.request, SpeechRequest)} == {0.5}
    assert own_speed(0.5) == 0.5
