"""What an engine is worth: prices follow from what it takes, on this machine, beside the reference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from antiphon.audio.waveform import Waveform
from antiphon.engines import registry
from antiphon.engines.base import Capabilities, Voice
from antiphon.errors import InputError
from antiphon.network.appraisal import appraise, price_floor
from antiphon.nodes.evaluation.evaluator import evaluator_of
from antiphon.services import Request


class Hum:
    """Takes its time, does not hear what it is asked, and is no speech."""

    name: ClassVar[str] = "hum"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    capabilities = Capabilities(
        service="speech",
        languages=("en-us",),
        voices=(Voice(name="hum", language="en-us", engine="hum"),),
        rate_hz=16_000,
        rtf=0.1,
        streams=False,
        seeded=True,
    )

    def check(self, request: Request) -> None:
        pass

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        time.sleep(0.05)
        sound = 0.1 * np.sin(np.arange(32_000) * 0.1)
        yield Waveform(sound.astype(np.float32)[None], 16_000)


def test_a_floor_is_what_the_reference_earns_in_the_same_time() -> None:
    assert price_floor(0.032, 0.032, "kokoro", 0) == 400_000
    assert price_floor(0.016, 0.032, "kokoro", 0) == 200_000
    assert price_floor(0.016, 0.032, "kokoro", 3600 * 10**9) == 16_000_000


@pytest.mark.slow
def test_an_honest_engine_conforms_and_is_judged_valid() -> None:
    hibari = registry.load("hibari")
    told: list[str] = []
    found = appraise(hibari, registry.load("kokoro"), evaluator_of("antiphon"), tell=told.append)
    assert told[0] == "Check 1 of 12: declares itself."
    assert told[-1] == "The judges hear sentence 6 of 6."
    assert {"hibari speaks sentence 6 of 6.", "kokoro speaks sentence 1 of 6."} < set(told)
    assert found.problems == ()
    assert found.quality is not None
    assert (found.quality.valid, found.quality.invalid) == (6, 0)
    assert found.quality.score_ppm is not None
    assert found.quality.score_ppm > 800_000
    assert found.pace.s_per_char < found.reference.s_per_char / 5
    assert found.floor_nano == pytest.approx(
        400_000 * found.pace.s_per_char / found.reference.s_per_char, rel=0.01, abs=1
    )
    assert found.price_nano == pytest.approx(1.25 * found.floor_nano, rel=0.01, abs=1)


@pytest.mark.slow
def test_one_that_hums_is_told_what_is_wrong_and_gets_no_valid_vote() -> None:
    found = appraise(Hum(), registry.load("hibari"), evaluator_of("antiphon"), hour_nano=10**12)
    assert any(problem.startswith("refuses_what_it_cannot_do") for problem in found.problems)
    assert found.quality is not None
    assert found.quality.valid == 0
    assert found.floor_nano >= 10**12 * found.pace.s_per_char / 3600 - 1


def test_only_engines_of_speech_are_checked() -> None:
    for engine, voice in ((registry.load("chiptune"), ""), (registry.load("hibari"), "nobody")):
        with pytest.raises(InputError):
            appraise(engine, registry.load("hibari"), evaluator_of("antiphon"), voice=voice)
