"""Judging an enrolment: does the profile tell the truth about its reference and its clone, and is it a clone?"""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.profiles import ENROLMENT, violations
from antiphon.errors import InputError, UnavailableError
from antiphon.judges.base import Evidence
from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.profile import Render, own_sample, read_profile, waveform_of
from antiphon.judges.cloning.voiceprint import Voiceprint, crowd, own_voice, reference_voice, voiceprint
from antiphon.judges.fingerprints import fingerprint, similarity
from antiphon.judges.judging import measured, unmeasured
from antiphon.judges.memory import Memory
from antiphon.judges.panel import JudgePanel
from antiphon.services import Clip, EnrolRequest, VoiceProfile

LIKE, UNLIKE = 0.88, 0.85
"""Nearer to the reference than this share of the built-in voices: a clone of it; below the second: no clone. Between
them the encoder cannot tell; docs/judging.md, "Cloned voices"."""

_NAME = "enrolment"
_UNITS = {
    "own": "cosine",
    "own_mos": "MOS",
    "match": "cosine",
    "match_voice": "cosine",
    "advantage": "cosine",
    "rank": "ratio",
}
_REMEMBERED = 200

Figures = tuple[Measurement, ...]


class Enrolments:
    """Eleven figures of its own, beside the panel's about the clone's test sentence as rendered here.

    `decodes`, `reference` (its hash and language are the order's), `described` (lowest cosine of the stated to the
    measured embeddings of the reference), `fingerprint`, `renders`; `own` and `own_mos` (the stated ones against what
    is heard here); `match` (cosine of the clone to the reference by the encoder that decides; `match_voice` by the one
    that cloners may optimise), `advantage` over the nearest built-in voice, `rank` among all of them.
    """

    def __init__(self, panel: JudgePanel, render: Render) -> None:
        self._panel = panel
        self._render = render
        self._references: Memory[tuple[Voiceprint, bytes]] = Memory(_REMEMBERED)

    def measure(self, request: EnrolRequest, result: bytes | None) -> Figures:
        try:
            profile = read_profile(result or b"")
        except InputError:
            return (measured(_NAME, "decodes", "bool", 0.0),)
        honest_name = profile.reference == request.reference.sha256 and profile.language == request.language
        figures: Figures = (
            measured(_NAME, "decodes", "bool", 1.0),
            measured(_NAME, "reference", "bool", float(honest_name)),
        )
        try:
            reference, print_ = self._reference(request.reference)
        except InputError as error:
            return (*figures, unmeasured(_NAME, "described", "cosine", f"the reference: {error.what}"))
        figures += _described(profile, reference, print_)
        if violations(ENROLMENT, figures):  # certain by itself, and it has cost no rendering yet
            return figures
        return (*figures, *self._clone(request, profile, reference))

    def _reference(self, clip: Clip) -> tuple[Voiceprint, bytes]:
        audio = waveform_of(clip)
        return self._references.get(clip.sha256, lambda: (voiceprint(audio), fingerprint(audio)))

    def _clone(self, request: EnrolRequest, profile: VoiceProfile, reference: Voiceprint) -> Figures:
        try:
            order, audio = own_sample(profile, request.consent, self._render)
        except UnavailableError as error:
            return (unmeasured(_NAME, "renders", "bool", error.what),)
        except InputError:
            return (measured(_NAME, "renders", "bool", 0.0),)
        heard = self._panel.measure(Evidence(order, audio, audio.rate_hz, audio.samples.shape[1]))
        return (
            measured(_NAME, "renders", "bool", 1.0),
            *heard,
            *_likeness(audio, own_voice(profile), reference),
            _own_mos(heard, profile),
            _echo(audio, profile),
        )


def _described(profile: VoiceProfile, heard: Voiceprint, print_: bytes) -> Figures:
    stated = reference_voice(profile)
    alike = 1.0 if profile.fingerprint == print_ else similarity(profile.fingerprint, print_)
    return (
        measured(_NAME, "described", "cosine", min(stated.cosines(heard))),
        measured(_NAME, "fingerprint", "ratio", alike),
    )


def _likeness(audio: Waveform, stated: Voiceprint, reference: Voiceprint) -> Figures:
    try:
        own = voiceprint(audio)
    except InputError as error:
        return tuple(unmeasured(_NAME, name, unit, error.what) for name, unit in _UNITS.items() if name != "own_mos")
    match_voice, match = own.cosines(reference)
    others = crowd() @ reference.other
    rank = float(np.mean(others < match))
    values = {
        "own": min(own.cosines(stated)),
        "match": match,
        "match_voice": match_voice,
        "advantage": match - float(others.max()),
    }
    return (*(measured(_NAME, name, _UNITS[name], value) for name, value in values.items()), _rank(rank))


def _rank(rank: float) -> Measurement:
    if UNLIKE <= rank < LIKE:
        reason = f"nearer to the reference than {100 * rank:.0f}% of the built-in voices: no clone, or a weak one"
        return unmeasured(_NAME, "rank", "ratio", reason)
    return measured(_NAME, "rank", "ratio", rank)


def _own_mos(heard: Figures, profile: VoiceProfile) -> Measurement:
    """How far the stated MOS is from the one heard here."""
    mos = next(m for m in heard if m.name == "distillmos")
    if mos.value is None:
        return unmeasured(_NAME, "own_mos", "MOS", mos.reason or "")
    return measured(_NAME, "own_mos", "MOS", abs(mos.value - profile.own_mos))


def _echo(audio: Waveform, profile: VoiceProfile) -> Measurement:
    share = echo_share(audio, profile.fingerprint)
    if share is None:
        return unmeasured("clone", "echo", "ratio", "too little sound for a fingerprint")
    return measured("clone", "echo", "ratio", share)
