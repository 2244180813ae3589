"""Cloned voices as orders: learn one from a recording, say a text with it, or put it upon another recording."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from antiphon.audio import SPEECH_EXPECTED_LUFS, SPEECH_LUFS, Waveform, read
from antiphon.audio.stretches import stretches
from antiphon.client.cloning import ClonedSpeech, ClonedVoice, Conversion, Enrolled, Enrolment, convert, enrol
from antiphon.client.events import SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import OUTPUT_RATE_HZ
from antiphon.client.voice_store import StoredVoice, VoiceStore, check_name
from antiphon.client.voices import require_pace
from antiphon.clock import SystemClock
from antiphon.door.connecting import Session
from antiphon.door.ordering import (
    Charge,
    OrderFields,
    OrderOptions,
    SoundOrder,
    check_paths,
    check_speed,
    check_text,
    check_words,
    checked_seed,
)
from antiphon.door.reference import Reference, regular_file
from antiphon.door.settings import Settings
from antiphon.door.speaking import spelled_out, spoken
from antiphon.economy.types import Mode, Role
from antiphon.engines import registry
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.services import MAX_SPEECH_S, Service, units_of, units_of_seconds

MIN_SPEECH_S, MAX_RECORDING_S = 0.5, 600.0


class VoiceFields(TypedDict, total=False):
    """How a voice is learnt and kept: the consent (one of the first two), and what will speak with it."""

    own_voice: bool
    consent: str | Path | None
    language: str
    engine: str
    max_cost_nano: int | None


class CloneFields(OrderFields, total=False):
    """The fields of `Clone` that are not its text, as keywords."""

    speech: Path | Waveform | None
    reference: Path | None
    voice: str
    own_voice: bool
    consent: Path | None
    language: str
    speed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone(OrderOptions):
    """A text, or the words and timing of a recording (`speech`), in the voice of a reference: give one of the two, and
    one of `reference` (3 to 60 s of the voice, in any audio format) and `voice` (one that was added before, or a mix).

    Consent is needed for a reference: `own_voice` states, signed with the client's key, that it is one's own; `consent`
    is the file that its owner made. The rest is as in `Say`; `max_cost_nano` holds for learning and speaking together.
    """

    text: str | Iterable[str] = ""
    speech: Path | Waveform | None = None
    reference: Path | None = None
    voice: str = ""
    own_voice: bool = False
    consent: Path | None = None
    language: str = "en-us"
    speed: float = 1.0

    def check(self) -> None:
        """Raises `InputError` for what contradicts itself."""
        self.check_options()
        check_text(self.text)
        check_speed(self.speed)
        check_words(voice=self.voice, language=self.language)
        check_paths(reference=self.reference, consent=self.consent)
        check_paths(speech=None if isinstance(self.speech, Waveform) else self.speech)
        if (self.reference is None) == (not self.voice):
            raise InputError("A clone needs a voice", "Give --reference FILE, or --voice NAME of one that you added.")
        if self.speech is not None and self.text:
            raise InputError("Both a text and --speech are given", "Give one of them.")
        if self.speech is not None and self.speed != 1.0:
            raise InputError("--speed would change the timing that --speech keeps", "Leave --speed out.")
        require_pace(self.speed, self.engine)
        checked_seed(self.seed)

    def enrolling(self, reference: Reference, then: tuple[Charge, ...] = ()) -> Enrolling:
        """The first half, where the voice comes as a recording; `then` is what the second will cost."""
        return Enrolling(reference, self.language, self.engine, self.max_cost_nano, then)

    def charges(self, units: int | None) -> tuple[Charge, ...]:
        """What the second half costs, for so many units, in any voice."""
        any_voice = Selector(service=str(Service.CLONE), language=self.language, engine=self.engine)
        return (Charge(any_voice, units),) if units else ()

    def order(self, voice: ClonedVoice, *, units: int | None, left_nano: int | None) -> SoundOrder:
        """The second half, with a voice that was learnt; `left_nano` is what of the limit is left."""
        require_pace(self.speed, voice.profile.engine)  # a kept voice brings its engine
        if self.speech is not None:
            recording = recording_of(self.speech)
            conversion = Conversion(recording, voice, self.options, self.mode, self.seed, left_nano)
            return converted(conversion, units_of_recording(recording))
        script = ClonedSpeech(spelled_out(self.text), voice, self.speed, self.options, self.mode, self.seed, left_nano)
        return spoken(script, len(self.text) if units is None and isinstance(self.text, str) else units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """A voice to be learnt from a recording and kept under `name`; its order brings no sound. `reference` and consent
    as in `Clone`."""

    name: str
    reference: str | Path
    own_voice: bool = False
    consent: str | Path | None = None
    language: str = "en-us"
    engine: str = ""
    max_cost_nano: int | None = None

    def check(self) -> None:
        """Raises `InputError` for an argument of another kind."""
        check_words(name=self.name, language=self.language, engine=self.engine)
        check_paths(reference=self.reference, consent=self.consent)


class Enrolling:
    """An enrolment as an order; once it has been carried out, `enrolled` is the voice."""

    def __init__(
        self,
        reference: Reference,
        language: str = "en-us",
        engine: str = "",
        max_cost_nano: int | None = None,
        then: tuple[Charge, ...] = (),
    ) -> None:
        self.reference = reference
        self._enrolment = Enrolment(
            reference=reference.clip,
            consent=reference.consent,
            language=language,
            engine=engine,
            max_total_nano=max_cost_nano,
        )
        self.units = units_of(self._enrolment.request)
        self._found: Enrolled | None = None
        charge = Charge(self._enrolment.selector, self.units, Role.TRAINER)
        self.order = SoundOrder(
            self._produce, self._enrolment.selector, charges=(charge,), then=then, max_total_nano=max_cost_nano
        )

    @property
    def enrolled(self) -> Enrolled:
        assert self._found is not None, "an enrolment was not carried out"
        return self._found

    @property
    def voice(self) -> ClonedVoice:
        return ClonedVoice(self.enrolled.profile, self.reference.consent, self.enrolled.origin)

    async def _produce(self, session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
        async for event in enrol(session.client, self._enrolment, policy):
            if isinstance(event, Enrolled):
                self._found = event
            else:
                yield event

    def keep(self, settings: Settings, name: str) -> None:
        """Keep the voice under a name, sealed. Raises `InputError` for one that is taken, `OutputError`."""
        stored = StoredVoice(
            profile=self.enrolled.profile,
            consent=self.reference.consent,
            origin=self.enrolled.origin,
            created_ms=SystemClock().now_ms(),
            report=self.reference.report,
        )
        VoiceStore(settings.home).save(name, stored)


def check_new_name(settings: Settings, name: str) -> None:
    """Raises `InputError` for a name that cannot be a voice's, or is taken: before anything is bought for it."""
    check_name(name)
    if name in VoiceStore(settings.home).names():
        raise InputError(f"You have a voice {name!r} already", f"Delete it first: antiphon voices delete {name}")
    if any(voice.name == name for voice in registry.all_voices()):
        raise InputError(f"{name!r} is the name of a built-in voice", "Choose another name.")


