"""Speech in a built-in voice or one of the user's own, as an order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from antiphon.audio import SPEECH_EXPECTED_LUFS, SPEECH_LUFS
from antiphon.client.cloning import ClonedSpeech
from antiphon.client.events import SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import OUTPUT_RATE_HZ, Script, Speech, speak
from antiphon.client.voice_store import VoiceStore
from antiphon.client.voices import Choice, require_pace, resolve
from antiphon.door.connecting import Session
from antiphon.door.ordering import (
    Charge,
    OrderFields,
    OrderOptions,
    SoundOrder,
    check_speed,
    check_text,
    check_words,
    checked_seed,
)
from antiphon.door.reference import names_in, stored_voice
from antiphon.door.settings import DEFAULT_VOICE, Settings
from antiphon.economy.types import Mode
from antiphon.engines import registry
from antiphon.engines.checks import read_options
from antiphon.errors import InputError
from antiphon.services import Options


class SayFields(OrderFields, total=False):
    """The fields of `Say` that are not its text, as keywords."""

    voice: str
    language: str
    speed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(OrderOptions):
    """A text to be spoken. `text` may come in blocks of any size.

    `voice`: a name of `antiphon voices`, one of the user's own, or a mix a:0.6+b:0.4; empty: the default of engine and
    language. `language`: BCP 47; empty: the voice's. `speed`: 0.25 to 4, where the engine declares no less.
    """

    text: str | Iterable[str]
    voice: str = ""
    language: str = ""
    speed: float = 1.0

    def order(self, settings: Settings, *, chars: int | None = None) -> SoundOrder:
        """Checked as far as it can be before anything starts; `chars` is the length of a text that comes in blocks,
        where it is known. Raises `InputError` for a voice, language, speed, seed or option that does not exist or fit.
        """
        self.check_options()
        check_text(self.text)
        check_speed(self.speed)
        check_words(voice=self.voice, language=self.language)
        script = self._script(settings)
        if chars is None and isinstance(self.text, str):
            chars = len(self.text)
        return spoken(script, chars)

    def _script(self, settings: Settings) -> Script:
        own = VoiceStore(settings.home).names() if self.voice else ()
        return self._in_own_voice(settings) if set(own).intersection(names_in(self.voice)) else self._speech(settings)

    def _in_own_voice(self, settings: Settings) -> ClonedSpeech:
        voice = stored_voice(settings, self.voice)
        if self.engine not in {"", voice.profile.engine} or self.language not in {"", voice.profile.language}:
            raise InputError(
                f"The voice {self.voice!r} speaks {voice.profile.language} with the engine {voice.profile.engine}",
                "Leave engine and language out.",
            )
        require_pace(self.speed, voice.profile.engine)
        return ClonedSpeech(
            text=blocks_of(self.text),
            voice=voice,
            speed=self.speed,
            options=self.options,
            mode=self.mode,
            seed=checked_seed(self.seed),
            max_total_nano=self.max_cost_nano,
        )

    def _speech(self, settings: Settings) -> Speech:
        choice = self._choice(settings)
        _check(choice, self.options)
        require_pace(self.speed, choice.engine)
        return Speech(
            text=blocks_of(self.text),
            voice=choice.voice,
            language=choice.language,
            engine=choice.engine,
            speed=self.speed,
            options=self.options,
            mode=self.mode,
            seed=checked_seed(self.seed),
            max_total_nano=self.max_cost_nano,
        )

    def _choice(self, settings: Settings) -> Choice:
        """The ordered voice. A network that was joined by URL may offer voices that are not installed here."""
        try:
            return resolve(self.voice, self.language, self.engine, default=DEFAULT_VOICE)
        except InputError:
            if not (settings.ledger and self.voice):
                raise
            return Choice(self.voice, self.language or "en-us", self.engine)


def spoken(script: Script, chars: int | None) -> SoundOrder:
    """The order of a script, `chars` long if that is known."""

    def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
        return speak(session.client, script, policy)

    return SoundOrder(
        produce=produce,
        selector=script.selector,
        rate_hz=OUTPUT_RATE_HZ,
        charges=(Charge(script.selector, chars),) if chars else (),
        max_total_nano=script.max_total_nano,
        loudness_lufs=SPEECH_LUFS,
        expected_lufs=SPEECH_EXPECTED_LUFS,
        streams=script.mode is Mode.STREAM,
    )


def blocks_of(text: str | Iterable[str]) -> Iterable[str]:
    """A text as blocks: one of them, if it is whole."""
    return (text,) if isinstance(text, str) else text


def _check(choice: Choice, options: Options) -> None:
    """What an engine will say no to is said before anything starts. Raises `InputError`."""
    if choice.engine not in registry.names():
        return  # another's engine: its node will say
    engine = registry.load(choice.engine)
    read_options(engine.Options, options, choice.engine)
    wanted = f"{choice.language.casefold()}-"
    if not any(wanted.startswith(f"{language.casefold()}-") for language in engine.capabilities.languages):
        raise InputError(
            f"The voice {choice.voice!r} does not speak {choice.language!r}",
            f"Find one that does: antiphon voices --language {choice.language}",
        )
