"""Ruby at work: a grid in which something is not known yet, in windows, to one in which everything is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.ruby import steps as grid
from antiphon.ruby.tonality import STRENGTH, in_scale
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, generate, task_key
from antiphon.soundstorm.inputs import Floats
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.serving import Generator

DECODING: Final = DecodingOptions(
    passes=(10, 16, 10, 2, 8, 4, 2, 2, 1, 1),
    temperature=0.9,
    noise=40.0,
    greedy_last=False,
    guidance=2.0,
    guided_levels=6,
)
"""Passes by level. With so much noise on confidence tokens are made in random order: by confidence silence and held
notes come first, and a sixth of the notes that people write are left (docs/ruby.md)."""

OVERLAP: Final = 0.4
"""Of a window is what the window before made."""

UNKNOWN: Final = np.array(grid.VOCABULARY, np.uint16)
"""The token of each level that stands for what is not known yet."""

Fill = Callable[[DecodingInput], Tokens]
"""One window to its target."""


def filler(
    generator: Generator, scale: str, options: DecodingOptions = DECODING, *, strength: float = STRENGTH
) -> Fill:
    """What fills windows with a generator, mostly with notes of a scale (`tonality`)."""
    logits = in_scale(generator, scale, strength)

    def fill(job: DecodingInput) -> Tokens:
        return generate(logits, [job], generator.layout, options)[0].grid.tokens

    return fill


def unknown(steps: int) -> Tokens:
    """[10, steps] nothing is known."""
    return np.repeat(UNKNOWN[:, None], steps, axis=1)


def filled(fill: Fill, given: Tokens, semantic: Tokens, text: Floats, seed: int, config: GeneratorConfig) -> Tokens:
    """`given [10, T]` without what was unknown (`UNKNOWN`); what was given stays.

    Windows see the end of what was made before, and of what is given beyond them as much as they are long. The same
    arguments give the same tokens on one machine.
    """
    made = given.copy()
    window = config.window
    fresh = max(1, round(window * (1 - OVERLAP)))
    number = 0
    while len(holes := np.flatnonzero((made == UNKNOWN[:, None]).any(axis=0))):
        # Of a piece that fits, all is seen; else what comes before the first hole, up to the overlap.
        first = 0 if made.shape[1] <= window else max(0, min(int(holes[0]) - (window - fresh), made.shape[1] - window))
        stop = min(first + window, made.shape[1])
        known = int(holes[0]) - first
        job = DecodingInput(
            semantic[first:stop],
            made[:, first : first + known].copy(),
            task_key("ruby", seed, number),
            text,
            made[:, first + known : stop].copy(),
        )
        made[:, first + known : stop] = fill(job)
        number += 1
    return made
