"""What a text stage reads and writes, and its sizes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.inputs import Ints
from antiphon.soundstorm.layout import NetworkSize

MAX_SYMBOLS = 2_000
"""Most phonemes read at once; longer texts are cut into sentences before."""

SILENT = frozenset(' ˈˌː.,;:!?—…"()“”')
"""Symbols that need no time of their own: marks of stress and length, spaces, punctuation."""


class TextConfig(NetworkSize, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Phonemes to semantic tokens. `symbols` are one character each; ids are places in it.

    `frames_per_symbol` is the mean of the training data: it scales positions, so that a phoneme and its tokens are
    near each other, and bounds how long anything may become.
    """

    kind: Literal["autoregressive", "parallel"] = "autoregressive"
    symbols: str
    semantic: str  # name of the tokenizer
    semantic_vocabulary: int
    frame_rate_hz: float
    frames_per_symbol: float
    name: str = "text"

    def __post_init__(self) -> None:
        if len(set(self.symbols)) != len(self.symbols) or not 1 <= len(self.symbols) <= 4_096:
            raise ValueError("symbols must be 1 to 4096 different characters")
        if not 2 <= self.semantic_vocabulary <= 65_534 or self.layers < 2 or not 0 <= self.dropout < 1:
            raise ValueError("semantic_vocabulary must be within 2..65534, layers at least 2, dropout in [0, 1)")
        if self.dim < 32 or self.dim % (2 * self.heads) or not (self.frame_rate_hz > 0 and self.frames_per_symbol > 0):
            raise ValueError(f"dim must be at least 32 and a multiple of {2 * self.heads}, rates positive")

    @property
    def start(self) -> int:
        """The input id between phonemes and tokens. Token n has the id `start + 1 + n`."""
        return len(self.symbols)

    @property
    def inputs(self) -> int:
        """How many input ids there are."""
        return self.start + 1 + self.semantic_vocabulary

    @property
    def end(self) -> int:
        """The output that ends speech."""
        return self.semantic_vocabulary

    def ids(self, phonemes: str) -> Ints:
        """Ids `[P]` of the characters we know, between spaces (if we know those): recordings begin and end in silence.

        Raises `InputError` when none is left, or there are too many.
        """
        places = {symbol: place for place, symbol in enumerate(self.symbols)}
        phonemes = f" {phonemes.strip()} "
        found = np.array([places[symbol] for symbol in phonemes if symbol in places], np.int64)
        if not any(symbol not in SILENT for symbol in phonemes if symbol in places):
            raise InputError(f"There is nothing to speak in {phonemes[:40]!r}", "Give at least one phoneme.")
        if found.shape[0] > MAX_SYMBOLS:
            raise InputError(f"{found.shape[0]} phonemes are more than {MAX_SYMBOLS}", "Give it sentence by sentence.")
        return found

    def spelt(self, ids: Sequence[int] | Ints) -> str:
        """The phonemes of ids."""
        return "".join(self.symbols[int(place)] for place in ids)

    def timeless(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """`[symbols]`: which may take no time."""
        return np.array([symbol in SILENT for symbol in self.symbols])

    def to_json(self) -> str:
        return json.dumps(msgspec.to_builtins(self), sort_keys=True, ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> TextConfig:
        """Raises `ModelError` for anything but a configuration of this version."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ModelError(f"This is no text stage of ours: {error}", "Export it again.") from error


SIZES = {"tiny": (2, 64), "small": (4, 256), "paper": (12, 512)}
"""Layers and dimension; `paper` is that of the public code's first stage."""


def english_symbols() -> str:
    """The alphabet of our English readers: Kokoro's, in its order."""
    from antiphon import models

    vocabulary = json.loads(models.read("kokoro-vocab"))["vocab"]
    return "".join(sorted(vocabulary, key=lambda symbol: int(vocabulary[symbol])))
