"""Our own renderings of a clone's order: what its engine makes of the profile here, and how far a delivery is from it.

Of a word or two in a voice that was learnt from seconds, recognisers, predictors and embeddings know nothing. The
engine does, as for built-in voices (`antiphon.judges.rendering`). But a profile comes from outside: where renderings
of one order differ from each other as much as another word does, or as much as the delivery does from them, the
comparison says nothing, and nobody pays for it.
"""

from __future__ import annotations

from collections.abc import Callable

from antiphon.analysis.dtw import MAX_FRAMES, dtw_distance
from antiphon.analysis.features import HOP, mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.economy.measurement import Measurement
from antiphon.errors import AntiphonError
from antiphon.judges.cloning.expectation import MAX_DISTANCE_DB
from antiphon.judges.cloning.voice_profile import Render, as_travelled
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.metric import unmeasured
from antiphon.judges.metrics import OWN_RENDERING
from antiphon.judges.speech.rendering import figures_of, nearest, seeds
from antiphon.protocol import canonical
from antiphon.services import CloneRequest

REMEMBERED = 64
MAX_APART_DB = 5.0
"""Renderings of one order that are further apart than this are another word each, as it were."""


class Renderings:
    """What `render` makes of orders, as it would travel. Thread-safe; nothing is rendered twice."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._memory: Memory[Waveform] = Memory(REMEMBERED)

    def __call__(self, request: CloneRequest, seed: int) -> Waveform:
        """Raises `UnavailableError` and `InputError`, as `Render` does."""
        key = key_of(canonical.pack(request), str(seed).encode())
        return self._memory.get(key, lambda: as_travelled(self._render(request, seed)))

    def compare(self, request: CloneRequest, audio: Waveform, seed: int) -> tuple[Measurement, ...]:
        """`rendering.distance_db` and `length_ratio` to the nearest of our own; `seed` is the order's."""

        def own(one: int) -> Samples:
            return mono_16k(self(request, one))

        # Whoever delivers too much to be compared has not made it incomparable: its beginning is too long already.
        signal = mono_16k(audio)[: MAX_FRAMES * HOP]
        try:
            found = nearest(signal, own, seed)
            if found.distance_db > MAX_DISTANCE_DB:
                apart = _apart(own, seed)
                if apart > MAX_APART_DB or found.distance_db <= apart:
                    return unmeasured(OWN_RENDERING, f"our own renderings are {apart:.1f} dB apart from each other")
        except AntiphonError as error:
            return unmeasured(OWN_RENDERING, error.what)
        return figures_of(found)


def _apart(own: Callable[[int], Samples], seed: int) -> float:
    """How far our rendering of the order is from the nearest by another seed: what an honest delivery may be off."""
    first, *others = seeds(seed)
    return min(dtw_distance(own(first), own(other)).distance_db for other in others)
