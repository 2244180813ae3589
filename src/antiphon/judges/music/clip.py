"""A delivery with everything the judges derive from it, and what a judge answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from antiphon.analysis.features import mono_16k
from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import Pulse, pulse_of
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.music import MusicBrief, overridden, read
from antiphon.services import MusicRequest

Figures: TypeAlias = dict[str, float | str]
"""Values by name; a string is the reason why there is none."""


@dataclass
class Clip:
    """Evidence whose audio decodes."""

    evidence: MusicEvidence
    audio: Waveform
    sound: Sound = field(init=False)

    def __post_init__(self) -> None:
        self.sound = Sound(self.audio)

    @cached_property
    def brief(self) -> MusicBrief:
        return asked_by(self.evidence.request)

    @cached_property
    def pulse(self) -> Pulse:
        return pulse_of(self.sound)

    @cached_property
    def signal_16k(self) -> Samples:
        return mono_16k(self.audio)


WISHES = ("style", "mood", "tempo_bpm", "key", "meter", "parts", "energy", "brightness", "density")
"""Options that say something about the music; they stand above the prompt."""


def asked_by(request: MusicRequest) -> MusicBrief:
    """What a valid answer must be like: a pure function of prompt and options. Options nobody can read say nothing."""
    brief = read(request.prompt)
    given: dict[str, Any] = {name: request.options[name] for name in WISHES if name in request.options}
    try:
        return overridden(brief, **given)
    except (InputError, TypeError, AttributeError):
        return brief


def too_short(clip: Clip, least_s: float) -> str | None:
    """The reason, if the clip is too short for a judge."""
    seconds = clip.sound.seconds
    return f"{seconds:.1f} s are too short; this needs {least_s:g} s" if seconds < least_s else None
