"""A small world that has rules: a generator that knows them, and token sets that obey them."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs import TokenGrid
from antiphon.soundstorm import DecodingInput, Example, InMemoryTokenSet, Inputs, Layout, task_key

LAYOUT = Layout(codec="synthetic", vocabulary=(16, 30, 7), frame_rate_hz=50.0, semantic_vocabulary=10)


class SyntheticCodec:
    """A codec whose audio is nothing but its tokens, one sample a token: enough for a contract."""

    name, vocabulary, frame_rate_hz, rate_hz, channels = "synthetic", (16, 30, 7), 50.0, 150, 1

    def encode(self, wave: Waveform) -> TokenGrid:
        tokens = np.rint(wave.samples[0] * 32).astype(np.uint16).reshape(-1, 3).T
        return TokenGrid(tokens, self.name, self.frame_rate_hz)

    def decode(self, grid: TokenGrid) -> Waveform:
        return Waveform((grid.tokens.T.reshape(1, -1) / 32).astype(np.float32), self.rate_hz)


def tokens_for(semantic: np.ndarray, speaker: int, layout: Layout = LAYOUT) -> np.ndarray:
    """Level k of what `speaker` sounds like when saying `semantic`."""
    s = semantic.astype(np.int64)
    levels = [(s * (k + 1) + 3 * speaker * (k == 0) + 5 * k) % size for k, size in enumerate(layout.vocabulary)]
    return np.stack(levels).astype(np.uint16)


class Oracle:
    """Logits that know the rule, and learn the speaker from the prompt only (from speaker 0 without one)."""

    def __init__(self, layout: Layout = LAYOUT, sharpness: float = 6.0, blur: float = 0.0) -> None:
        self.layout, self.sharpness, self.blur = layout, sharpness, blur
        self.seen: list[Inputs] = []

    def __call__(self, inputs: Inputs, level: int) -> np.ndarray:
        self.seen.append(inputs)
        rows, frames = inputs.semantic.shape
        made = np.zeros((rows, frames, self.layout.vocabulary[level]), np.float32)
        for row in range(rows):
            semantic = inputs.semantic[row]
            speaker = self._speaker(inputs, row)
            if (semantic == self.layout.null).all():
                continue
            right = tokens_for(np.minimum(semantic, self.layout.null - 1), speaker, self.layout)[level]
            made[row, np.arange(frames), right] = self.sharpness
            if self.blur:
                wave = np.sin(np.arange(made[row].size) * 12.9898 + frames).reshape(made[row].shape)
                made[row] += np.float32(self.blur) * wave.astype(np.float32)
        return made

    def _speaker(self, inputs: Inputs, row: int) -> int:
        frames = np.flatnonzero(inputs.prompt[row])
        if not frames.size:
            return 0
        semantic, first = inputs.semantic[row, frames], inputs.tokens[row, 0, frames]
        fits = [int((tokens_for(semantic, s, self.layout)[0] == first).sum()) for s in range(4)]
        return int(np.argmax(fits))


def speech(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Semantic tokens that stay for a while."""
    runs = rng.integers(0, 10, frames)
    return np.repeat(runs, rng.integers(2, 7, frames))[:frames].astype(np.uint16)


def token_set(count: int, seed: int = 0, layout: Layout = LAYOUT, least: int = 30, most: int = 60) -> InMemoryTokenSet:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        semantic = speech(rng, int(rng.integers(least, most)))
        made.append(Example(semantic, tokens_for(semantic, number % 3, layout), str(number % 3)))
    return InMemoryTokenSet(made)


def job(
    frames: int = 40, prompt: int = 10, *, speaker: int = 1, seed: int = 0, layout: Layout = LAYOUT
) -> DecodingInput:
    semantic = speech(np.random.default_rng(seed), frames)
    return DecodingInput(semantic, tokens_for(semantic, speaker, layout)[:, :prompt], task_key("a task", seed))
