"""What makes our generator's speech, and what is heard in it: words, voice, naturalness, drift, time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

import numpy as np

from antiphon import models
from antiphon.analysis import Recogniser, embed_independent, mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DistillMosMeter
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.services import SpeechRequest
from antiphon.soundstorm.pipeline import Pipeline, Spoken

PAPER_S = 30.0
"""The length that passes are promised for."""


class Transcriber:
    """A recogniser for measuring: the largest that is installed, and not the one our semantic tokens are made by."""

    def __init__(self) -> None:
        self.multilingual = models.installed("whisper-base")
        self._recogniser = Recogniser("whisper-base" if self.multilingual else "whisper-tiny-en")
        self.note = "by Whisper base" if self.multilingual else "by Whisper tiny.en; antiphon[languages] brings base"

    def words(self, waves: Sequence[Waveform], language: str = "en") -> list[str]:
        """What is heard in each, normalised."""
        heard = self._recogniser.transcribe([mono_16k(wave) for wave in waves], language, careful=True)
        return [normalise(one.text, language) for one in heard]

    def knows(self, language: str) -> bool:
        return self.multilingual or language == "en"


class Naturalness:
    """DistillMOS of a clip; None where it cannot be measured."""

    def __init__(self) -> None:
        self._judge = DistillMosMeter()

    def of(self, wave: Waveform) -> float | None:
        evidence = Evidence(SpeechRequest(text="-", voice="measured"), wave, wave.rate_hz, wave.samples.shape[1])
        return self._judge.measure(evidence)[0].value


@dataclass(slots=True)
class SpeechQuality:
    """All that was heard in what was made."""

    transcriber: Transcriber
    quality: Naturalness
    speakers: Mapping[str, Samples]  # embeddings to be told apart
    errors: float = 0.0
    words: int = 0
    clips: int = 0
    made_s: float = 0.0
    took_s: float = 0.0
    cer: list[float] = field(default_factory=list)
    mos: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    nearest: list[bool] = field(default_factory=list)

    def add(self, spoken: Spoken, text: str, speaker: str) -> None:
        """`text` is what it should say, `speaker` whom it should sound like."""
        made = spoken.wave
        self.clips += 1
        self.made_s, self.took_s = self.made_s + made.duration_s, self.took_s + spoken.took_s
        wanted = normalise(text, "en")
        wer, cer = error_rates(wanted, self.transcriber.words([made])[0])
        self.errors, self.words = self.errors + wer * len(wanted.split()), self.words + len(wanted.split())
        self.cer.append(cer)
        if (mos := self.quality.of(made)) is not None:
            self.mos.append(mos)
        try:
            voice = embed_independent(made)
        except InputError:  # no speech to tell a voice by
            self.nearest.append(False)
            return
        if speaker in self.speakers:
            self.likeness.append(float(voice @ self.speakers[speaker]))
            self.nearest.append(max(self.speakers, key=lambda name: float(voice @ self.speakers[name])) == speaker)

    def figures(self, prefix: str, wer: str, timed: str) -> Iterator[Figure]:
        """`wer` is the target of the word error rate, `timed` what the time was spent on."""
        rate = self.errors / self.words if self.words else None
        note = f"{self.words} words, {self.transcriber.note}"
        yield figure(f"{prefix}clips", float(self.clips), "", note=f"{self.made_s:.0f} s made")
        yield figure(f"{prefix}word error rate", rate, "ratio", wer, note)
        yield average(f"{prefix}character error rate", self.cer, "ratio")
        yield average(f"{prefix}likeness to the speaker", self.likeness, "cosine")
        name = f"{prefix}nearest of {len(self.speakers)} speakers is the prompt's"
        yield average(name, [float(one) for one in self.nearest], "ratio", ">= 0.8")
        yield average(f"{prefix}naturalness (DistillMOS)", self.mos, "MOS", ">= 3.5")
        yield figure(f"{prefix}real-time factor", self.took_s / max(self.made_s, 1e-9), "", "<= 0.1", timed)


def average(name: str, values: Sequence[float], unit: str, target: str = "", note: str = "") -> Figure:
    """A mean; not measured when there is nothing."""
    if not values:
        return figure(name, None, unit, target, "nothing could be measured")
    return figure(name, mean(values), unit, target, note)


def long_figures(
    parts: Pipeline, semantic: Tokens, prompt: Waveform, prompt_s: float, long_s: float, seed: int, prefix: str = ""
) -> Iterator[Figure]:
    """One long piece: its passes, and how much less its last third is like the prompt's speaker than its first."""
    frames = round(long_s * parts.codec.frame_rate_hz)
    repeated = np.resize(semantic, frames)  # repeats what there is
    made = parts.speak(repeated, parts.prompt(prompt, prompt_s), "evaluate-long", seed)
    yield figure(f"{prefix}passes for {long_s:g} s", float(made.passes), "", "<= 27" if long_s == PAPER_S else "")
    third = made.wave.samples.shape[1] // 3
    name, target = f"{prefix}drift over {long_s:g} s", "<= 0.05"
    try:
        voice = embed_independent(prompt)
        first, last = (
            float(embed_independent(Waveform(made.wave.samples[:, part], made.wave.rate_hz)) @ voice)
            for part in (slice(0, third), slice(2 * third, None))
        )
    except InputError as error:
        yield figure(name, None, "ratio", target, str(error))
        return
    note = f"likeness {first:.2f} in the first third, {last:.2f} in the last"
    yield figure(name, (first - last) / max(abs(first), 1e-9), "ratio", target, note)
