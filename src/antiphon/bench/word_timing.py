"""Word times beside those that Kokoro's own duration predictor gave its words.

The predictor's frames are what the sound was made by. Its authors take three frames off before telling times (kokoro
0.9, `KPipeline.join_timestamps`), and so do we.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from antiphon import models
from antiphon.analysis.features import mono_16k
from antiphon.audio import Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.door.word_times import timed
from antiphon.engines import english
from antiphon.engines.mimic.onnxcut import cut
from antiphon.engines.mimic.split_model import FRAME_S, RATE_HZ
from antiphon.models import tensors

DURATIONS = "/encoder/Cast_4_output_0"
"""The tensor that gives each phoneme its frames, `[1, tokens, frames]` of 0 and 1."""

EARLY_FRAMES = 3
TEXTS = (
    (
        "They agreed that the one who first succeeded in making the traveller take his cloak off should be considered "
        "stronger than the other."
    ),
    "Yesterday evening my brother bought seven bottles of cold milk, and then he walked home through the rain.",
    "Can you believe that nobody noticed the enormous elephant standing quietly in the garden?",
)


def word_time_figures() -> Iterator[Figure]:
    found = 1000 * np.abs([error for text in TEXTS for error in _errors_s(text)])
    note = f"{found.size} words of Kokoro, 90% within {np.percentile(found, 90):.0f} ms"
    yield figure("word times: median error", float(np.median(found)), "ms", "<= 50", note)


def _errors_s(text: str) -> list[float]:
    """Of each word's beginning."""
    blob = models.read("kokoro-82m-int8")
    durations = models.open_session(
        cut(blob, inputs=["tokens", "style", "speed"], outputs=[DURATIONS]), "durations of kokoro", threads=1
    )
    vocabulary = json.loads(models.read("kokoro-vocab"))["vocab"]
    phonemes = [char for char in str(english.warm()(text)).strip() if char in vocabulary]
    styles = tensors.parse(models.read("kokoro-voices"))
    given = {
        "tokens": np.array([[0, *(vocabulary[char] for char in phonemes), 0]], np.int64),
        "style": styles["af_heart"][len(phonemes)].astype(np.float32)[None],
        "speed": np.array([1.0], np.float32),
    }
    frames = durations.run([DURATIONS], given)[0].reshape(len(phonemes) + 2, -1).sum(axis=1)
    starts_s = (np.concatenate([[0], np.cumsum(frames)]) - EARLY_FRAMES) * FRAME_S
    sound = Waveform(models.session("kokoro-82m-int8", threads=1).run(None, given)[0].reshape(1, -1), RATE_HZ)
    begins = [n for n, char in enumerate(phonemes) if char != " " and (n == 0 or phonemes[n - 1] == " ")]
    words = timed(mono_16k(sound), text, "en-us")
    assert len(words) == len(begins), "a word of the text is a word of the reading"
    return [word.start_s - starts_s[n + 1] for word, n in zip(words, begins, strict=True)]
