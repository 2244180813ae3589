"""Speech in a built-in voice or one of the user's own, as an order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field, replace

from antiphon.audio import SPEECH_EXPECTED_LUFS, SPEECH_LUFS
from antiphon.audio.shaping import Shape
from antiphon.client.cloning import ClonedSpeech
from antiphon.client.events import SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import FIRST_CHARS, OUTPUT_RATE_HZ, Scene, Script, Speech, own_speed, speak
from antiphon.client.speech import Passage as ScriptPassage
from antiphon.client.voice_store import VoiceStore
from antiphon.client.voices import Choice, require_pace, resolve
from antiphon.door.connecting import Session
from antiphon.door.ordering import (
    Charge,
    OrderFields,
    OrderOptions,
    SoundOrder,
    check_asset,
    check_speed,
    check_text,
    check_words,
    checked_seed,
)
from antiphon.door.reference import names_in, stored_voice
from antiphon.door.scenes import charges_of, check_manner, passages_of, phonemes_option
from antiphon.door.settings import DEFAULT_VOICE, Settings
from antiphon.economy.types import Mode
from antiphon.engines import registry
from antiphon.engines.checks import read_options
from antiphon.errors import InputError
from antiphon.services import Options
from antiphon.text import split_stream
from antiphon.text.markup import PLAIN, Passage, with_pauses


class SayFields(OrderFields, total=False):
    """The fields of `Say` that are not its text, as keywords."""

    voice: str
    language: str
    speed: float
    markup: str
    voices: dict[str, str]
    lexicon: dict[str, str]
    word_times: bool
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(OrderOptions):
    """A text to be spoken. `text` may come in blocks of any size.

    `voice`: a name of `antiphon voices`, one of the user's own, or a mix a:0.6+b:0.4; empty: the default of engine and
    language. `language`: BCP 47; empty: the voice's. `speed`: 0.25 to 4, where the engine declares no less.

    `markup`: `text`, in which nothing is a mark but `[pause 500ms]`; `ssml`, a document; `dialogue`, lines of
    `speaker: text`. `voices`: by the names that speakers and `<voice>` have in the text; other names are voices.
    `lexicon`: words and what is said for them, IPA between slashes where the engine takes phonemes. `word_times`: the
    stream's, or the sound's, `words` tell when each is heard. `asset`: only by those that run this model.
    """

    text: str | Iterable[str]
    voice: str = ""
    language: str = ""
    speed: float = 1.0
    markup: str = PLAIN
    voices: dict[str, str] = field(default_factory=dict)
    lexicon: dict[str, str] = field(default_factory=dict)
    word_times: bool = False
    asset: str = ""

    def order(self, settings: Settings, *, chars: int | None = None) -> SoundOrder:
        """Checked as far as it can be before anything starts; `chars` is the length of a text that comes in blocks,
        where it is known. Raises `InputError` for a voice, language, speed, seed or option that does not exist or fit.
        """
        self.check_options()
        check_text(self.text)
        check_speed(self.speed)
        check_words(voice=self.voice, language=self.language, markup=self.markup)
        check_manner(self.markup, self.voices, self.lexicon)
        check_asset(self.asset)
        if self.markup == PLAIN and not self.lexicon:
            if chars is None and isinstance(self.text, str):
                chars = len(self.text)
            return spoken(self.one_voice(settings), chars)
        scene = self._scene(settings)
        return replace(spoken(scene, None), charges=charges_of(scene))

    def _scene(self, settings: Settings) -> Scene:
        base = replace(self, text="", markup=PLAIN, lexicon={})
        language = base.one_voice(settings).selector.language
        found = []
        for passage in passages_of(self.text, self.markup, self.voices, self.lexicon):
            wanted = base._passage(passage, language)
            script = wanted.one_voice(settings)
            if passage.phonemes:
                options = phonemes_option(script.selector.engine, dict(passage.phonemes))
                script = replace(wanted, options=self.options | options).one_voice(settings)
            if not Shape(script.speed / own_speed(script.speed), passage.pitch).fits:
                raise InputError(
                    f"A pitch of {passage.pitch:.2g} at speed {script.speed:g} is out of reach", "Change less of one."
                )
            found.append(ScriptPassage(script, passage.pitch, passage.gain_db, passage.pause_s))
        return Scene(tuple(found))

    def _passage(self, passage: Passage, language: str) -> Say:
        """The order of one passage. Another language than the voice's has the default voice of that language."""
        wanted = replace(self, text=passage.text, speed=self.speed * passage.rate)
        if voice := self.voices.get(passage.voice, passage.voice):
            return replace(wanted, voice=voice, language="", engine="")
        other = passage.language and _family(passage.language) != _family(language)
        return replace(wanted, voice="", language=passage.language, engine="") if other else wanted

    def one_voice(self, settings: Settings) -> Speech | ClonedSpeech:
        """The text, as it stands, in the voice. Raises `InputError`."""
        own = VoiceStore(settings.home).names() if self.voice else ()
        return self._in_own_voice(settings) if set(own).intersection(names_in(self.voice)) else self._speech(settings)

    def _in_own_voice(self, settings: Settings) -> ClonedSpeech:
        if self.asset:
            raise InputError("A voice of your own is spoken by the engine that learnt it", "Leave the asset out.")
        voice = stored_voice(settings, self.voice)
        if self.engine not in {"", voice.profile.engine} or self.language not in {"", voice.profile.language}:
            raise InputError(
                f"The voice {self.voice!r} speaks {voice.profile.language} with the engine {voice.profile.engine}",
                "Leave engine and language out.",
            )
        require_pace(self.speed, voice.profile.engine)
        return ClonedSpeech(
            text=spelled_out(self.text),
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
            text=spelled_out(self.text),
            voice=choice.voice,
            language=choice.language,
            engine=choice.engine,
            asset=self.asset,
            speed=self.speed,
            options=self.options,
            mode=self.mode,
            seed=checked_seed(self.seed),
            max_total_nano=self.max_cost_nano,
        )

    def made_by(self, settings: Settings) -> str:
        """Its engine or, where that is not known without looking, its voice."""
        try:
            return self._choice(settings).engine or self.voice
        except InputError:  # a voice of one's own, or a wrong order, which is refused later
            return self.engine or self.voice

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


def spelled_out(text: str | Iterable[str]) -> Iterable[str]:
    """A text as blocks, pauses as silences; one that is whole can be gone through again."""
    return tuple(with_pauses((text,))) if isinstance(text, str) else with_pauses(text)


def _family(language: str) -> str:
    return language.casefold().partition("-")[0]


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


def sentences(text: str) -> list[str]:
    """The sentences of a text as they are ordered: one part each."""
    return [" ".join(one.text.split()) for one in split_stream(spelled_out(text), first=FIRST_CHARS) if one.spoken]
