"""Words: does the audio say what was asked? Word and character error rate of a recogniser against the text, and how
sure the recogniser was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from antiphon import models
from antiphon.analysis.features import mono_16k
from antiphon.analysis.recogniser import Confirmed, Recogniser, Transcript, languages
from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.errors import ModelError
from antiphon.judges.metric import unmeasured
from antiphon.judges.metrics import WORDS
from antiphon.judges.speech.evidence import Evidence, missing_audio, signal_of
from antiphon.judges.speech.numbers import READINGS
from antiphon.judges.speech.reach import reached
from antiphon.judges.speech.wording import error_rates, normalise, unspaced

Normaliser = Callable[[str, str], str]
"""`(text, language) -> spoken form`, as engines use it."""
SAME_LANGUAGE = {"cmn": "zh", "nb": "no"}
"""BCP 47 codes of engines -> the recogniser's code for the same language."""

SECOND_HEARING_WER = 0.1
"""A worse clip is heard once more, carefully, and the better result counts: a recogniser's slip is nobody's fault."""

CONFIRMED_WER, LONG_WORDS = 0.05, 40
"""More words of a sentence unconfirmed, and it is transcribed: an unlikely word is not yet a wrong one, and each counts
for much. Of texts from `LONG_WORDS` on a word counts for little, and `SECOND_HEARING_WER` is the limit."""

MIN_CONFIRMED_WORDS = 4
"""Fewer are transcribed: a recogniser that is told one word hears it in much."""

_MULTILINGUAL = "whisper-base"


