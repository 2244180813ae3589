"""What dishonest cloners and trainers do, and how many of them are caught.

Orders are a grid of speakers and texts, so that every clip is rendered once: what one speaker's clone honestly says is
what another one's cheat delivers.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import soundfile

from antiphon.audio import Waveform, resample
from antiphon.bench.figure import Figure, figure
from antiphon.economy.scoring import decide, violations
from antiphon.economy.types import Verdict
from antiphon.engines.base import Cloner
from antiphon.judges.cloning import CloneMeters, clone_expectation, describe, enrolment_expectation, write_profile
from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.cloning.voice_profile import waveform_of
from antiphon.judges.metrics import CLONE_ECHO
from antiphon.services import Clip, CloneRequest, EnrolRequest, VoiceProfile

MAX_CUT_S = 5.0


class Studio:
    """A cloner that sings nothing twice: the same profile, words and seed give the same clip."""

    def __init__(self, cloner: Cloner) -> None:
        self._cloner = cloner
        self._clips: dict[bytes, Waveform] = {}

    def render(self, request: CloneRequest, seed: int) -> Waveform:
        """16-bit mono, as it would travel. Raises `InputError`."""
        speech = b"" if request.speech is None else request.speech.sha256
        blend = str(sorted(request.blend.items())).encode()
        how = f"{request.speed} {seed}".encode()
        parts = (request.profile.data, request.text.encode(), speech, blend, how)
        key = hashlib.blake2b(b"\0".join(parts)).digest()
        if key not in self._clips:
            chunks = list(self._cloner.generate(request, seed))
            whole = Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
            self._clips[key] = Waveform.from_pcm16(whole.to_pcm16(), whole.rate_hz)
        return self._clips[key]

    def enrol(self, name: str, reference: Clip, consent: bytes) -> Speaker:
        """Raises `InputError` for a reference that holds no usable voice, or that may not be enrolled and spoken."""
        order = EnrolRequest(reference=reference, consent=consent)
        return Speaker(name, order, describe(order, self._cloner.name, self._cloner.enrol(order, 0), self.render))


@dataclass(frozen=True, slots=True)
class Speaker:
    """A reference and the honest profile made of it."""

    name: str
    order: EnrolRequest
    profile: VoiceProfile


@dataclass(frozen=True, slots=True)
class Case:
    """One order of a clone, and the material a cheat may use."""

    request: CloneRequest
    honest: Waveform
    reference: Waveform
    others: tuple[Waveform, ...]  # the same text by other clones
    rng: np.random.Generator
    seed: int
    source: Waveform | None = None  # of a conversion


Cheat = Callable[[Case], Waveform]


def cases(studio: Studio, speakers: Sequence[Speaker], texts: Sequence[str], seed: int) -> Iterator[Case]:
    """Every text by every speaker."""
    for number, text in enumerate(texts):
        orders = [
            CloneRequest(profile=speaker.profile, consent=speaker.order.consent, text=text) for speaker in speakers
        ]
        clips = [studio.render(order, number) for order in orders]
        for index, (speaker, order) in enumerate(zip(speakers, orders, strict=True)):
            others = tuple(clip for n, clip in enumerate(clips) if n != index)
            rng = np.random.default_rng((seed, number, index))
            yield Case(order, clips[index], waveform_of(speaker.order.reference), others, rng, number)


def conversions(studio: Studio, speakers: Sequence[Speaker], sources: Sequence[Clip], seed: int) -> Iterator[Case]:
    """Every recording in every voice; the consents must allow to convert."""
    for number, speech in enumerate(sources):
        orders = [
            CloneRequest(profile=speaker.profile, consent=speaker.order.consent, speech=speech) for speaker in speakers
        ]
        clips = [studio.render(order, number) for order in orders]
        for index, (speaker, order) in enumerate(zip(speakers, orders, strict=True)):
            others = tuple(clip for n, clip in enumerate(clips) if n != index)
            rng = np.random.default_rng((seed, number, index))
            reference, source = waveform_of(speaker.order.reference), waveform_of(speech)
            yield Case(order, clips[index], reference, others, rng, number, source)


def honest(case: Case) -> Waveform:
    return case.honest


def another_speaker(case: Case) -> Waveform:
    """The right words in the voice of somebody else's clone."""
    return case.others[int(case.rng.integers(len(case.others)))]


