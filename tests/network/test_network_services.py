"""Every service passes through the same task process: artefacts, stereo, windows, stretches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from network_of import ScriptedEvaluator, World, world

from antiphon.audio import Waveform
from antiphon.client.cloning import ClonedSpeech, ClonedVoice, Conversion, Enrolled, Enrolment, convert, enrol
from antiphon.client.composing import OUTPUT_RATE_HZ, Composition, compose
from antiphon.client.events import Closed, Sound
from antiphon.client.speech import speak
from antiphon.clock import SystemClock
from antiphon.economy.types import Role, Verdict
from antiphon.errors import InputError, ProtocolError, RejectedError, UnavailableError
from antiphon.ledger.operations import ServiceOffer
from antiphon.ledger.records import TaskState
from antiphon.nodes.producer import Producer
from antiphon.parties.messages import DATA, Form
from antiphon.protocol import canonical
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.services import Clip, CloneRequest, EnrolRequest, MusicRequest, Request, VoiceProfile

ALL = {"speech": ("en",), "clone": ("en",), "music": ()}
RATE_HZ = 16_000
REFERENCE = Clip(pcm=np.arange(5 * RATE_HZ, dtype="<i2").tobytes(), rate_hz=RATE_HZ)


def profile_of(request: EnrolRequest) -> VoiceProfile:
    return VoiceProfile(
        engine="parrot",
        language=request.language,
        reference=request.reference.sha256,
        data=b"squawk",
        reference_voice=b"",
        reference_other=b"",
        own_voice=b"",
        own_other=b"",
        fingerprint=b"",
        own_mos=4.0,
    )


class Trainer:
    """Learns every voice at once."""

    form = DATA
    offers = (ServiceOffer(service="clone", price_nano=1_000, languages=("en",), engine="parrot"),)

    def check(self, request: Request) -> None:
        assert isinstance(request, EnrolRequest)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, EnrolRequest)
        yield canonical.encode(profile_of(request))


class WrongVoice(Trainer):
    """Delivers a profile of somebody else."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, EnrolRequest)
        yield canonical.encode(msgspec.structs.replace(profile_of(request), reference=bytes(32)))


class Parrot:
    """Repeats a recording, or hums a text."""

    form = Form(rate_hz=RATE_HZ, channels=1)
    offers = (ServiceOffer(service="clone", price_nano=1_000, languages=("en",), engine="parrot"),)

    def check(self, request: Request) -> None:
        assert isinstance(request, CloneRequest)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, CloneRequest)
        hum = (1_000 * np.sin(np.arange(len(request.text) * 800))).astype("<i2")
        yield hum.tobytes() if request.speech is None else request.speech.pcm


class Ramp:
    """Music whose every sample says where in the piece it stands."""

    form = Form(rate_hz=OUTPUT_RATE_HZ, channels=2)
    offers = (ServiceOffer(service="music", price_nano=1_000, engine="ramp"),)

    def check(self, request: Request) -> None:
        assert isinstance(request, MusicRequest)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, MusicRequest)
        first, last = round(request.start_s * OUTPUT_RATE_HZ), round(request.stop_s * OUTPUT_RATE_HZ)
        left = np.arange(first, last) % 30_000
        yield np.stack([left, -left], axis=1).astype("<i2").tobytes()


def consent_in(net: World, clip: Clip = REFERENCE) -> bytes:
    clock = SystemClock()
    grant = Grant(
        subject="a test",
        references=(clip.sha256,),
        uses=tuple(Use),
        grantee=ANYBODY,
        not_before_ms=clock.now_ms() - 1_000,
        until_ms=clock.now_ms() + 3_600_000,
    )
    return sign_grant(net.client.context.identity, grant, clock)


def enrolment(net: World) -> Enrolment:
    return Enrolment(reference=REFERENCE, consent=consent_in(net))


async def profile_in(net: World) -> VoiceProfile | None:
    """What an enrolment brings."""
    found = [event.profile async for event in enrol(net.client, enrolment(net)) if isinstance(event, Enrolled)]
    return found[0] if found else None


async def voice_in(net: World) -> ClonedVoice:
    """A voice that was enrolled in this network, as its owner uses it."""
    await net.add("trainer", Producer(net.context(), Trainer(), role=Role.TRAINER))
    order = enrolment(net)
    (made,) = [event async for event in enrol(net.client, order) if isinstance(event, Enrolled)]
    await net.settle()
    return ClonedVoice(made.profile, order.consent, made.origin)


