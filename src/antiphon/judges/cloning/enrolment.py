"""Judging an enrolment: does the profile tell the truth about its reference and its clone, and is it a clone?"""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import violations
from antiphon.errors import InputError, UnavailableError
from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.scoring import ENROLMENT
from antiphon.judges.cloning.voice_profile import Render, own_sample, read_profile, waveform_of
from antiphon.judges.cloning.voiceprint import Voiceprint, crowd, own_voice, reference_voice, voiceprint
from antiphon.judges.fingerprints import fingerprint, similarity
from antiphon.judges.memory import Memory
from antiphon.judges.metric import key_of, unmeasured
from antiphon.judges.metrics import (
    CLONE_ECHO,
    DISTILLMOS,
    ENROL_ADVANTAGE,
    ENROL_DECODES,
    ENROL_DESCRIBED,
    ENROL_FINGERPRINT,
    ENROL_LIKENESS,
    ENROL_MATCH,
    ENROL_MATCH_VOICE,
    ENROL_OWN,
    ENROL_OWN_MOS,
    ENROL_RANK,
    ENROL_REFERENCE,
    ENROL_RENDERS,
)
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.services import Clip, EnrolRequest, VoiceProfile

LIKE, UNLIKE = 0.88, 0.85
"""Nearer to the reference than this share of the built-in voices: a clone of it; below the second: no clone. Between
them the encoder cannot tell; docs/judging.md, "Cloned voices"."""

_REMEMBERED = 200

Figures = tuple[Measurement, ...]


class Enrolments:
    """Eleven figures of its own, beside those of speech about the clone's test sentence as rendered here.

    `decodes`, `reference` (its hash and language are the order's), `described` (lowest cosine of the stated to the
    measured embeddings of the reference), `fingerprint`, `renders`; `own` and `own_mos` (the stated ones against what
    is heard here); `match` (cosine of the clone to the reference by the encoder that decides; `match_voice` by the one
    that cloners may optimise), `advantage` over the nearest built-in voice, `rank` among all of them.
    """

    def __init__(self, meters: SpeechMeters, render: Render) -> None:
        self._meters = meters
        self._render = render
        self._references: Memory[tuple[Voiceprint, bytes]] = Memory(_REMEMBERED)

    def measure(self, request: EnrolRequest, result: bytes | None) -> Figures:
        try:
            profile = read_profile(result or b"")
        except InputError:
            return (ENROL_DECODES.measured(0.0),)
        honest_name = profile.reference == request.reference.sha256 and profile.language == request.language
        figures: Figures = (
            ENROL_DECODES.measured(1.0),
            ENROL_REFERENCE.measured(float(honest_name)),
        )
        try:
            reference, print_ = self._reference(request.reference)
        except InputError as error:
            return (*figures, ENROL_DESCRIBED.unmeasured(f"the reference: {error.what}"))
        figures += _described(profile, reference, print_)
        if violations(ENROLMENT.expecting(), figures):  # certain by itself, and it has cost no rendering yet
            return figures
        return (*figures, *self._clone(request, profile, reference))

    def _reference(self, clip: Clip) -> tuple[Voiceprint, bytes]:
        audio = waveform_of(clip)
        return self._references.get(clip.sha256, lambda: (voiceprint(audio), fingerprint(audio)))

    def _clone(self, request: EnrolRequest, profile: VoiceProfile, reference: Voiceprint) -> Figures:
        try:
            order, audio = own_sample(profile, request.consent, self._render)
        except UnavailableError as error:
            return (ENROL_RENDERS.unmeasured(error.what),)
        except InputError:
            return (ENROL_RENDERS.measured(0.0),)
        heard = self._meters.measure(Evidence(order, audio, audio.rate_hz, audio.samples.shape[1]))
        return (
            ENROL_RENDERS.measured(1.0),
            *heard,
            *_likeness(audio, own_voice(profile), reference),
            _own_mos(heard, profile),
            _echo(audio, profile),
        )


def _described(profile: VoiceProfile, heard: Voiceprint, print_: bytes) -> Figures:
    stated = reference_voice(profile)
    alike = 1.0 if profile.fingerprint == print_ else similarity(profile.fingerprint, print_)
    return (
        ENROL_DESCRIBED.measured(min(stated.cosines(heard))),
        ENROL_FINGERPRINT.measured(alike),
    )


def _likeness(audio: Waveform, stated: Voiceprint, reference: Voiceprint) -> Figures:
    try:
        own = voiceprint(audio)
    except InputError as error:
        return unmeasured((*ENROL_LIKENESS, ENROL_RANK), error.what)
    match_voice, match = own.cosines(reference)
    others = crowd() @ reference.other
    rank = float(np.mean(others < match))
    return (
        ENROL_OWN.measured(min(own.cosines(stated))),
        ENROL_MATCH.measured(match),
        ENROL_MATCH_VOICE.measured(match_voice),
        ENROL_ADVANTAGE.measured(match - float(others.max())),
        _rank(rank),
    )


def _rank(rank: float) -> Measurement:
    if UNLIKE <= rank < LIKE:
        reason = f"nearer to the reference than {100 * rank:.0f}% of the built-in voices: no clone, or a weak one"
        return ENROL_RANK.unmeasured(reason)
    return ENROL_RANK.measured(rank)


def _own_mos(heard: Figures, profile: VoiceProfile) -> Measurement:
    """How far the stated MOS is from the one heard here."""
    mos = next(m for m in heard if key_of(m) == DISTILLMOS.key)
    if mos.value is None:
        return ENROL_OWN_MOS.unmeasured(mos.reason or "")
    return ENROL_OWN_MOS.measured(abs(mos.value - profile.own_mos))


def _echo(audio: Waveform, profile: VoiceProfile) -> Measurement:
    share = echo_share(audio, profile.fingerprint)
    if share is None:
        return CLONE_ECHO.unmeasured("too little sound for a fingerprint")
    return CLONE_ECHO.measured(share)
