"""Word times beside those that Kokoro's own duration predictor gave its words.

The predictor's frames are what the sound was made by. Its authors take three frames off before telling times (kokoro
0.9, `KPipeline.join_timestamps`), and so do we.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np

from antiphon import models
from antiphon.audio import Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.client.events import Said
from antiphon.door.word_times import WordTimes
from antiphon.engines import english
from antiphon.engines.mimic.onnxcut import cut
from antiphon.engines.mimic.split_model import FRAME_S, RATE_HZ
from antiphon.models import tensors

DURATIONS = "/encoder/Cast_4_output_0"
"""The tensor that gives each phoneme its frames, `[1, tokens, frames]` of 0 and 1."""

EARLY_FRAMES = 3
SIXTIETH_S = 59 * 60.0
QUIET_SAMPLES = 10 * RATE_HZ + 1
"""Of one silence: no whole number of anything, so that sums that were rounded would show."""
TEXTS = (
    (
        "They agreed that the one who first succeeded in making the traveller take his cloak off should be considered "
        "stronger than the other."
    ),
    "Yesterday evening my brother bought seven bottles of cold milk, and then he walked home through the rain.",
    "Can you believe that nobody noticed the enormous elephant standing quietly in the garden?",
)


async def word_time_figures() -> AsyncIterator[Figure]:
    """In the first minute of a sound and, after an hour's beginning of silence, in the sixtieth."""
    sentences = await asyncio.to_thread(lambda: [_spoken(text) for text in TEXTS])
    times = WordTimes()
    errors = {minute: list[float]() for minute in ("first", "sixtieth")}
    at_samples = 0
    for minute, before_s in (("first", 0.0), ("sixtieth", SIXTIETH_S)):
        while at_samples < before_s * RATE_HZ:
            quiet = Waveform(np.zeros((1, QUIET_SAMPLES), np.float32), RATE_HZ)
            times.sound(quiet)
            times.said(Said(0, "-", "en-us"))
            at_samples += QUIET_SAMPLES
        for text, sound, starts_s in sentences:
            known = len(times.words)
            times.sound(sound)
            times.said(Said(0, text, "en-us"))
            await times.finish()
            words = times.words[known:]
            assert len(words) == len(starts_s), "a word of the text is a word of the reading"
            begin_s = at_samples / RATE_HZ
            errors[minute] += [word.start_s - begin_s - start_s for word, start_s in zip(words, starts_s, strict=True)]
            at_samples += sound.samples.shape[1]
    for minute, some in errors.items():
        found_ms = 1000 * np.abs(some)
        note = f"{found_ms.size} words of Kokoro, 90% within {np.percentile(found_ms, 90):.0f} ms"
        yield figure(
            f"word times: median error in the {minute} minute", float(np.median(found_ms)), "ms", "<= 50", note
        )


def _spoken(text: str) -> tuple[str, Waveform, list[float]]:
    """With the sound, and when each word of it begins, in seconds, as the engine has it."""
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
    return text, sound, [float(starts_s[n + 1]) for n in begins]