async def test_an_enrolment_is_a_trainers_part_and_brings_the_profile_that_was_judged(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(abilities=ALL, say=lambda work: Verdict.VALID if work.result else Verdict.INVALID)
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        trainer = await net.add("trainer", Producer(net.context(), Trainer(), role=Role.TRAINER))
        before = await net.money()
        events = [event async for event in enrol(net.client, enrolment(net))]
        await net.settle()
        (closed,) = (event for event in events if isinstance(event, Closed))
        assert closed.task.state is TaskState.COMPLETED
        assert closed.parts[0].part.role is Role.TRAINER
        assert closed.parts[0].rulings[-1].delivery.rate_hz == 0
        assert isinstance(events[-1], Enrolled)
        assert events[-1].profile.data == b"squawk"
        assert canonical.decode(VoiceProfile, evaluator.heard[0].result or b"") == events[-1].profile
        account = await net.ledger.account(trainer.node_id)
        assert account.balance_nano > 0
        assert await net.money() == before


async def test_a_rejected_profile_is_not_handed_out(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(abilities=ALL, say=lambda _: Verdict.INVALID, score_ppm=0)
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        await net.add("trainer", Producer(net.context(), Trainer(), role=Role.TRAINER))
        with pytest.raises(RejectedError):
            await profile_in(net)


async def test_a_profile_of_another_reference_is_refused_even_when_judges_were_deaf(tmp_path: Path) -> None:
    async with world(
        tmp_path, processors=0, evaluator=ScriptedEvaluator(abilities=ALL, say=lambda _: Verdict.VALID)
    ) as net:
        await net.add("trainer", Producer(net.context(), WrongVoice(), role=Role.TRAINER))
        with pytest.raises(ProtocolError, match="another reference"):
            await profile_in(net)


async def test_no_trainer_no_enrolment(tmp_path: Path) -> None:
    async with world(tmp_path, evaluator=ScriptedEvaluator(abilities=ALL)) as net:
        await net.add("parrot", Producer(net.context(), Parrot()))
        with pytest.raises(UnavailableError, match="trainer"):
            async for _ in enrol(net.client, enrolment(net)):
                pass


async def test_an_enrolment_without_consent_is_refused_and_costs_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(abilities=ALL)) as net:
        await net.add("trainer", Producer(net.context(), Trainer(), role=Role.TRAINER))
        before = await net.ledger.account(net.client.node_id)
        with pytest.raises(InputError, match="consent"):
            async for _ in enrol(net.client, Enrolment(reference=REFERENCE, consent=b"")):
                pass
        assert await net.ledger.account(net.client.node_id) == before


async def test_a_text_is_spoken_with_a_profile(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(abilities=ALL)
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        await net.add("parrot", Producer(net.context(), Parrot()))
        voice = await voice_in(net)
        sounds = [
            event.audio
            async for event in speak(net.client, ClonedSpeech(["One sentence. And a second one."], voice))
            if isinstance(event, Sound)
        ]
        assert sum(sound.duration_s for sound in sounds) > 1
        assert {type(work.request) for work in evaluator.heard} == {EnrolRequest, CloneRequest}


@pytest.mark.parametrize("mode", ["verified", "stream"])
async def test_a_converted_recording_is_as_long_as_it_was(tmp_path: Path, mode: str) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(abilities=ALL)) as net:
        await net.add("parrot", Producer(net.context(), Parrot()))
        voice = await voice_in(net)
        noise = np.random.default_rng(0).standard_normal((1, 31 * RATE_HZ)).astype(np.float32) * 0.1
        conversion = Conversion(Waveform(noise, RATE_HZ), voice, mode=mode)
        assert len(list(conversion.requests())) == 2
        sounds = [event.audio async for event in convert(net.client, conversion) if isinstance(event, Sound)]
        assert sum(sound.duration_s for sound in sounds) == pytest.approx(31, abs=0.001)


@pytest.mark.parametrize("mode", ["verified", "stream"])
async def test_windows_of_a_piece_join_sample_by_sample_in_stereo(tmp_path: Path, mode: str) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(abilities=ALL)) as net:
        for number in range(2):
            await net.add(f"ramp-{number}", Producer(net.context(), Ramp()))
        composition = Composition(prompt="a ramp", seconds=70.0, seed=3, mode=mode)
        assert [one.seed for one in composition.requests()] == [3, 3, 3]
        sounds = [event.audio async for event in compose(net.client, composition) if isinstance(event, Sound)]
        samples = np.concatenate([sound.samples for sound in sounds], axis=1)
        expected = (np.arange(70 * OUTPUT_RATE_HZ) % 30_000).astype(np.float32) / 32_768
        assert samples.shape == (2, 70 * OUTPUT_RATE_HZ)
        assert np.array_equal(samples[0], expected)
        assert np.array_equal(samples[1], -expected)
