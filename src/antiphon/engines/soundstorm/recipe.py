"""How a request becomes sound, step by step. Who makes it and who audits it follow the same recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.engines import english
from antiphon.engines.postprocessing import PEAK, postprocess
from antiphon.engines.soundstorm import prompts
from antiphon.errors import InputError
from antiphon.services import CloneRequest, SpeechRequest
from antiphon.soundstorm import windows
from antiphon.soundstorm.audit import Task
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, task_key
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.starter import Starter

FIRST_CHARS = 80
"""Longest first piece, so that the first audio is early."""


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """Semantic tokens `[T]` at the codec's rate, and the pause before them. A recording is one piece."""

    semantic: Tokens
    pause_s: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that makes the sound of a request: what is here leaves nobody a choice."""

    models: Starter
    request: SpeechRequest | CloneRequest
    voice: windows.Prompt
    options: DecodingOptions
    seed: int

    @property
    def made_with(self) -> str:
        """Text stage, generator and codec: whoever audits needs the same."""
        return " ".join((self.models.text.name, self.models.generator.name, self.models.codec.name))

    @property
    def speech(self) -> Waveform | None:
        """The recording whose words and timing are kept; None: it is a text."""
        clip = self.request.speech if isinstance(self.request, CloneRequest) else None
        return None if clip is None else Waveform.from_pcm16(clip.pcm, clip.rate_hz)

    def pieces(self) -> Iterator[SpokenPiece]:
        """What is said, lazily. Nothing of it is up to who makes it: the text stage takes the likeliest tokens."""
        models, rate_hz = self.models, self.models.codec.frame_rate_hz
        if (speech := self.speech) is not None:
            source = mono_16k(speech)
            frames = max(1, round(source.shape[0] / RATE_HZ * rate_hz))
            yield SpokenPiece(models.tokenizer.aligned(Waveform(prompts.levelled(source)[None], RATE_HZ), frames), 0.0)
            return
        readings = english.readings(self.request.text, british=False, first_chars=FIRST_CHARS)
        for number, (phonemes, pause_s) in enumerate(readings):
            said = models.text.say(phonemes, self._key(number, 0), speed=self.request.speed)
            frames = max(1, round(said.tokens.shape[0] * rate_hz / said.frame_rate_hz))
            yield SpokenPiece(align(said.tokens, frames), pause_s / self.request.speed)

    def grid(self, number: int, semantic: Tokens, run: windows.Run) -> TokenGrid:
        """Acoustic tokens of piece `number`: `run` makes each window, in the light of the one before."""
        keys: Callable[[int], bytes] = lambda window: self._key(number, window + 1)  # noqa: E731
        return windows.long(run, semantic, self.voice, keys, self.models.generator.windows)

    def task(self, job: DecodingInput) -> Task:
        generator = self.models.generator
        return Task(generator.name, generator.layout, self.options, job)

    def sound(self, grids: Iterable[tuple[SpokenPiece, TokenGrid]]) -> Iterator[Waveform]:
        """One chunk per piece of text, or one exactly as long as the recording, at 16 kHz."""
        if (speech := self.speech) is not None:
            for _, grid in grids:
                yield _as_long(self._decoded(grid), mono_16k(speech).shape[0])
            return
        silent = True
        for piece, grid in grids:
            chunk = postprocess(self._decoded(grid), RATE_HZ, pause_s=0.0 if silent else piece.pause_s)
            if chunk is not None:
                silent = False
                yield chunk
        if silent:
            raise InputError(f"There is nothing to speak in {self.request.text[:40]!r}", "Give at least one word.")

    def _decoded(self, grid: TokenGrid) -> Samples:
        samples: Samples = self.models.codec.decode(grid).samples[0]
        return samples

    def _key(self, piece: int, part: int) -> bytes:
        """The key of all noise in one piece's text (part 0) or window; the network's seed of a subtask is bound to its
        task."""
        return task_key(f"soundstorm {piece}", self.seed, part)


def _as_long(samples: Samples, length: int) -> Waveform:
    samples = np.pad(samples[:length], (0, max(0, length - samples.shape[0])))
    peak = float(np.abs(samples).max())
    return Waveform((samples * np.float32(min(1.0, PEAK / max(peak, 1e-9))))[None], RATE_HZ)
