"""What dishonest processors do, as functions from honest material to a forged delivery; and how many are caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from antiphon.audio import Waveform, resample
from antiphon.bench.sentences import HELD_OUT, utterances
from antiphon.economy.types import Verdict
from antiphon.engines import registry
from antiphon.judges.speech.wording import normalise
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.evaluation import Evaluator, Submission
from antiphon.parties.messages import Form
from antiphon.services import SpeechRequest


@dataclass(frozen=True, slots=True)
class Case:
    """One order, and the material a cheat may use."""

    request: SpeechRequest
    honest: Waveform
    rng: np.random.Generator
    seed: int
    others: Sequence[str] = ()  # texts of the same kind; none = sentences of the prompt grammar


Cheat = Callable[[Case], Submission]


def synthesise(text: str, voice: str, seed: int) -> Waveform:
    """Honest work of the engine that owns `voice`, or the mix."""
    engine = registry.load(registry.engine_for(voice))
    language = _language(voice)
    chunks = list(engine.generate(SpeechRequest(text=text, voice=voice, language=language), seed))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def _language(voice: str) -> str:
    return registry.find_voice(voice.partition("+")[0].partition(":")[0]).language


def _deliver(case: Case, audio: Waveform, *, rate_hz: int | None = None, samples: int | None = None) -> Submission:
    """As a validator sees it: PCM16 at the declared rate."""
    rate_hz = rate_hz or audio.rate_hz
    pcm = audio.to_pcm16()
    declared = len(pcm) if samples is None else 2 * samples
    return Submission(case.request, pcm, Form(rate_hz=rate_hz, channels=1), declared, seed=case.seed)


def honest(case: Case) -> Submission:
    return _deliver(case, case.honest)


def silence(case: Case) -> Submission:
    return _deliver(case, Waveform(np.zeros_like(case.honest.samples), case.honest.rate_hz))


def noise(case: Case) -> Submission:
    shape = case.honest.samples.shape
    level = float(np.sqrt(np.mean(case.honest.samples**2)))
    samples = (case.rng.standard_normal(shape) * level).astype(np.float32)
    return _deliver(case, Waveform(np.clip(samples, -1, 1), case.honest.rate_hz))


def other_text(case: Case) -> Submission:
    text = _other(case)
    return _deliver(case, synthesise(text, case.request.voice, case.seed))


def half_text(case: Case) -> Submission:
    words = case.request.text.split()
    return _deliver(case, synthesise(" ".join(words[: (len(words) + 1) // 2]), case.request.voice, case.seed))


def other_voice(case: Case) -> Submission:
    """The same engine family's quality, another speaker."""
    others = [
        name for name in ("am_michael", "bm_george", "bf_emma", "am_puck", "bm_fable") if name != case.request.voice
    ]
    return _deliver(case, synthesise(case.request.text, str(case.rng.choice(others)), case.seed))


def worse_engine(case: Case) -> Submission:
    return _deliver(case, synthesise(case.request.text, "espeak-en-us", case.seed))


def replayed(case: Case) -> Submission:
    """An older result of the same node, for another order, slightly changed so that its bytes are new."""
    older = synthesise(_other(case), case.request.voice, case.seed)
    changed = older.samples * np.float32(0.9) + case.rng.standard_normal(older.samples.shape).astype(np.float32) * 1e-4
    return _deliver(case, Waveform(np.clip(changed, -1, 1).astype(np.float32), older.rate_hz))


def wrong_length(case: Case) -> Submission:
    """More samples declared (and charged) than delivered."""
    count = case.honest.samples.shape[1]
    return _deliver(case, case.honest, samples=count + int(case.rng.integers(1, count)))


def wrong_rate(case: Case) -> Submission:
    """Fewer samples made, declared at the full rate: chipmunk speech."""
    low = resample(case.honest, round(case.honest.rate_hz * float(case.rng.uniform(0.55, 0.75))))
    return _deliver(case, low, rate_hz=case.honest.rate_hz)


def somebody_elses(case: Case) -> Submission:
    """Another node's result for another client, delivered as one's own."""
    return _deliver(case, synthesise(_other(case), "af_heart", case.seed))


CHEATS: dict[str, Cheat] = {
    "silence": silence,
    "noise": noise,
    "other text": other_text,
    "half the text": half_text,
    "other voice": other_voice,
    "worse engine": worse_engine,
    "replayed audio": replayed,
    "wrong length": wrong_length,
    "wrong rate": wrong_rate,
    "somebody else's result": somebody_elses,
}


SHORT_CHEATS: dict[str, Cheat] = {
    "silence": silence,
    "noise": noise,
    "another word": other_text,
    "another voice": other_voice,
    "worse engine": worse_engine,
}


def short_cases(voices: Sequence[str], tries: int, seed: int, *, start: int = 0) -> Iterator[Case]:
    """Orders of one to three words, spread evenly over the list, the voices in turn; from number `start` on."""
    texts = utterances()
    for number in range(start, tries):
        text, voice = texts[(number * len(texts) // tries + seed) % len(texts)], voices[number % len(voices)]
        request = SpeechRequest(text=text, voice=voice, language=_language(voice))
        yield Case(request, synthesise(text, voice, number), np.random.default_rng((seed, number)), number, texts)


def cases(voice: str, tries: int, seed: int, *, start: int = 0) -> Iterator[Case]:
    """Orders no development has seen: numbered sentences of the prompt grammar, and the held-out ones."""
    language = registry.find_voice(voice).language
    for number in range(start, tries):
        if number < len(HELD_OUT):
            text = HELD_OUT[number]
        else:
            text = GrammarPrompts.sentence((seed * 7_919 + number * 15_485_863) % GrammarPrompts.period)
        request = SpeechRequest(text=text, voice=voice, language=language)
        yield Case(request, synthesise(text, voice, number), np.random.default_rng((seed, number)), number)


def verdicts(evaluator: Evaluator, cheat: Cheat, orders: Iterator[Case]) -> dict[Verdict, int]:
    """How often each verdict follows. One fresh delivery per order."""
    counts = dict.fromkeys(Verdict, 0)
    for case in orders:
        counts[evaluator.vote(cheat(case)).verdict] += 1
    return counts


def _other(case: Case) -> str:
    """A different text of the same kind."""
    while case.others:
        text = case.others[int(case.rng.integers(len(case.others)))]
        if normalise(text) != normalise(case.request.text):
            return text
    return GrammarPrompts.sentence(int(case.rng.integers(GrammarPrompts.period)))
