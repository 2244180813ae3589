"""Voice profiles: how one is described for judges, and read from what a trainer delivered."""

from __future__ import annotations

from typing import Protocol

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError, ProtocolError
from antiphon.judges.cloning.voiceprint import own_voice, reference_voice, to_bytes, voiceprint
from antiphon.judges.fingerprints import fingerprint
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DistillMosMeter
from antiphon.protocol import canonical
from antiphon.services import MAX_PROFILE_BYTES, Clip, CloneRequest, EnrolRequest, SpeechRequest, VoiceProfile

TEST_TEXTS = {"en": "Please leave the small green box on the table, and tell me how far it is to the nearest library."}
"""What trainers and validators let a new clone say, by language."""

_MAX_BYTES = MAX_PROFILE_BYTES + 16_384


class Render(Protocol):
    """How judges hear a clone without knowing engines: its whole answer to a request and a seed, mono."""

    def __call__(self, request: CloneRequest, seed: int) -> Waveform:
        """Raises `UnavailableError` when it cannot be tried here (no such engine, no consent to speak), `InputError`
        when the engine refuses the profile."""


def test_text(language: str) -> str:
    """Raises `InputError` for a language that clones are not tested in."""
    text = TEST_TEXTS.get(language.casefold().split("-")[0])
    if text is None:
        raise InputError(f"No test sentence is known in {language}", f"Enrol in one of: {', '.join(TEST_TEXTS)}.")
    return text


def waveform_of(clip: Clip) -> Waveform:
    return Waveform.from_pcm16(clip.pcm, clip.rate_hz)


def as_travelled(audio: Waveform) -> Waveform:
    """Judges hear what clients would get: 16-bit samples."""
    return Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)


def own_sample(profile: VoiceProfile, consent: bytes, render: Render) -> tuple[SpeechRequest, Waveform]:
    """The clone's test sentence, as a speech order and as our own rendering of it."""
    text = test_text(profile.language)
    request = CloneRequest(profile=profile, consent=consent, text=text, language=profile.language)
    return SpeechRequest(text=text, voice="", language=profile.language), as_travelled(render(request, 0))


def describe(request: EnrolRequest, engine: str, data: bytes, render: Render) -> VoiceProfile:
    """The profile of a clone that `engine` made of the request's reference as `data`.

    Raises `InputError` when the reference or the clone's test sentence holds too little speech.
    """
    reference = waveform_of(request.reference)
    heard = voiceprint(reference)
    profile = VoiceProfile(
        engine=engine,
        language=request.language,
        reference=request.reference.sha256,
        data=data,
        reference_voice=to_bytes(heard.voice),
        reference_other=to_bytes(heard.other),
        own_voice=b"",
        own_other=b"",
        fingerprint=fingerprint(reference),
        own_mos=0.0,
    )
    order, audio = own_sample(profile, request.consent, render)
    own = voiceprint(audio)
    (mos,) = DistillMosMeter().measure(Evidence(order, audio, audio.rate_hz, audio.samples.shape[1]))
    if mos.value is None:
        raise InputError(f"The clone's test sentence cannot be judged: {mos.reason}")
    return msgspec.structs.replace(
        profile, own_voice=to_bytes(own.voice), own_other=to_bytes(own.other), own_mos=mos.value
    )


def write_profile(profile: VoiceProfile) -> bytes:
    """What a trainer delivers. Raises `ProtocolError`."""
    return canonical.encode(profile)


def read_profile(blob: bytes) -> VoiceProfile:
    """A delivered profile whose vectors are what they should be. Raises `InputError`."""
    try:
        profile = canonical.decode(VoiceProfile, blob, limit=_MAX_BYTES)
    except ProtocolError as error:
        raise InputError(f"This is no voice profile: {error.what}") from error
    own_voice(profile)
    reference_voice(profile)
    if not 0.0 < profile.own_mos < 6.0:
        raise InputError(f"The voice profile states a MOS of {profile.own_mos:g}")
    return profile