def replayed(case: Case) -> Waveform:
    """The reference itself, from anywhere, as long as an honest answer."""
    return _cut(case.reference, min(case.honest.duration_s, MAX_CUT_S), case.rng)


def changed(case: Case) -> Waveform:
    """The reference with another volume, equalised, noisy at 20 dB, re-encoded."""
    cut = replayed(case)
    spectrum = np.fft.rfft(cut.samples[0] * case.rng.uniform(0.4, 0.9))
    bends_db = case.rng.uniform(-8, 8, 6)
    gains = 10 ** (np.interp(np.linspace(0, 1, spectrum.size), np.linspace(0, 1, 6), bends_db) / 20)
    samples = np.fft.irfft(spectrum * gains, cut.samples.shape[1])
    noise = case.rng.standard_normal(samples.size) * np.sqrt(np.mean(samples**2)) * 10 ** (-20 / 20)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples + noise, -1, 1), cut.rate_hz, format="OGG", subtype="VORBIS")
    buffer.seek(0)
    recoded, rate_hz = soundfile.read(buffer, dtype="float32")
    return Waveform(recoded[None], rate_hz)


def cut_up(case: Case) -> Waveform:
    """Pieces of 0.4 to 0.9 s of the reference, joined anew."""
    pieces = []
    seconds = 0.0
    while seconds < min(case.honest.duration_s, MAX_CUT_S):
        pieces.append(_cut(case.reference, float(case.rng.uniform(0.4, 0.9)), case.rng))
        seconds += pieces[-1].duration_s
    return Waveform(np.concatenate([piece.samples for piece in pieces], axis=1), case.reference.rate_hz)


def pitched(case: Case) -> Waveform:
    """The reference played 3 to 10% faster or slower."""
    cut = replayed(case)
    factor = 1 + case.rng.choice((-1, 1)) * case.rng.uniform(0.03, 0.1)
    return Waveform(resample(cut, round(cut.rate_hz * factor)).samples, cut.rate_hz)


def unchanged(case: Case) -> Waveform:
    """The recording as it came, in its own speaker's voice."""
    return case.source or case.honest


def uneven(case: Case) -> Waveform:
    """The right words, voice and length, but the first half slow and the second fast."""
    rate_hz, half = case.honest.rate_hz, case.honest.samples.shape[1] // 2
    slow = resample(Waveform(case.honest.samples[:, :half], rate_hz), round(rate_hz * 1.2))
    fast = resample(Waveform(case.honest.samples[:, half:], rate_hz), round(rate_hz * 0.8))
    return Waveform(np.concatenate([slow.samples, fast.samples], axis=1), rate_hz)


ECHOES: dict[str, Cheat] = {
    "reference replayed": replayed,
    "reference lightly changed": changed,
    "reference cut up": cut_up,
    "reference at another pitch": pitched,
}
CHEATS: dict[str, Cheat] = {"another speaker's voice": another_speaker, **ECHOES}
CONVERSION_CHEATS: dict[str, Cheat] = {
    "the recording unchanged": unchanged,
    "another speaker's voice": another_speaker,
    "out of time": uneven,
}


@dataclass(slots=True)
class Tally:
    """Verdicts, and how many of the deliveries violate the limit on echo by itself."""

    verdicts: dict[Verdict, int]
    echoes: int = 0

    def share(self, verdict: Verdict) -> float:
        """Of 100."""
        return 100 * self.verdicts[verdict] / max(1, sum(self.verdicts.values()))

    @property
    def note(self) -> str:
        return f"{sum(self.verdicts.values())} tries, {self.verdicts[Verdict.INCONCLUSIVE]} inconclusive"


