"""Cloned voices: a trainer enrols a reference, processors speak texts or turn recordings into the enrolled voice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from antiphon.audio import Waveform
from antiphon.audio.stretches import stretches
from antiphon.client.chaining import chained
from antiphon.client.client import Client, Job
from antiphon.client.events import Artefact, Closed, Opened, SoundEvent, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import OUTPUT_RATE_HZ, Line, lines_of, own_speed
from antiphon.economy.types import Mode
from antiphon.errors import ProtocolError, UnavailableError
from antiphon.ledger.operations import Selector
from antiphon.protocol import canonical
from antiphon.services import (
    MAX_SPEECH_S,
    Clip,
    CloneRequest,
    EnrolRequest,
    Options,
    Origin,
    Service,
    VoiceProfile,
)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The profile that validators found valid, and the task that shows it."""

    profile: VoiceProfile
    origin: Origin


EnrolEvent: TypeAlias = Opened | Stage | Closed | Enrolled


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A reference to be learnt; `engine` empty = any trainer."""

    reference: Clip
    consent: bytes
    language: str = "en-us"
    engine: str = ""
    options: Options = field(default_factory=dict)
    seed: int | None = None
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        return Selector(service=str(Service.CLONE), language=self.language, engine=self.engine)

    @property
    def request(self) -> EnrolRequest:
        return EnrolRequest(
            reference=self.reference, consent=self.consent, language=self.language, options=self.options
        )


@dataclass(frozen=True, slots=True)
class ClonedVoice:
    """A profile as its owner uses it: with the consent behind it, and built-in voices mixed in."""

    profile: VoiceProfile
    consent: bytes
    origin: Origin | None
    blend: dict[str, float] = field(default_factory=dict)

    @property
    def selector(self) -> Selector:
        return Selector(service=str(Service.CLONE), language=self.profile.language, engine=self.profile.engine)


@dataclass(frozen=True, slots=True)
class ClonedSpeech:
    """A text in an enrolled voice, for `antiphon.client.speech.speak`."""

    text: Iterable[str]
    voice: ClonedVoice
    speed: float = 1.0
    options: Options = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        return self.voice.selector

    def request(self, text: str) -> CloneRequest:
        return CloneRequest(
            profile=self.voice.profile,
            consent=self.voice.consent,
            origin=self.voice.origin,
            text=text,
            language=self.voice.profile.language,
            speed=own_speed(self.speed),
            blend=self.voice.blend,
            options=self.options,
        )

    def lines(self) -> Iterator[Line]:
        return lines_of(self)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A recording whose words and timing stay, in an enrolled voice."""

    speech: Waveform
    voice: ClonedVoice
    options: Options = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None

    def requests(self) -> Iterator[CloneRequest]:
        """Stretches of the recording, cut in its pauses."""
        for piece in stretches(self.speech.mono(), MAX_SPEECH_S):
            yield CloneRequest(
                profile=self.voice.profile,
                consent=self.voice.consent,
                origin=self.voice.origin,
                speech=Clip(pcm=piece.to_pcm16(), rate_hz=piece.rate_hz),
                language=self.voice.profile.language,
                blend=self.voice.blend,
                options=self.options,
            )


async def enrol(
    client: Client, enrolment: Enrolment, policy: JobPolicy | None = None
) -> AsyncGenerator[EnrolEvent, None]:
    """Have a voice enrolled. The profile comes last, after the task is settled. Raises like `Client.run`."""
    job = Job(
        requests=[enrolment.request],
        selector=enrolment.selector,
        mode=Mode.VERIFIED,
        seed=enrolment.seed,
        max_total_nano=enrolment.max_total_nano,
        policy=policy,
    )
    made: Artefact | None = None
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if isinstance(event, Artefact):
                made = event
            elif isinstance(event, (Opened, Stage, Closed)):
                yield event
    if made is None:
        raise UnavailableError("The enrolment brought no voice profile", "Run the command again.")
    profile = canonical.decode(VoiceProfile, made.data)
    if profile.reference != enrolment.reference.sha256:
        raise ProtocolError("The profile is of another reference", "Do not use it; the receipt names the node.")
    yield Enrolled(profile, made.origin)


async def convert(
    client: Client, conversion: Conversion, policy: JobPolicy | None = None
) -> AsyncGenerator[SoundEvent, None]:
    """Voice to voice through the network; sound comes at `OUTPUT_RATE_HZ`, as long as the recording."""
    job = Job(
        requests=conversion.requests(),
        selector=conversion.voice.selector,
        mode=conversion.mode,
        seed=conversion.seed,
        max_total_nano=conversion.max_total_nano,
        policy=policy,
    )
    async with aclosing(client.run(job)) as events, aclosing(chained(events, OUTPUT_RATE_HZ, 1)) as sound:
        async for event in sound:
            yield event
