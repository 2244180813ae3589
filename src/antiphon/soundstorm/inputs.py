"""What a generator sees in one pass, and the function it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch. Unknown acoustic tokens are `vocabulary[k]`, absent semantic ones `semantic_vocabulary`."""

    semantic: Ints  # [B, T]
    tokens: Ints  # [B, K, T]
    prompt: Bools  # [B, T], True at frames that were given, not made
    valid: Bools  # [B, T], False at padding
    text: Floats | None = None  # [B, D]; a row of zeros is no text
    noise: Ints | None = None  # [B], step of the diffusion, 1-based; None for MaskGIT

    def alone(self, row: int) -> Inputs:
        """One row, without its padding."""
        rows, frames = slice(row, row + 1), int(self.valid[row].sum())
        return Inputs(
            self.semantic[rows, :frames],
            self.tokens[rows, :, :frames],
            self.prompt[rows, :frames],
            self.valid[rows, :frames],
            None if self.text is None else self.text[rows],
            None if self.noise is None else self.noise[rows],
        )

    def unconditional(self, null: int) -> Inputs:
        """The same without its conditions, for classifier-free guidance; the prompt stays."""
        text = None if self.text is None else np.zeros_like(self.text)
        return replace(self, semantic=np.full_like(self.semantic, null), text=text)


Logits = Callable[[Inputs, int], Floats]
"""Inputs and a level k to unnormalised log-probabilities `[B, T, vocabulary[k]]`; torch and ONNX both give one."""

JointLogits = Callable[[Inputs], list[Floats]]
"""Inputs to `[B, T, vocabulary[k]]` for every level k at once (diffusion)."""


def align(semantic: Tokens, frames: int) -> Tokens:
    """Semantic tokens `[S]` of any rate at `frames` acoustic frames `[T]`.

    25 Hz to 50 Hz repeats every token twice (paper, section 3.2), by index: frame t gets token t // 2, also where the
    lengths are not an exact multiple because either was rounded to whole frames. Rates that are no whole multiple are
    stretched: each frame gets the token at its centre. Raises `InputError` for no tokens.
    """
    if semantic.ndim != 1 or not semantic.size:
        raise InputError("There are no semantic tokens to generate from", "Give at least one.")
    count = semantic.shape[0]
    repeats = max(1, round(frames / count))
    if abs(repeats * count - frames) <= repeats:
        chosen = np.minimum(np.arange(frames) // repeats, count - 1)
    else:
        chosen = (np.arange(frames) * 2 + 1) * count // (2 * max(frames, 1))
    return np.asarray(semantic[chosen], np.uint16)
