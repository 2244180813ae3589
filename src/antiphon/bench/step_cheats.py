"""Engines that cheat in how they make what they are paid for: for measuring audits, and for testing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from antiphon.audio import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.engines.soundstorm.recipe import Recipe, SpokenPiece
from antiphon.engines.soundstorm.tracing import PartTrace
from antiphon.services import Request
from antiphon.soundstorm.decoding import DecodingInput, Result, Trace


class OtherSeed(SoundStormEngine):
    """Tries seeds until it likes one: here, the next."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], PartTrace]:
        return super().traced(request, seed + 1)


class Rewrites(SoundStormEngine):
    """Commits to another trace of each window than it should have made."""

    def _made(self, recipe: Recipe, trace: PartTrace) -> Iterator[tuple[SpokenPiece, TokenGrid]]:
        def window(job: DecodingInput) -> TokenGrid:
            made = self.rewritten(recipe, job)
            trace.keep(recipe.task(job), made)
            return made.grid

        for number, piece in enumerate(recipe.pieces()):
            trace.begin(piece.semantic)
            yield piece, recipe.grid(number, piece.semantic, window)

    def rewritten(self, recipe: Recipe, job: DecodingInput) -> Result:
        raise NotImplementedError

    def _by(self, recipe: Recipe, job: DecodingInput, **options: Any) -> Result:
        changed = msgspec.structs.replace(recipe.options, **options)
        return recipe.models.generator.generate([job], changed, traced=True)[0]


class HalfThePasses(Rewrites):
    """Makes half of the coarsest levels' passes, and uncovers their tokens as the whole number demands."""

    def rewritten(self, recipe: Recipe, job: DecodingInput) -> Result:
        full = self._by(recipe, job)
        few = self._by(recipe, job, first=max(1, recipe.options.first // 2))
        assert full.trace is not None
        assert few.trace is not None
        unknown, last = np.array(recipe.task(job).layout.vocabulary)[:, None], few.trace.grids[-1]
        dressed = tuple(np.where(grid == unknown, grid, last).astype(np.uint16) for grid in full.trace.grids)
        return replace(few, trace=Trace(dressed))


class Unguided(Rewrites):
    """Leaves out the guidance, which is half of the first level's work."""

    def rewritten(self, recipe: Recipe, job: DecodingInput) -> Result:
        return self._by(recipe, job, guidance=1.0)
