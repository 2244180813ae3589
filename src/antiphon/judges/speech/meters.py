"""All meters of speech over shared models, in parallel, each clip measured once.

Nodes of one process share them: what one validator has measured, another gets from memory, keyed by everything a
judge may look at. An error inside a meter becomes an inconclusive measurement with its reason, never a number.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.errors import ModelError
from antiphon.judges.fingerprints import History
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.metric import Metric, unmeasured
from antiphon.judges.metrics import DECODES, DISTILLMOS, NOISE, OWN_RENDERING, SIMILARITY, WORDS
from antiphon.judges.speech import rendering
from antiphon.judges.speech.cards import card
from antiphon.judges.speech.evidence import Evidence, VoiceReference
from antiphon.judges.speech.integrity import IntegrityMeter
from antiphon.judges.speech.naturalness import DistillMosMeter, DnsmosMeter
from antiphon.judges.speech.voice import VoiceMeter
from antiphon.judges.speech.words import Normaliser, WordsMeter

REMEMBERED = 1_000
"""Clips whose measurements are kept."""

Reference = Callable[[str], VoiceReference | None]
Results = list[tuple[Measurement, ...]]

_METRICS: dict[str, tuple[Metric, ...]] = {
    "words": WORDS,
    "distillmos": (DISTILLMOS,),
    "dnsmos": NOISE,
    "voice": (SIMILARITY,),
    "integrity": (DECODES,),
    "rendering": OWN_RENDERING,
}


class _Measures(Protocol):
    name: str

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]: ...


class _Member(_Measures, Protocol):
    def load(self) -> None: ...


class SpeechMeters:
    """Measures evidence with every meter. Thread-safe.

    `reference` finds what a voice is known to sound like when the evidence brings none (default: the built-in cards);
    `normaliser` gives the spoken form of a text; `render` is what the ordered engine makes of an order here; `workers`
    is the number of clips or models worked on at once.
    """

    def __init__(
        self,
        *,
        reference: Reference = card,
        normaliser: Normaliser | None = None,
        history: History | None = None,
        render: rendering.Render | None = None,
        workers: int | None = None,
    ) -> None:
        self._reference = reference
        self._words = WordsMeter(normaliser=normaliser)
        self._members: dict[str, _Member] = {
            "distillmos": DistillMosMeter(),
            "dnsmos": DnsmosMeter(),
            "voice": VoiceMeter(),
            "integrity": IntegrityMeter(history=history),
        }
        self._rendering = None if render is None else rendering.RenderingMeter(render)
        self._pool = ThreadPoolExecutor(workers or max(2, min(8, os.cpu_count() or 2)), thread_name_prefix="judge")
        self._memory: Memory[tuple[Measurement, ...]] = Memory(REMEMBERED)

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        """All measurements of one clip."""
        return self.measure_batch([evidence])[0]

    def measure_batch(self, evidence: Sequence[Evidence]) -> Results:
        """All measurements of each clip, in order. Clips known from before, or twice in the batch, cost nothing."""
        complete = [self._with_reference(one) for one in evidence]
        keys = [_key(one) for one in complete]
        return self._memory.get_all(keys, lambda fresh: self._measure_all([complete[n] for n in fresh]))

    def compare(self, evidence: Evidence) -> tuple[Measurement, ...]:
        """How far the clip is from our own rendering of the order; nothing when nobody renders here.

        Apart from `measure`, since only short and doubtful clips need it and an engine may be slow.
        """
        if self._rendering is None:
            return ()
        return _guarded("rendering", self._rendering, replace(evidence, cache={}))

    def transcribe(self, audio: Waveform, language: str) -> str:
        """What is said, as the meter of words hears it; empty when nothing is. Raises `ModelError`."""
        return self._words.transcribe(audio, language)

    def warm_up(self) -> Future[None]:
        """Start loading every model in the background. The future raises `ModelError` if one is missing."""
        loading = [self._pool.submit(member.load) for member in (self._words, *self._members.values())]
        done: Future[None] = Future()

        def wait() -> None:
            try:
                for one in loading:
                    one.result()
            except ModelError as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        threading.Thread(target=wait, name="judge-warm-up", daemon=True).start()
        return done

    def close(self) -> None:
        """Finish what has begun and end the threads."""
        self._pool.shutdown()

    def _measure_all(self, clips: Sequence[Evidence]) -> Results:
        # The batch of words is the longest job, so it starts first; the rest are small enough to even out the workers.
        words = self._pool.submit(_words_of, self._words, clips)
        others = {
            name: [self._pool.submit(_guarded, name, member, clip) for clip in clips]
            for name, member in self._members.items()
        }
        heard = words.result()
        return [
            (*heard[n], *(figure for jobs in others.values() for figure in jobs[n].result())) for n in range(len(clips))
        ]

    def _with_reference(self, evidence: Evidence) -> Evidence:
        # A cache of its own: evidence objects may be shared by callers on several threads.
        reference = evidence.reference or self._reference(evidence.request.voice)
        return replace(evidence, reference=reference, cache={})


def _words_of(meter: WordsMeter, clips: Sequence[Evidence]) -> Results:
    try:
        return meter.measure_batch(clips)
    except Exception:  # noqa: BLE001 - one bad clip must not silence the others: measure them one by one
        return [_guarded("words", meter, clip) for clip in clips]


def _guarded(name: str, meter: _Measures, clip: Evidence) -> tuple[Measurement, ...]:
    try:
        return meter.measure(clip)
    except Exception as error:  # noqa: BLE001 - the edge of what measures: an error is a reason, never a score
        return unmeasured(_METRICS[name], f"{type(error).__name__}: {error}")


def _key(evidence: Evidence) -> bytes:
    audio, reference = evidence.audio, evidence.reference
    embedding = None if reference is None else reference.embedding
    return key_of(
        msgspec.json.encode(evidence.request),
        f"{evidence.declared_rate_hz}|{evidence.declared_samples}".encode(),
        evidence.places,
        b"" if embedding is None else embedding.tobytes(),
        b"" if audio is None else f"{audio.rate_hz}|{audio.samples.shape}".encode(),
        b"" if audio is None else audio.samples.tobytes(),
    )
