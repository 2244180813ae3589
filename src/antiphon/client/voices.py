"""Which voice a request means: a name, a mix, or the default of an engine or language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.audio.stretching import MAX_STRETCH, MIN_STRETCH
from antiphon.engines import registry
from antiphon.engines.base import Voice
from antiphon.errors import InputError
from antiphon.services import MAX_SPEED
from antiphon.text.tongues import codes_of


@dataclass(frozen=True, slots=True)
class Choice:
    """A resolved voice: `voice` (name or mix), its language and its engine."""

    voice: str
    language: str
    engine: str


def resolve(voice: str, language: str, engine: str, *, default: str) -> Choice:
    """Fill in what was not said. Raises `InputError` with the nearest names for what does not exist or fit."""
    if engine and engine not in registry.names():
        raise InputError(f"Unknown engine {engine!r}", f"Engines: {', '.join(registry.names())}.")
    if not voice:
        voice = _fitting(language, engine, default)
    mix = registry.parse_mix(voice)
    known = [registry.find_voice(name) for name in mix]
    owner = registry.engine_for(voice)
    if engine and owner != engine:
        raise InputError(f"Voice {voice!r} belongs to engine {owner!r}, not {engine!r}", "Leave --engine out.")
    own = known[0].language  # `fr` is met by a voice of fr-be, which speaks as its own tag says
    wider = not language or own.casefold().startswith(f"{language.casefold()}-")
    return Choice(voice, own if wider else language, owner)


def require_pace(speed: float, engine: str) -> None:
    """Raises `InputError` for a speed that nothing can be played at, or at which this engine's are not understood."""
    if not MIN_STRETCH <= speed <= MAX_STRETCH:
        raise InputError(f"Speed {speed:g} is outside {MIN_STRETCH}-{MAX_STRETCH:g}", "1.0 is the voice's own pace.")
    if engine not in registry.names():  # a network's, and not ours to know
        return
    fastest = registry.load(engine).capabilities.max_speed
    if fastest < min(speed, MAX_SPEED):
        raise InputError(
            f"The voices of {engine} are understood up to speed {fastest:g}, not at {speed:g}",
            f"Use --speed {fastest:g}, or a voice of another engine such as hibari.",
        )


def meant(language: str, voices: Iterable[Voice]) -> str:
    """A hint for whoever named a language otherwise than its tag: `german`, `ger`, `deu`."""
    spoken = {voice.language.casefold().split("-")[0] for voice in voices}
    code = next((code for code in codes_of(language) if code in spoken), "")
    return f"Did you mean --language {code}?" if code else ""


def _fitting(language: str, engine: str, default: str) -> str:
    """The first voice of the engine, or for the language; the default voice when nothing else was said."""
    if not language and not engine:
        return default
    wanted = language.casefold()
    voices = [voice for voice in registry.all_voices() if not engine or voice.engine == engine]
    fitting = [
        voice
        for voice in voices
        if not wanted or voice.language.casefold() == wanted or voice.language.casefold().startswith(wanted + "-")
    ]
    if engine and not voices:
        raise InputError(f"The engine {engine} has no voice of its own to speak with", "See `antiphon voices`.")
    if not fitting:
        raise InputError(f"No voice speaks {language!r}", meant(language, voices) or "See `antiphon voices`.")
    names = [voice.name for voice in fitting]
    if default in names:
        return default
    english = [voice.name for voice in fitting if voice.language.casefold() == "en-us"]
    if not language and english:
        return english[0]
    home = f"{wanted}-{wanted}"  # French of France before that of Belgium
    return next((voice.name for voice in fitting if voice.language.casefold() == home), names[0])
