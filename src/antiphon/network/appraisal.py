"""What an engine is worth on this machine: does it conform, what does it cost to run, what do the judges say.

A price has a floor: what the machine would earn with the reference engine in the same time. Both engines are measured
in one run, on the same texts, so a slow or a busy machine changes neither side of the comparison.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from antiphon.economy.types import PPM, Verdict
from antiphon.engines import conformance
from antiphon.engines.base import Engine, Voice
from antiphon.errors import AntiphonError, InputError
from antiphon.network.embedded import PRICES_NANO
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.evaluation import Evaluator
from antiphon.nodes.evaluation.base import Submission
from antiphon.parties.messages import Form
from antiphon.services import Service, SpeechRequest

REFERENCE = "kokoro"
"""The dearest of ours to run: whoever asks less for a second of computing would earn more with it."""

SENTENCES = 6
IDLE_PPM = 250_000
"""A node waits, and some of its work is lost: the proposal is this much above the floor."""

SEED = 11

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one engine over some texts: all in seconds of this machine's time."""

    chars: int
    took_s: float
    audio_s: float
    first_s: float  # median until the first chunk

    @property
    def rtf(self) -> float:
        return self.took_s / self.audio_s

    @property
    def s_per_char(self) -> float:
        return self.took_s / self.chars


@dataclass(frozen=True, slots=True)
class Quality:
    """The verdicts over the same texts. `score_ppm`: the mean of those that were conclusive."""

    valid: int
    invalid: int
    inconclusive: int
    score_ppm: int | None


@dataclass(frozen=True, slots=True)
class Appraisal:
    """`floor_nano`, `price_nano`: per character."""

    problems: tuple[str, ...]
    pace: Pace
    reference: Pace
    quality: Quality | None
    floor_nano: int
    price_nano: int


def appraise(
    engine: Engine,
    reference: Engine,
    evaluator: Evaluator,
    *,
    voice: str = "",
    hour_nano: int = 0,
    tell: Tell = lambda _: None,
) -> Appraisal:
    """Some minutes of work; `tell` is given each step. `hour_nano`: what an hour of the machine must bring, if more
    than the reference does.

    Quality is measured for voices that speak English, which the sentences are. Raises `InputError` for an engine that
    is not of speech, or has no such voice, and whatever an engine or a judge raises.
    """
    speaker, other = _voice(engine, voice), _voice(reference, "")
    texts = [GrammarPrompts.sentence(number * 1_000_003) for number in range(SENTENCES)]
    problems = conformance.failures(engine, voice=speaker.name, tell=tell)
    pace, said = _timed(engine, speaker, texts, tell)
    against, _ = _timed(reference, other, texts, tell)
    floor_nano = max(1, price_floor(pace.s_per_char, against.s_per_char, reference.name, hour_nano))
    english = speaker.language.casefold().startswith("en")
    return Appraisal(
        problems=tuple(problems),
        pace=pace,
        reference=against,
        quality=_judged(evaluator, said, tell) if english else None,
        floor_nano=floor_nano,
        price_nano=floor_nano + floor_nano * IDLE_PPM // PPM,
    )


def price_floor(s_per_char: float, reference_s_per_char: float, reference: str, hour_nano: int) -> int:
    """Nano per character below which the machine earns more with the reference, or less than `hour_nano` an hour."""
    equal = PRICES_NANO[reference] * s_per_char / reference_s_per_char
    return max(round(equal), round(hour_nano * s_per_char / 3600))


def _voice(engine: Engine, name: str) -> Voice:
    able = engine.capabilities
    if able.service != Service.SPEECH or not able.voices:
        raise InputError(f"The engine {engine.name} is not of speech with voices of its own", "Check one that is.")
    if not name:
        english = [voice for voice in able.voices if voice.language.casefold().startswith("en")]
        return (english or list(able.voices))[0]
    found = {voice.name: voice for voice in able.voices}
    if name not in found:
        raise InputError(f"The engine {engine.name} has no voice {name!r}", f"It has {', '.join(list(found)[:12])}.")
    return found[name]


def _timed(engine: Engine, voice: Voice, texts: list[str], tell: Tell) -> tuple[Pace, list[Submission]]:
    """After one sentence that is not timed, for it may load the models."""
    tell(f"{engine.name} speaks for the first time.")
    request = SpeechRequest(text=texts[0], voice=voice.name, language=voice.language)
    for _ in engine.generate(request, SEED):
        pass
    said, firsts, took_s, audio_s = [], [], 0.0, 0.0
    form = Form(rate_hz=engine.capabilities.rate_hz, channels=engine.capabilities.channels)
    for number, text in enumerate(texts, 1):
        tell(f"{engine.name} speaks sentence {number} of {len(texts)}.")
        request = SpeechRequest(text=text, voice=voice.name, language=voice.language)
        began_s, first_s, pcm = time.perf_counter(), 0.0, b""
        for chunk in engine.generate(request, SEED):
            first_s = first_s or time.perf_counter() - began_s
            pcm += chunk.to_pcm16()
        took_s += time.perf_counter() - began_s
        audio_s += len(pcm) / form.bytes_per_s
        firsts.append(first_s)
        said.append(Submission(request=request, result=pcm, form=form, declared_size=len(pcm), seed=SEED))
    if not audio_s:
        raise InputError(f"The engine {engine.name} made no sound", "Check it by hand: antiphon say --engine NAME.")
    return Pace(sum(map(len, texts)), took_s, audio_s, median(firsts)), said


def _judged(evaluator: Evaluator, said: list[Submission], tell: Tell) -> Quality:
    votes = []
    for number, submission in enumerate(said, 1):
        tell(f"The judges hear sentence {number} of {len(said)}.")
        try:
            votes.append(evaluator.vote(submission))
        except AntiphonError:  # a judge that cannot work says nothing of the engine
            continue
    verdicts = [vote.verdict for vote in votes]
    scores = [vote.score_ppm for vote in votes if vote.score_ppm is not None]
    valid, invalid = verdicts.count(Verdict.VALID), verdicts.count(Verdict.INVALID)
    return Quality(valid, invalid, len(said) - valid - invalid, sum(scores) // len(scores) if scores else None)
