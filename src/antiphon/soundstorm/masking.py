"""What a generator is shown in training (arXiv:2305.09636, section 3.3, "Masking").

1. A prompt of random length t ~ U{0, T - 1} stays clear.
2. A level q is drawn uniformly.
3. u ~ U[0, pi/2]; each token of level q after the prompt is hidden with probability cos(u).
4. All levels above q (made after it: `Layout.order`) are hidden after the prompt.
5. The loss is the cross-entropy of the hidden tokens of level q, and of nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from antiphon.soundstorm.inputs import Bools, Ints
from antiphon.soundstorm.layout import Layout


@dataclass(frozen=True, slots=True)
class Masking:
    """One example's draw: `prompt` frames stay clear, `hidden [T]` are the frames of `level` to predict."""

    prompt: int
    level: int
    hidden: Bools  # [T], False in the prompt


def masking(frames: int, levels: int, *, prompt: int, level: int, share: float, chances: np.ndarray) -> Masking:
    """Rules 1 to 3 for given draws: `share` = cos(u), `chances [T]` uniform in [0, 1).

    At least one token is hidden (the last frame, where none was drawn), so that every example teaches something.
    """
    if not (0 <= prompt < frames and 0 <= level < levels):
        raise ValueError(f"prompt {prompt} of {frames} frames, level {level} of {levels}")
    hidden = np.asarray(chances < share)
    hidden[:prompt] = False
    if not hidden.any():
        hidden[-1] = True
    return Masking(prompt, level, hidden)


def draw(rng: np.random.Generator, frames: int, levels: int, *, longest: float = 1.0) -> Masking:
    """Rules 1 to 3; the prompt is shorter than `longest` of the frames."""
    prompt = int(rng.integers(0, max(1, math.floor(frames * longest))))
    level = int(rng.integers(0, levels))
    share = math.cos(rng.uniform(0.0, math.pi / 2))
    return masking(frames, levels, prompt=prompt, level=level, share=share, chances=rng.random(frames))


def apply_mask(tokens: Ints, layout: Layout, drawn: Masking) -> Ints:
    """Rules 3 and 4: the grid `[K, T]` as the model sees it, `vocabulary[k]` where a token is hidden."""
    seen = tokens.copy()
    seen[drawn.level, drawn.hidden] = layout.vocabulary[drawn.level]
    for above in layout.order[layout.place[drawn.level] + 1 :]:
        seen[above, drawn.prompt :] = layout.vocabulary[above]
    return seen