class WordsMeter:
    """`wer` and `cer`, ratios; above 1 when more was heard than asked.

    `sureness`: mean log probability of a token at first hearing; `echo_0`...: what the recogniser's encoder makes of
    the whole. These decide nothing; only who listened knows them (`antiphon.judges.readings`).
    """

    name = "words"

    def __init__(self, *, normaliser: Normaliser | None = None, threads: int = 1) -> None:
        self._normaliser = normaliser
        self._english = Recogniser("whisper-tiny-en", threads=threads)
        self._others = Recogniser(_MULTILINGUAL, threads=threads)

    def load(self) -> None:
        self._english.load()

    def transcribe(self, audio: Waveform, language: str) -> str:
        """What is said. Raises `ModelError` when nobody here knows the language."""
        language = _recognised(language)
        return self._recogniser(language).transcribe([mono_16k(audio)], language)[0].text

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        return self.measure_batch([evidence])[0]

    def measure_batch(self, evidence: Sequence[Evidence]) -> list[tuple[Measurement, ...]]:
        """Clips of one language are recognised together."""
        results: dict[int, tuple[Measurement, ...]] = {}
        groups: dict[str, list[int]] = {}
        for index, one in enumerate(evidence):
            if reason := missing_audio(one):
                results[index] = unmeasured(WORDS, reason)
            else:
                groups.setdefault(_recognised(one.request.language), []).append(index)
        for language, members in groups.items():
            results.update(self._measure_language(language, {n: evidence[n] for n in members}))
        return [results[n] for n in range(len(evidence))]

    def _measure_language(self, language: str, clips: dict[int, Evidence]) -> dict[int, tuple[Measurement, ...]]:
        try:
            recogniser = self._recogniser(language)
            confirmed = self._confirmed(recogniser, language, clips)
            counts = {n: len(clips[n].request.text.split()) for n in confirmed}
            rates = {n: _rates_of(one, counts[n]) for n, one in confirmed.items()}
            rates = {n: rate for n, rate in rates.items() if rate is not None}
            unsure = {n: one for n, one in clips.items() if n not in rates}
            heard = self._heard(recogniser, language, unsure, careful=False) if unsure else {}
            rates |= self._rates(unsure, heard)
            first = {n: (one.first, one.echo) for n, one in (heard | confirmed).items()}
            doubtful = {n: clips[n] for n, rate in rates.items() if rate is not None and rate[0] > SECOND_HEARING_WER}
            if doubtful:
                again = self._heard(recogniser, language, doubtful, careful=True)
                for n, rate in self._rates(doubtful, again).items():
                    rates[n] = min(rates[n] or (np.inf, np.inf), rate or (np.inf, np.inf))
        except ModelError as error:
            return dict.fromkeys(clips, unmeasured(WORDS, str(error)))
        return {n: self._figures(rate, *first[n]) for n, rate in rates.items()}

    def _confirmed(self, recogniser: Recogniser, language: str, clips: dict[int, Evidence]) -> dict[int, Confirmed]:
        """The first hearing of every text that is long enough: how much of it is there."""
        texts = {n: one.request.text for n, one in clips.items()}
        long = [n for n, text in texts.items() if len(text.split()) >= MIN_CONFIRMED_WORDS and not unspaced(language)]
        if not long:
            return {}
        found = recogniser.confirm([signal_of(clips[n]) for n in long], [texts[n] for n in long], language)
        return {n: one for n, one in zip(long, found, strict=True) if one is not None}

    def _recogniser(self, language: str) -> Recogniser:
        if language == "en":
            return self._english
        if language not in languages(models.read(_MULTILINGUAL, "tokenizer.json")):
            raise ModelError(f"no recogniser knows the language {language}")
        if language not in reached():
            raise ModelError(f"Whisper base understands too little of the language {language} to check words")
        return self._others

    def _heard(
        self, recogniser: Recogniser, language: str, clips: dict[int, Evidence], *, careful: bool
    ) -> dict[int, Transcript]:
        signals = [signal_of(one) for one in clips.values()]
        return dict(zip(clips, recogniser.transcribe(signals, language, careful=careful), strict=True))

    def _rates(self, clips: dict[int, Evidence], heard: dict[int, Transcript]) -> dict[int, tuple[float, float] | None]:
        return {n: self._compare(one, heard[n].text) for n, one in clips.items()}

    def _compare(self, evidence: Evidence, heard: str) -> tuple[float, float] | None:
        """The lowest (WER, CER) of all readings; None for a text without words."""
        readings = self._readings(evidence, heard)
        return min((error_rates(wanted, got) for wanted, got in readings if wanted), default=None)

    def _figures(
        self, rates: tuple[float, float] | None, sureness: float, echo: Sequence[float]
    ) -> tuple[Measurement, ...]:
        if rates is None:
            return unmeasured(WORDS, "the text has no words")
        values = (*rates, sureness, *echo)
        return tuple(metric.measured(value) for metric, value in zip(WORDS, values, strict=True))

    def _readings(self, evidence: Evidence, heard: str) -> set[tuple[str, str]]:
        """The written and the spoken form, and what was heard, each in all readings of its figures."""
        text, language = evidence.request.text, evidence.request.language
        forms = [text]
        if self._normaliser is not None:
            forms.append(self._normaliser(text, language))
        wanted = {normalise(form, language, reading=reading) for form in forms for reading in READINGS}
        heards = [heard]
        if self._normaliser is not None and not language.lower().startswith("en"):
            # A recogniser writes figures; only English is spelled below.
            heards.append(self._normaliser(heard, language))
        got = {normalise(form, language, reading=reading) for form in heards for reading in READINGS}
        return {(one, other) for one in wanted for other in got}


def _rates_of(confirmed: Confirmed, words: int) -> tuple[float, float] | None:
    """What is not confirmed counts as wrong; None where too much of so many words is not."""
    limit = SECOND_HEARING_WER if words >= LONG_WORDS else CONFIRMED_WER
    wrong = 1.0 if confirmed.share is None else 1.0 - confirmed.share
    return (wrong, wrong) if wrong <= limit else None


def _recognised(language: str) -> str:
    """The recogniser's code of a BCP 47 tag."""
    code = language.lower().split("-")[0]
    return SAME_LANGUAGE.get(code, code)
