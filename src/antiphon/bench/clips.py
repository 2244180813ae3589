"""Speech that our models have not learnt from: recorded speakers that ship with us, voices of our own engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from antiphon.audio import read, resample
from antiphon.audio.stretches import stretches
from antiphon.audio.waveform import Waveform
from antiphon.bench import cheats
from antiphon.bench.sentences import HELD_OUT

REFERENCES = Path(__file__).parent / "references"

HELD_OUT_SPEAKERS = {"june": "fr", "librivox": "en", "other-armelle": "fr", "other-cards": "en", "other-menardi": "it"}
"""Recorded speakers and their languages. The other three that ship are among what the codec learnt from or was watched
on (docs/log.md), and serve for comparison only."""

COMPARED = ("allison", "carlo", "ivrvoice")

HELD_OUT_VOICES = ("af_bella", "am_michael", "bf_emma", "bm_george")
"""No model that ships heard these, nor the sentences of `sentences.HELD_OUT`."""

RATE_HZ = 16_000
LONGEST_S = 8.0


@dataclass(frozen=True, slots=True)
class Clip:
    """`text` is empty where nobody wrote down what is said."""

    speaker: str
    language: str
    wave: Waveform
    text: str = ""


def recording(name: str) -> Waveform:
    return read(REFERENCES / f"{name}.opus")


def recorded() -> Iterator[Clip]:
    """Recorded speakers, in pieces cut at pauses."""
    for name, language in HELD_OUT_SPEAKERS.items():
        for piece in stretches(recording(name), LONGEST_S):
            yield Clip(name, language, piece)


def spoken(voices: tuple[str, ...], count: int) -> Iterator[Clip]:
    """`count` sentences, the voices in turn; at the rate of recordings, so that nothing is gained or lost by more."""
    for number, text in enumerate(HELD_OUT[:count]):
        voice = voices[number % len(voices)]
        yield Clip(voice, "en", resample(cheats.synthesise(text, voice, number), RATE_HZ), text)
