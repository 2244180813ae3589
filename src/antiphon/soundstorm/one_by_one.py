"""Tokens made one at a time, each seeing all before it: what parallel decoding is compared with. No torch.

Frame by frame, in a frame level by level. Keys and values of the past stay in arrays that grow by blocks, so that the
graph reads them where they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from antiphon import models
from antiphon.codecs.base import TokenGrid
from antiphon.soundstorm.decoding import DecodingInput, gumbel
from antiphon.soundstorm.inputs import Floats
from antiphon.soundstorm.layout import GeneratorConfig

BLOCK = 256
"""Places of the past that are added at once."""

_UNSEEN = np.float32(-1e9)


class OneByOne:
    """An autoregressive generator of a step's graph (`training.autoregressive.graph`)."""

    def __init__(self, graph: bytes, config: GeneratorConfig, *, threads: int | None = None) -> None:
        """`config` is the network's own. Raises `ModelError` for what is no graph."""
        self._session: Any = models.open_session(graph, "The autoregressive generator", threads=threads)
        self.config, self.layout = config, config.layout
        self._offsets = np.cumsum([0, *(size + 1 for size in config.layout.vocabulary)])[:-1]
        self._blocks = 2 * config.layers

    def generate(self, job: DecodingInput, temperature: float = 1.0) -> TokenGrid:
        """`[K, T - P]`, each token drawn with the job's key. 0 takes the likeliest."""
        levels, vocabulary = self.layout.levels, self.layout.vocabulary
        flat = np.zeros(job.frames * levels, np.int64)
        start, begin = 0, job.prompt_frames * levels
        flat[:begin] = job.prompt.T.reshape(-1)
        past = _Past(self._blocks, self.config.heads, self.config.dim // self.config.heads)
        for place in range(begin, len(flat)):
            level = place % levels
            logits = self._logits(job, flat, start, place + 1, past)[: vocabulary[level]]
            if temperature > 0:
                noise = gumbel(job.key + place.to_bytes(4, "little"), 0, vocabulary[level])
                logits = logits + np.float32(temperature) * noise
            flat[place], start = int(np.argmax(logits)), place + 1
        made = flat.reshape(job.frames, levels).T[:, job.prompt_frames :].astype(np.uint16)
        return TokenGrid(made, self.layout.codec, self.layout.frame_rate_hz)

    def _logits(self, job: DecodingInput, flat: np.ndarray, start: int, end: int, past: _Past) -> Floats:
        """Of the token at `end - 1`, by the places from `start` on."""
        places, levels = np.arange(start, end), self.layout.levels
        last = np.maximum(places - 1, 0)
        logits, keys, values = self._session.run(
            None,
            {
                "before": flat[last] + self._offsets[last % levels],
                "known": (places > 0).astype(np.float32),
                "semantic": job.semantic[places // levels].astype(np.int64),
                "level": places % levels,
                "place": places,
                "bias": past.bias(len(places)),
                **past.feeds(),
            },
        )
        past.add(keys, values)
        return np.asarray(logits, np.float32)


class _Past:
    def __init__(self, blocks: int, heads: int, width: int) -> None:
        self._filled = 0
        self._keys = [np.zeros((heads, width, BLOCK), np.float32) for _ in range(blocks)]
        self._values = [np.zeros((heads, BLOCK, width), np.float32) for _ in range(blocks)]

    def feeds(self) -> dict[str, Floats]:
        keys = {f"key{number}": one for number, one in enumerate(self._keys)}
        return keys | {f"value{number}": one for number, one in enumerate(self._values)}

    def bias(self, new: int) -> Floats:
        """Who sees whom: the filled past, and of the new ones those before."""
        room = self._values[0].shape[1]
        bias = np.zeros((new, room + new), np.float32)
        bias[:, self._filled : room] = _UNSEEN
        bias[:, room:] = np.triu(np.full((new, new), _UNSEEN), 1)
        return bias

    def add(self, keys: Floats, values: Floats) -> None:
        """`[blocks, H, N, d / H]` behind what there is."""
        end = self._filled + keys.shape[2]
        room = self._values[0].shape[1]
        more = -(-max(0, end - room) // BLOCK) * BLOCK
        for number in range(len(self._keys)):
            if more:
                self._keys[number] = np.pad(self._keys[number], ((0, 0), (0, 0), (0, more)))
                self._values[number] = np.pad(self._values[number], ((0, 0), (0, more), (0, 0)))
            self._keys[number][:, :, self._filled : end] = keys[number].transpose(0, 2, 1)
            self._values[number][:, self._filled : end] = values[number]
        self._filled = end