def tally(judges: CloneMeters, cheat: Cheat, orders: Sequence[Case]) -> Tally:
    """One delivery for each order."""
    found = Tally(dict.fromkeys(Verdict, 0))
    for case in orders:
        audio = cheat(case)
        audio = Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)
        profile = CLONE.expecting(clone_expectation(case.request))
        heard = judges.measure_clone(
            case.request,
            audio,
            declared_rate_hz=audio.rate_hz,
            declared_samples=audio.samples.shape[1],
            seed=case.seed,
        )
        found.verdicts[decide(profile, heard).verdict] += 1
        found.echoes += CLONE_ECHO.key in violations(profile, heard)
    return found


def clone_figures(judges: CloneMeters, orders: Sequence[Case]) -> Iterator[Figure]:
    """Honest clones wrongly rejected, cheats rejected, and echoes recognised as such, whatever they say."""
    yield _wronged("honest clones wrongly rejected", tally(judges, honest, orders))
    for name, cheat in CHEATS.items():
        found = tally(judges, cheat, orders)
        alone = f", {found.echoes} by the echo alone" if name in ECHOES else ""
        yield figure(f"cheat rejected: {name}", found.share(Verdict.INVALID), "of 100", ">= 95", found.note + alone)


def conversion_figures(judges: CloneMeters, orders: Sequence[Case]) -> Iterator[Figure]:
    """The same for voice to voice."""
    yield _wronged("honest conversions wrongly rejected", tally(judges, honest, orders))
    for name, cheat in CONVERSION_CHEATS.items():
        found = tally(judges, cheat, orders)
        yield figure(f"conversion rejected: {name}", found.share(Verdict.INVALID), "of 100", ">= 95", found.note)


def enrolment_figures(judges: CloneMeters, speakers: Sequence[Speaker]) -> Iterator[Figure]:
    """Honest profiles, profiles of somebody else under this reference's name, and profiles that lie about the clone."""
    fair = _enrolments(judges, ((speaker.order, speaker.profile) for speaker in speakers))
    yield _wronged("honest enrolments wrongly rejected", fair)
    pairs = [(mine, theirs) for mine in speakers for theirs in speakers if mine is not theirs]
    for name, forge in {"another's voice as this one": relabelled, "false words about the clone": boasting}.items():
        found = _enrolments(judges, ((mine.order, forge(mine.profile, theirs.profile)) for mine, theirs in pairs))
        note = f"{found.note}, {found.verdicts[Verdict.VALID]} accepted"
        yield figure(f"enrolment rejected: {name}", found.share(Verdict.INVALID), "of 100", note=note)


def _wronged(name: str, found: Tally) -> Figure:
    return figure(name, found.share(Verdict.INVALID), "of 100", "<= 3", found.note)


def _enrolments(judges: CloneMeters, work: Iterator[tuple[EnrolRequest, VoiceProfile]]) -> Tally:
    found = Tally(dict.fromkeys(Verdict, 0))
    for order, profile in work:
        heard = judges.measure_enrolment(order, write_profile(profile))
        found.verdicts[decide(ENROLMENT.expecting(enrolment_expectation(order)), heard).verdict] += 1
    return found


def relabelled(mine: VoiceProfile, theirs: VoiceProfile) -> VoiceProfile:
    """Another speaker's clone, described truly, under my reference."""
    return msgspec.structs.replace(
        mine, data=theirs.data, own_voice=theirs.own_voice, own_other=theirs.own_other, own_mos=theirs.own_mos
    )


def boasting(mine: VoiceProfile, theirs: VoiceProfile) -> VoiceProfile:
    """Another speaker's clone with my reference's voice as its own."""
    return msgspec.structs.replace(
        mine, data=theirs.data, own_voice=mine.reference_voice, own_other=mine.reference_other
    )


def _cut(audio: Waveform, seconds: float, rng: np.random.Generator) -> Waveform:
    length = min(round(seconds * audio.rate_hz), audio.samples.shape[1])
    start = int(rng.integers(audio.samples.shape[1] - length + 1))
    return Waveform(audio.samples[:, start : start + length], audio.rate_hz)
