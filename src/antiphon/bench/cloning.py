"""What a cloner reaches on recorded voices: whom it sounds like, what is understood, how natural it is, how fast.

The verdict on the voice is by the second embedder (resemblyzer), which mimic never optimises. A trial is won when the
clone is nearer its reference than any of ten others: seven recorded speakers and three built-in voices.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np

from antiphon.analysis import Recogniser, embed_independent, mono_16k
from antiphon.audio import Waveform
from antiphon.audio.reference import Reference, prepare
from antiphon.audio.room import RoomTone
from antiphon.bench import cheats
from antiphon.bench.figure import Figure, figure
from antiphon.bench.sentences import HELD_OUT
from antiphon.engines.base import Cloner
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DistillMosMeter
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.services import Clip, CloneRequest, EnrolRequest, SpeechRequest, VoiceProfile

REFERENCES = Path(__file__).parent / "references"
"""Recorded voices that ship with us; `LICENCES.md` beside them says whose they are and under which licences."""

BUILT_IN = ("af_heart", "bf_emma", "am_michael")
OTHERS = 10
SENTENCES = 6
"""Trials per voice: with five voices thirty."""

CONVERTED_S = 6.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One sentence in one cloned voice. `own` and `nearest_other` are cosines; `errors` of `words` were misheard."""

    voice: str
    text: str
    own: float
    nearest_other: float
    other: str
    errors: float
    words: int
    mos: float

    @property
    def won(self) -> bool:
        return self.own > self.nearest_other


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A voice that was enrolled, and how long that took with all models loaded."""

    voice: str
    reference: Reference
    profile: VoiceProfile
    seconds: float


class Cloning:
    """Measures one cloner on a folder of recordings: `NAME.opus` are cloned, `other-NAME.opus` only compared with."""

    def __init__(self, cloner: Cloner, folder: Path = REFERENCES) -> None:
        self._cloner = cloner
        self._references = {file.stem: prepare(file) for file in sorted(folder.glob("*.opus"))}
        self._speakers = {name: embed_independent(found.waveform) for name, found in self._references.items()}
        for name in BUILT_IN[: OTHERS + 1 - len(self._speakers)]:
            self._speakers[name] = embed_independent(cheats.synthesise(" ".join(HELD_OUT[-2:]), name, 0))
        self._recogniser = Recogniser()
        self._mos = DistillMosMeter()

    def enrol(self) -> list[Enrolled]:
        """All voices. One enrolment before them loads what is loaded on first use."""
        names = [name for name in self._references if not name.startswith("other-")]
        self._enrolled(names[0])
        return [self._enrolled(name) for name in names]

    def speak(self, enrolled: Sequence[Enrolled], sentences: int = SENTENCES) -> Iterator[Trial]:
        """Every voice speaks so many sentences, different ones as far as there are any."""
        for index, one in enumerate(enrolled):
            for number in range(sentences):
                text = HELD_OUT[(index * sentences + number) % len(HELD_OUT)]
                audio = self._generated(CloneRequest(profile=one.profile, text=text))
                yield self._trial(one.voice, text, audio)

    def convert(
        self, enrolled: Sequence[Enrolled], sources: Sequence[tuple[str, Clip]]
    ) -> Iterator[tuple[Trial, float]]:
        """Each source `(words, recording)` in the next voice, and by how many seconds its length was missed."""
        for number, (text, clip) in enumerate(sources):
            one = enrolled[number % len(enrolled)]
            audio = self._generated(CloneRequest(profile=one.profile, speech=clip))
            yield self._trial(one.voice, text, audio), abs(audio.duration_s - clip.seconds)

    def heard(self, audio: Waveform) -> str:
        return self._recogniser.transcribe([mono_16k(audio)], careful=True)[0].text

    def _enrolled(self, name: str) -> Enrolled:
        reference = self._references[name]
        request = EnrolRequest(reference=reference.clip)
        started = time.perf_counter()
        data = self._cloner.enrol(request, 0)
        seconds = time.perf_counter() - started
        profile = VoiceProfile(
            engine=self._cloner.name,
            language=request.language,
            reference=request.reference.sha256,
            data=data,
            reference_voice=b"",
            reference_other=b"",
            own_voice=b"",
            own_other=b"",
            fingerprint=b"",
            own_mos=0.0,
        )
        return Enrolled(name, reference, profile, seconds)

    def _generated(self, request: CloneRequest) -> Waveform:
        chunks = list(self._cloner.generate(request, 0))
        return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)

    def _trial(self, voice: str, text: str, audio: Waveform) -> Trial:
        heard = embed_independent(audio)
        likeness = {name: float(speaker @ heard) for name, speaker in self._speakers.items()}
        own = likeness.pop(voice)
        other = max(likeness, key=lambda name: likeness[name])
        wanted = normalise(text, "en-us")
        words = len(wanted.split())
        rate, _ = error_rates(wanted, normalise(self.heard(audio), "en-us"))
        return Trial(voice, text, own, likeness[other], other, rate * words, words, self._naturalness(text, audio))

    def _naturalness(self, text: str, audio: Waveform) -> float:
        """DistillMOS with the room around it, as a client hears it."""
        tone = RoomTone(audio.rate_hz)
        parts = [tone.opening(), tone.under(audio), tone.closing()]
        whole = Waveform(np.concatenate([part.samples for part in parts], axis=1), audio.rate_hz)
        evidence = Evidence(SpeechRequest(text=text, voice="clone"), whole, whole.rate_hz, whole.samples.shape[1])
        return float(self._mos.measure(evidence)[0].value or 0.0)


def cloning_figures(cloner: Cloner, folder: Path = REFERENCES) -> Iterator[Figure]:
    """The Clone figures: all voices together, then each of them."""
    cloning = Cloning(cloner, folder)
    enrolled = cloning.enrol()
    trials = list(cloning.speak(enrolled))
    won = sum(trial.won for trial in trials)
    note = f"{won} of {len(trials)}, by the embedder that was not optimised"
    yield figure("clone: nearest of 10 speakers", 100 * won / len(trials), "%", ">= 70", note)
    yield figure("clone: WER", 100 * _wer(trials), "%", "<= 10")
    yield figure("clone: DistillMOS", mean(trial.mos for trial in trials), "MOS", ">= 4.0")
    worst = max(one.seconds for one in enrolled)
    yield figure("clone: enrolment", median(one.seconds for one in enrolled), "s", "< 2", f"worst {worst:.2f}")
    for one in enrolled:
        own = [trial for trial in trials if trial.voice == one.voice]
        likeness = f"cosine {mean(t.own for t in own):.2f}, next speaker {mean(t.nearest_other for t in own):.2f}"
        note = f"{likeness}, WER {100 * _wer(own):.1f}%, MOS {mean(t.mos for t in own):.2f}"
        yield figure(f"clone: nearest, voice {one.voice}", 100 * sum(t.won for t in own) / len(own), "%", note=note)
    yield from _converted(cloning, enrolled)


def _converted(cloning: Cloning, enrolled: Sequence[Enrolled]) -> Iterator[Figure]:
    """Voice to voice: the English references' first seconds, each in the voice after its own."""
    sources = []
    for one in (enrolled[0], enrolled[-1]):
        samples = one.reference.waveform.samples[:, : round(CONVERTED_S * one.reference.waveform.rate_hz)]
        clip = Waveform(samples, one.reference.waveform.rate_hz)
        sources.append((cloning.heard(clip), Clip(pcm=clip.to_pcm16(), rate_hz=clip.rate_hz)))
    targets = [*enrolled[1:], enrolled[0]]
    results = list(cloning.convert(targets, sources + sources))
    trials = [trial for trial, _ in results]
    won = sum(trial.won for trial in trials)
    yield figure("voice to voice: nearest of 10 speakers", 100 * won / len(trials), "%", note=f"{won} of {len(trials)}")
    yield figure("voice to voice: WER against the source as heard", 100 * _wer(trials), "%", "<= 10")
    yield figure("voice to voice: DistillMOS", mean(trial.mos for trial in trials), "MOS")
    yield figure("voice to voice: length missed by", 1000 * max(error for _, error in results), "ms", "<= 1")


def _wer(trials: Sequence[Trial]) -> float:
    return sum(trial.errors for trial in trials) / sum(trial.words for trial in trials)
