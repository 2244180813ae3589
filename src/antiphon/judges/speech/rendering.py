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

from antiphon.analysis.features import mono_16k
from antiphon.analysis.likeness import Likeness, likeness
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

SEEDS = (0, 1, 2)
NEAR_DB = 2.5
"""One rendering as near as this is enough. An engine whose voice varies with the seed gets as many tries as `SEEDS`:
the nearest counts."""

MAX_CHARS = 300
"""About 20 s of speech: rendering more costs more than the doubt is worth."""

REMEMBERED = 32
"""Renderings kept for orders that come again; at most 40 MB."""


class RenderingJudge:
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
            found = self._nearest(signal_of(evidence), msgspec.json.encode(request))
        except AntiphonError as error:
            return unmeasured(OWN_RENDERING, error.what)
        return RENDERING.measured(found.distance_db), RENDERING_LENGTH.measured(found.length_ratio)

    def _nearest(self, signal: Samples, order: bytes) -> Likeness:
        found = likeness(signal, self._own(order, SEEDS[0]))
        for seed in SEEDS[1:]:
            if found.distance_db <= NEAR_DB:
                break
            found = min(found, likeness(signal, self._own(order, seed)), key=lambda one: one.distance_db)
        return found
