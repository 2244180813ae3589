"""Engines that can be audited: the real one, the same on a generator without weights, and dishonest ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from antiphon.audio import Waveform
from antiphon.bench.step_cheats import HalfThePasses, OtherSeed, Rewrites
from antiphon.codecs.base import TokenGrid, check_grid
from antiphon.engines.auditing import Trace
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.engines.soundstorm.recipe import Recipe
from antiphon.engines.soundstorm.tracing import PartTrace
from antiphon.services import Request
from antiphon.soundstorm import Layout, WindowOptions, generate
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, Result
from antiphon.soundstorm.decoding import Trace as Grids
from antiphon.soundstorm.inputs import Floats, Inputs
from antiphon.soundstorm.starter import Starter

LAYOUT = Layout(codec="tones", vocabulary=(1024,) * 4, frame_rate_hz=50.0, semantic_vocabulary=512)
HOP = 320


class ToneCodec:
    """Each frame a tone whose pitch and level follow its tokens."""

    name, vocabulary, frame_rate_hz, rate_hz, channels = "tones", (1024,) * 4, 50.0, 16_000, 1

    def decode(self, grid: TokenGrid) -> Waveform:
        check_grid(self, grid)  # type: ignore[arg-type]
        time_s = np.arange(HOP) / self.rate_hz
        pitch = 100 + 4.0 * grid.tokens[0][:, None] + grid.tokens[1][:, None] / 10
        loud = 0.2 + grid.tokens[2][:, None] / 4096 + grid.tokens[3][:, None] / 8192
        made = loud * np.sin(2 * np.pi * pitch * time_s)
        return Waveform(made.reshape(1, -1).astype(np.float32), self.rate_hz)


class TinyGenerator:
    """Logits that prefer one token for each semantic token and level, by how much the others say."""

    name, layout, windows = "tiny-1", LAYOUT, WindowOptions(window=320, overlap=20)

    def __call__(self, inputs: Inputs, level: int) -> Floats:
        rows, frames = inputs.semantic.shape
        made = np.zeros((rows, frames, LAYOUT.vocabulary[level]), np.float32)
        for row in range(rows):
            known = inputs.tokens[row, 0] * (inputs.tokens[row, 0] < LAYOUT.vocabulary[0])
            right = (37 * inputs.semantic[row] + 101 * level + int(known.sum()) % 5) % LAYOUT.vocabulary[level]
            made[row, np.arange(frames), right] = 6.0
        return made

    def generate(
        self, jobs: Sequence[DecodingInput], options: DecodingOptions | None = None, *, traced: bool = False
    ) -> list[Result]:
        return generate(self, jobs, self.layout, options, traced=traced)


class TinyText:
    """Four frames a phoneme."""

    name = "letters-1"

    def say(self, phonemes: str, key: bytes, *, speed: float = 1.0) -> Any:
        tokens = np.repeat(np.array([ord(sound) % 512 for sound in phonemes], np.uint16), 4)
        return SimpleNamespace(tokens=tokens, frame_rate_hz=50.0)


def tiny() -> Starter:
    """The engine's models without weights: all code is the real one."""
    return Starter(codec=ToneCodec(), tokenizer=None, generator=TinyGenerator(), text=TinyText())  # type: ignore[arg-type]


class AltersTokens(Rewrites):
    """Puts its own tokens into the first level, everywhere the same, and commits to that."""

    def rewritten(self, recipe: Recipe, job: DecodingInput) -> Result:
        made = self._by(recipe, job)
        assert made.trace is not None
        grids = []
        for grid in made.trace.grids:
            changed = grid.copy()
            new = changed[0, job.prompt_frames :]
            new[new < 1024] = 7
            grids.append(changed)
        tokens = grids[-1][:, job.prompt_frames :].copy()
        return replace(made, grid=replace(made.grid, tokens=tokens), trace=Grids(tuple(grids)))


class OtherText(SoundStormEngine):
    """Makes an easier text, step by step as it should be."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], PartTrace]:
        return super().traced(msgspec.structs.replace(request, text="Yes."), seed)


class OtherAudio(SoundStormEngine):
    """Commits to honest work, and delivers something else of the same length."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], PartTrace]:
        made, trace = super().traced(request, seed)

        def other() -> Iterator[Waveform]:
            for chunk in made:
                yield Waveform(np.ascontiguousarray(chunk.samples[:, ::-1]), chunk.rate_hz)

        return other(), trace


class OtherModels(SoundStormEngine):
    """Says that it has other models than everybody else."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], PartTrace]:
        made, trace = super().traced(request, seed)
        trace.made_with = "antiphon-9.9.9 better models"
        return made, trace


class _Opens:
    """An honest trace, opened dishonestly."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @property
    def root(self) -> bytes:
        return self.trace.root

    def open(self, beacon: bytes) -> bytes:
        raise NotImplementedError


class OpensNothing(SoundStormEngine):
    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], Any]:
        class Refuses(_Opens):
            def open(self, beacon: bytes) -> bytes:
                return b""

        made, trace = super().traced(request, seed)
        return made, Refuses(trace)


class OpensOtherPasses(SoundStormEngine):
    """Opens what another beacon would have chosen."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], Any]:
        class Chooses(_Opens):
            def open(self, beacon: bytes) -> bytes:
                right = self.trace.open(beacon)
                others = (self.trace.open(bytes([n]) * 32) for n in range(256))
                return next(other for other in others if other != right)

        made, trace = super().traced(request, seed)
        return made, Chooses(trace)


class AltersAfterTheRoot(SoundStormEngine):
    """Changes the opened tokens to what the pass should have made of them, though the root is of others."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], Any]:
        class Alters(_Opens):
            def open(self, beacon: bytes) -> bytes:
                shown = bytearray(self.trace.open(beacon))
                shown[-2_000] ^= 1
                return bytes(shown)

        made, trace = super().traced(request, seed)
        return made, Alters(trace)


class CommitsToNothing(SoundStormEngine):
    @property
    def capabilities(self) -> Any:
        return msgspec.structs.replace(super().capabilities, auditable=False)


__all__ = ["HalfThePasses", "OtherSeed"]
