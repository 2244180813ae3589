"""Scenes: who is asked for which line, and how its sound is shaped for its listener."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.audio import Waveform
from antiphon.audio.shaping import Shape, Shaper
from antiphon.client.job import Job, JobRun, items_of, next_batch
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import Passage, Scene, Speech
from antiphon.services import Service

RATE_HZ = 24_000


def scene(*said: tuple[str, str, str]) -> Scene:
    return Scene(
        tuple(Passage(Speech([text], voice, language, "kokoro"), pause_s=0.5) for voice, language, text in said)
    )


def test_voices_of_one_engine_are_asked_of_the_same_nodes() -> None:
    lines = list(
        scene(("af_heart", "en-us", "Good morning to you."), ("bm_george", "en-gb", "And to you, too.")).lines()
    )
    assert {(line.selector.engine, line.selector.voice, line.selector.language) for line in lines} == {
        ("kokoro", "", "en")
    }
    assert [(line.request.voice, line.request.language) for line in lines] == [
        ("af_heart", "en-us"),
        ("bm_george", "en-gb"),
    ]
    [alone] = scene(("af_heart", "en-us", "Good morning to you.")).lines()
    assert alone.selector.voice == "af_heart"
    assert lines[0].pause_s == 0.5


def test_a_task_holds_parts_of_one_selector_and_no_line_is_lost() -> None:
    said = [Speech([f"This is sentence {n} of many."], "x", ("de", "fr")[n // 3 % 2]) for n in range(11)]
    lines = list(Scene(tuple(map(Passage, said))).lines())
    job = Job([line.request for line in lines], lines[0].selector, selector_of=lambda n: lines[n].selector)
    policy = JobPolicy()
    run = JobRun(job, policy, items_of(job, policy))
    batches = []
    while batch := next_batch(run):
        batches.append([(one.number, one.selector.language) for one in batch])
    assert [len(batch) for batch in batches] == [3, 3, 3, 2]
    assert [number for batch in batches for number, _ in batch] == list(range(11))
    assert {len({language for _, language in batch}) for batch in batches} == {1}
    assert all(line.selector.service == Service.SPEECH for line in lines)


@pytest.mark.parametrize(("shape", "hz", "seconds"), [
    (Shape(), 220.0, 2.0),
    (Shape(pitch=2.0), 440.0, 2.0),
    (Shape(faster=2.0), 220.0, 1.0),
    (Shape(faster=0.5, pitch=0.75), 165.0, 4.0),
])  # fmt: skip
def test_pitch_and_pace_change_without_each_other(shape: Shape, hz: float, seconds: float) -> None:
    tone = np.sin(2 * np.pi * 220.0 * np.arange(2 * 22_050) / 22_050).astype(np.float32)[None] / 2
    made = shaped(Waveform(tone, 22_050), shape, 4_410)
    assert made.size / RATE_HZ == pytest.approx(seconds, rel=0.01)
    middle = made[made.size // 4 : made.size * 3 // 4]
    found = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(middle.size)))) * RATE_HZ / middle.size
    assert found == pytest.approx(hz, rel=0.01)


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=6), st.sampled_from([0.7, 1.0, 1.5]))
def test_pieces_do_not_show_in_what_comes_out(sizes: list[int], pitch: float) -> None:
    noise = np.random.default_rng(0).standard_normal((1, sum(sizes))).astype(np.float32) / 8
    shaper, shape = Shaper(RATE_HZ, Shape(1.2, pitch, -6.0)), Shape(1.2, pitch, -6.0)
    pieces, begin = [], 0
    for size in sizes:
        pieces.append(shaper.push(Waveform(noise[:, begin : begin + size], RATE_HZ)).samples[0])
        begin += size
    pieces.append(shaper.finish().samples[0])
    np.testing.assert_allclose(np.concatenate(pieces), shaped(Waveform(noise, RATE_HZ), shape, noise.size), atol=1e-4)


def shaped(wave: Waveform, shape: Shape, step: int) -> np.ndarray:
    shaper = Shaper(RATE_HZ, shape)
    pieces = [
        shaper.push(Waveform(wave.samples[:, begin : begin + step], wave.rate_hz)).samples[0]
        for begin in range(0, wave.samples.shape[1], step)
    ]
    return np.concatenate([*pieces, shaper.finish().samples[0]])