def converted(conversion: Conversion, units: int) -> SoundOrder:
    """The order of a recording in another voice."""

    def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
        return convert(session.client, conversion, policy)

    selector = conversion.voice.selector
    return SoundOrder(
        produce=produce,
        selector=selector,
        rate_hz=OUTPUT_RATE_HZ,
        charges=(Charge(selector, units),),
        max_total_nano=conversion.max_total_nano,
        loudness_lufs=SPEECH_LUFS,
        expected_lufs=SPEECH_EXPECTED_LUFS,
        streams=conversion.mode is Mode.STREAM,
    )


def recording_of(path: Path | Waveform) -> Waveform:
    """The recording whose words are to be said by another voice, mono. Raises `InputError`."""
    if isinstance(path, Waveform):
        return path.mono()
    recording = read(regular_file(path))
    if not MIN_SPEECH_S <= recording.duration_s <= MAX_RECORDING_S:
        raise InputError(
            f"{path} lasts {recording.duration_s:.1f} s, not {MIN_SPEECH_S:g} to {MAX_RECORDING_S:g}",
            "Give a recording of that length.",
        )
    return recording.mono()


def units_of_recording(recording: Waveform) -> int:
    """What it counts as."""
    return sum(units_of_seconds(piece.duration_s) for piece in stretches(recording, MAX_SPEECH_S))
