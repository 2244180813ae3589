"""What a word means when the grammar does not know it: the nearest style or mood by sentence embeddings (MiniLM).

The model is loaded at the first such word, never before. Sentences are embedded one at a time: the int8 model scales
its activations by what else is in the batch.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from antiphon import models
from antiphon.errors import ModelError

MODEL = "minilm"
NEAR = 0.3
"""Cosine from which a word is taken to mean a style or mood. Unrelated words lie about 0.05-0.25."""

STYLES: dict[str, str] = {
    "boss": "intense battle against a powerful enemy",
    "dungeon": "dark underground cave",
    "adventure": "adventure and exploration of a wide green world",
    "title": "majestic opening theme",
    "lounge": "relaxed jazz cafe",
    "waltz": "elegant ballroom waltz",
    "lullaby": "lullaby for a sleeping baby",
    "ballad": "slow emotional love ballad",
    "techno": "electronic dance club",
    "rock": "hard rock band with guitars",
    "march": "military march of soldiers",
    "fanfare": "victory celebration fanfare",
    "horror": "scary horror of ghosts and monsters",
    "ambient": "ambient floating in space or under water",
}
"""Genres are not guessed: they have names of their own."""

MOODS: dict[str, str] = {
    "cheerful": "happy and cheerful",
    "sad": "sad and lonely",
    "calm": "calm and peaceful",
    "tense": "tense and in danger",
    "heroic": "heroic and brave",
    "mysterious": "mysterious and magical",
    "romantic": "romantic and in love",
    "playful": "playful and funny",
    "dark": "dark and evil",
    "aggressive": "angry and violent",
    "dreamy": "dreamy and ethereal",
}


class Near(NamedTuple):
    """The nearest name and its cosine."""

    name: str
    cosine: float


def nearest(words: str, choices: dict[str, str]) -> Near | None:
    """The choice that `words` mean most likely; None when nothing is near, or the model is not installed."""
    try:
        vector = embed(words)
        cosines = {name: float(vector @ embed(phrase)) for name, phrase in choices.items()}
    except ModelError:
        return None
    best = max(cosines, key=lambda name: cosines[name])
    return Near(best, cosines[best]) if cosines[best] >= NEAR else None


@functools.lru_cache(maxsize=256)
def embed(words: str) -> npt.NDArray[np.float32]:
    """Unit vector [384] of words: the mean over tokens. Raises `ModelError` where the model is not installed."""
    encoded = _tokenizer().encode(words)
    ids = np.array([encoded.ids], np.int64)
    mask = np.array([encoded.attention_mask], np.int64)
    session = models.session(MODEL, threads=1)
    (hidden,) = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
    mean = (hidden[0] * mask[0, :, None]).sum(axis=0) / mask.sum()
    unit: npt.NDArray[np.float32] = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


@functools.cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(models.read(MODEL, "tokenizer.json").decode())
    tokenizer.no_padding()
    return tokenizer
