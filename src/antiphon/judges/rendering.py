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
from antiphon.judges.base import Evidence
from antiphon.judges.judging import measured, missing_audio, signal_of, unmeasured
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

FIGURES = (("distance_db", "dB"), ("length_ratio", "ratio"))

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
            return self._inconclusive(reason)
        if len(request.text) > MAX_CHARS:
            return self._inconclusive(f"the text is longer than {MAX_CHARS} characters")
        try:
            found = self._nearest(signal_of(evidence), msgspec.json.encode(request))
        except AntiphonError as error:
            return self._inconclusive(error.what)
        values = (found.distance_db, found.length_ratio)
        return tuple(measured(self.name, *figure, value) for figure, value in zip(FIGURES, values, strict=True))

    def _nearest(self, signal: Samples, order: bytes) -> Likeness:
        found = likeness(signal, self._own(order, SEEDS[0]))
        for seed in SEEDS[1:]:
            if found.distance_db <= NEAR_DB:
                break
            found = min(found, likeness(signal, self._own(order, seed)), key=lambda one: one.distance_db)
        return found

    def _inconclusive(self, reason: str) -> tuple[Measurement, ...]:
        return tuple(unmeasured(self.name, *figure, reason) for figure in FIGURES)
