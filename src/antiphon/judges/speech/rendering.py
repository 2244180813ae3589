"""Rendering: does it sound like what the ordered engine makes of the order here?

Predictors and recognisers know sentences; of `Why?` or of a name they say little, and honest work is as odd to them as
a cheat. The engine itself knows: two renderings of one order by one voice lie near each other on any processor
and with any seed, another word or another voice lies further away (docs/judging.md). So a short clip is held
against our own rendering, and what our own rendering does too is nobody's fault.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec
import numpy as np

from antiphon.analysis.dtw import DtwDistance, dtw_distance
from antiphon.analysis.features import mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.economy.measurement import Measurement
from antiphon.errors import AntiphonError
from antiphon.judges.metric import unmeasured
from antiphon.judges.metrics import OWN_RENDERING, RENDERING, RENDERING_LENGTH
from antiphon.judges.speech.evidence import Evidence, missing_audio, signal_of
from antiphon.services import SpeechRequest

Render = Callable[[SpeechRequest, int], Waveform]
"""What the engine of the ordered voice makes of an order and a seed here. Raises `AntiphonError` when it is not
installed."""

TRIES = 3
NEAR_DB = 2.5
"""One rendering as near as this is enough. An engine whose voice varies gets `TRIES` seeds, the order's first: the
nearest counts, for the same seed may end elsewhere on another processor."""

MAX_CHARS = 300
"""About 20 s of speech: rendering more costs more than the doubt is worth."""

REMEMBERED = 32
"""Renderings kept for orders that come again; at most 40 MB."""


class RenderingMeter:
    """`distance_db`, dB: 0 is the same sound; `length_ratio` of the sound to our own version, which `render` makes."""

    name = "rendering"

    def __init__(self, render: Render) -> None:
        def own(order: bytes, seed: int) -> Samples:
            return mono_16k(render(msgspec.json.decode(order, type=SpeechRequest), seed))

        self._own = lru_cache(maxsize=REMEMBERED)(own)

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        request = evidence.request
        if reason := missing_audio(evidence):
            return unmeasured(OWN_RENDERING, reason)
        if len(request.text) > MAX_CHARS:
            return unmeasured(OWN_RENDERING, f"the text is longer than {MAX_CHARS} characters")
        try:
            order = msgspec.json.encode(request)
            found = nearest(signal_of(evidence), lambda seed: self._own(order, seed), evidence.seed)
        except AntiphonError as error:
            return unmeasured(OWN_RENDERING, error.what)
        return figures_of(found)


def seeds(order: int) -> tuple[int, ...]:
    """What is rendered here, one after the other: with the order's seed first."""
    return tuple(dict.fromkeys((order, *range(TRIES))))[:TRIES]


def nearest(signal: Samples, own: Callable[[int], Samples], seed: int) -> DtwDistance:
    """Of a mono 16 kHz signal to our own renderings, `own` of a seed; `seed` is the order's. Raises `AntiphonError`."""
    first, *others = seeds(seed)
    ours = own(first)
    found = dtw_distance(signal, ours)
    for other in others:
        if found.distance_db <= NEAR_DB or np.array_equal(again := own(other), ours):  # it does not vary
            break
        found = min(found, dtw_distance(signal, again), key=lambda one: one.distance_db)
    return found


def figures_of(found: DtwDistance) -> tuple[Measurement, ...]:
    return RENDERING.measured(found.distance_db), RENDERING_LENGTH.measured(found.length_ratio)
