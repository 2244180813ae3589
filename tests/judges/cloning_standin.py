"""A cloner for tests: its profiles name a built-in voice, and one that is fast to speak is hibari's."""

from __future__ import annotations

import msgspec
import numpy as np

from antiphon import engines
from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError, UnavailableError
from antiphon.services import Clip, CloneRequest, SpeechRequest, VoiceProfile

ENGINE = "standin"
SPOKEN = (
    "Every morning the baker opens his window and feeds the sparrows.",
    "Turn left at the second light and follow the river.",
    "They painted the kitchen yellow to make it feel warmer.",
)
VOICES = ("hibari", "bm_george", "espeak-en-us", "am_adam")
TEXT = "Heavy rain delayed the flight, so we slept at the airport."


def say(text: str, voice: str = "hibari", seed: int = 1) -> Waveform:
    request = SpeechRequest(text=text, voice=voice, language=engines.find_voice(voice).language)
    chunks = list(engines.load(engines.engine_for(voice)).generate(request, seed))
    audio = Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
    return Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)


def clip(audio: Waveform) -> Clip:
    return Clip(pcm=audio.to_pcm16(), rate_hz=audio.rate_hz)


class StandIn:
    """A `Render` that counts. What it says and what it was told to answer instead are its only state."""

    def __init__(self) -> None:
        self.calls = 0
        self.seeds: list[int] = []
        self.instead: Waveform | None = None
        self.fickle = False  # another voice for every seed

    def __call__(self, request: CloneRequest, seed: int) -> Waveform:
        self.calls += 1
        self.seeds.append(seed)
        if request.profile.engine != ENGINE:
            raise UnavailableError(f"the engine {request.profile.engine} is not here")
        if self.instead is not None:
            return self.instead
        voice = request.profile.data.decode()
        if voice == "broken":
            raise InputError("this profile cannot be read")
        if self.fickle:
            voice = VOICES[seed % len(VOICES)]
        return say(request.text or TEXT, voice, seed)  # the only recording that tests convert says this


def altered(profile: VoiceProfile, **changes: object) -> VoiceProfile:
    return msgspec.structs.replace(profile, **changes)
