"""Clones of one to four words: honest ones that are not accepted, and cheats of the same lengths.

Every recorded voice that ships, and one of them once more as phones record (AAC), by one cloner.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from antiphon.audio import Waveform, read, resample
from antiphon.audio.reference import prepare
from antiphon.bench import cheats, clone_cheats
from antiphon.bench.clone_cheats import Case, Speaker, Studio
from antiphon.bench.cloning import REFERENCES
from antiphon.bench.figure import Figure, figure
from antiphon.bench.sentences import utterances
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict, Vote
from antiphon.judges.cloning import CloneMeters, clone_expectation
from antiphon.judges.cloning.scoring import CLONE
from antiphon.judges.cloning.voice_profile import waveform_of
from antiphon.judges.speech.wording import normalise
from antiphon.services import Clip, CloneRequest

FOUR_WORDS = (
    "I never said this.", "She has two sisters.", "Open the back door.", "How did you know?", "They live near here.",
    "Bring your own lunch.", "My phone is broken.", "Nobody told me that.", "Tomorrow might be better.",
    "Congratulations on your anniversary!", "Is that really true?", "Unbelievable, absolutely unbelievable, everybody!",
)  # fmt: skip
TEXTS = (*FOUR_WORDS, *utterances()[1::8])
"""75 of one to four words; no bound was chosen on them."""

AAC = {"allison-aac": (44_100, 64_000), "allison-memo": (16_000, 24_000)}
"""Name -> rate in Hz and bits a second of a recording that is encoded once more."""


def references() -> dict[str, Clip]:
    """By name, as an order carries them."""
    found = {file.stem: prepare(file).clip for file in sorted(REFERENCES.glob("*.opus"))}
    for name, (rate_hz, bits) in AAC.items():
        wave = read(REFERENCES / f"{name.partition('-')[0]}.opus")
        found[name] = prepare(_as_aac(resample(wave, rate_hz), bits)).clip
    return found


@dataclass(frozen=True, slots=True)
class CloneOrder:
    """One order, told before anything is rendered for it."""

    speaker: Speaker
    text: str
    seed: int
    stranger: Speaker  # somebody else
    other_text: str  # something else

    @property
    def request(self) -> CloneRequest:
        return _request(self.speaker, self.text)


def orders(speakers: Sequence[Speaker], tries: int, seed: int) -> Iterator[CloneOrder]:
    """`tries` of them, so that all speakers and texts come in turn."""
    for number in range(tries):
        rng = np.random.default_rng((seed, number))
        speaker, text = speakers[number % len(speakers)], TEXTS[(number + number // len(TEXTS)) % len(TEXTS)]
        strangers = [one for one in speakers if _person(one) != _person(speaker)]
        others = [one for one in TEXTS if normalise(one) != normalise(text)]
        yield CloneOrder(
            speaker=speaker,
            text=text,
            seed=int(rng.integers(1 << 62)),
            stranger=strangers[int(rng.integers(len(strangers)))],
            other_text=others[int(rng.integers(len(others)))],
        )


Cheat = Callable[[CloneOrder, Studio], Waveform]


def honest(order: CloneOrder, studio: Studio) -> Waveform:
    return studio.render(order.request, order.seed)


def silence(order: CloneOrder, studio: Studio) -> Waveform:
    made = honest(order, studio)
    return Waveform(np.zeros_like(made.samples), made.rate_hz)


def noise(order: CloneOrder, studio: Studio) -> Waveform:
    """As loud and as long as an honest answer."""
    made = honest(order, studio)
    samples = np.random.default_rng(order.seed).standard_normal(made.samples.shape) * made.samples.std()
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), made.rate_hz)


def another_word(order: CloneOrder, studio: Studio) -> Waveform:
    return studio.render(_request(order.speaker, order.other_text), order.seed)


def another_voice(order: CloneOrder, studio: Studio) -> Waveform:
    """The right words by somebody else's clone."""
    return studio.render(_request(order.stranger, order.text), order.seed)


def default_voice(order: CloneOrder, _studio: Studio) -> Waveform:
    """The right words by the cheapest good voice, which nobody had to clone."""
    return cheats.synthesise(order.text, "hibari", order.seed)


def replayed(order: CloneOrder, studio: Studio) -> Waveform:
    return clone_cheats.replayed(_case(order, studio))


def cut_up(order: CloneOrder, studio: Studio) -> Waveform:
    return clone_cheats.cut_up(_case(order, studio))


CHEATS: dict[str, Cheat] = {
    "silence": silence,
    "noise": noise,
    "another word": another_word,
    "another voice": another_voice,
    "the default voice": default_voice,
    "reference replayed": replayed,
    "reference cut up": cut_up,
}


def vote(judges: CloneMeters, order: CloneOrder, audio: Waveform) -> Vote:
    """A validator's, on audio as it travels."""
    audio = Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)
    heard = judges.measure_clone(
        order.request,
        audio,
        declared_rate_hz=audio.rate_hz,
        declared_samples=audio.samples.shape[1],
        seed=order.seed,
    )
    return decide(CLONE.expecting(clone_expectation(order.request)), heard)


def figures(
    name: str, judges: CloneMeters, studio: Studio, speakers: Sequence[Speaker], tries: int
) -> Iterator[Figure]:
    """Of the cloner `name`: honest clones rejected, those not decided, and cheats rejected."""
    counts = _counted(judges, studio, honest, orders(speakers, tries, 5))
    prefix, note = f"clones of one to four words by {name}:", f"{tries} tries"
    yield figure(f"{prefix} honest rejected", 100 * counts[Verdict.INVALID] / tries, "of 100", "<= 1", note)
    yield figure(f"{prefix} honest refunded", 100 * counts[Verdict.INCONCLUSIVE] / tries, "of 100", "<= 3", note)
    for cheat_name, cheat in CHEATS.items():
        counts = _counted(judges, studio, cheat, orders(speakers, tries, 6))
        caught = 100 * counts[Verdict.INVALID] / tries
        note = f"{tries} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"{prefix} cheat rejected: {cheat_name}", caught, "of 100", ">= 95", note)


def _counted(judges: CloneMeters, studio: Studio, cheat: Cheat, work: Iterator[CloneOrder]) -> dict[Verdict, int]:
    counts = dict.fromkeys(Verdict, 0)
    for order in work:
        counts[vote(judges, order, cheat(order, studio)).verdict] += 1
    return counts


def _request(speaker: Speaker, text: str) -> CloneRequest:
    return CloneRequest(profile=speaker.profile, consent=speaker.order.consent, text=text)


def _person(speaker: Speaker) -> str:
    return speaker.name if speaker.name not in AAC else speaker.name.partition("-")[0]


def _case(order: CloneOrder, studio: Studio) -> Case:
    reference = waveform_of(order.speaker.order.reference)
    return Case(order.request, honest(order, studio), reference, (), np.random.default_rng(order.seed), order.seed)


def _as_aac(wave: Waveform, bits: int) -> io.BytesIO:
    """An m4a file."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as out:
        stream = out.add_stream("aac", rate=wave.rate_hz, layout="mono")
        stream.bit_rate = bits
        samples = wave.samples.astype(np.float32)
        for start in range(0, samples.shape[1], 1024):
            piece = np.ascontiguousarray(samples[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = wave.rate_hz, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    return file
