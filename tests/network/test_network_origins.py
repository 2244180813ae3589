"""Mallory and a voice profile that is not hers: whatever she says of it, its owner's consent is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from network_of import ScriptedEvaluator, World
from test_network_consents import CLONE, ORIGINS, PROFILE, choir, granted, heard, outcome, revoke
from test_network_services import RATE_HZ, REFERENCE, Trainer

from antiphon.client.client import Client, Job
from antiphon.client.cloning import Enrolled, Enrolment, enrol
from antiphon.clock import SystemClock
from antiphon.economy.types import Mode, Rules, Verdict
from antiphon.errors import AntiphonError, ProtocolError, RejectedError
from antiphon.ledger.operations import OpenTask
from antiphon.ledger.records import PartState
from antiphon.nodes import producer
from antiphon.nodes.producer import Producer
from antiphon.parties.actor import Context
from antiphon.parties.consents import require_named
from antiphon.protocol import canonical
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.services import Clip, CloneRequest, EnrolRequest, Origin, Request, VoiceProfile

HER_CLIP = Clip(pcm=bytes(range(200)) * 400, rate_hz=RATE_HZ)


def hers(net: World, *clips: Clip) -> bytes:
    """Mallory's own consent, to whatever recordings."""
    now_ms = SystemClock().now_ms()
    grant = Grant(
        subject="Mallory, she says",
        references=tuple(clip.sha256 for clip in clips),
        uses=tuple(Use),
        grantee=ANYBODY,
        not_before_ms=now_ms - 1_000,
        until_ms=now_ms + 3_600_000,
    )
    return sign_grant(net.client.context.identity, grant, SystemClock())


async def spoken(net: World, profile: VoiceProfile, consent: bytes, origin: Origin | None) -> AntiphonError | None:
    order = CloneRequest(profile=profile, consent=consent, origin=origin, text="Words she never said.")
    events, error = await outcome(net.client, Job([order], CLONE))
    assert bool(heard(events)) == (error is None)
    return error


async def her_own(net: World) -> Enrolled:
    """Mallory has her own voice enrolled, in all honesty."""
    order = Enrolment(reference=HER_CLIP, consent=hers(net, HER_CLIP), engine="parrot")
    (made,) = [event async for event in enrol(net.client, order) if isinstance(event, Enrolled)]
    await net.settle()
    return made


async def test_the_owners_voice_with_her_consent_is_served_until_she_revokes_any_that_is_used(tmp_path: Path) -> None:
    async with choir(tmp_path) as net:
        first, second = granted(), granted()
        assert await spoken(net, PROFILE, first, ORIGINS["Ann"]) is None
        await revoke(net, first)
        assert "revoked" in str(await spoken(net, PROFILE, first, ORIGINS["Ann"]))
        assert await spoken(net, PROFILE, second, ORIGINS["Ann"]) is None


async def test_a_relabelled_profile_is_refused_with_every_origin_there_is(tmp_path: Path) -> None:
    """The attack that once worked: Ann's voice under the hash of Mallory's recording, with Mallory's own consent."""
    async with choir(tmp_path) as net:
        mine = await her_own(net)
        relabelled = msgspec.structs.replace(PROFILE, reference=HER_CLIP.sha256)
        origins = {
            "does not come with the task": None,
            "not the one that its task delivered": ORIGINS["Ann"],
            "it was changed": mine.origin,
            "knows no task": Origin(task="f" * 32, index=0, salt=mine.origin.salt),
        }
        for said, origin in origins.items():
            assert said in str(await spoken(net, relabelled, hers(net, HER_CLIP), origin))
        for field in ("data", "own_voice", "language", "engine"):
            changed = msgspec.structs.replace(mine.profile, **{field: getattr(PROFILE, field) or b"x"})
            if changed != mine.profile:
                assert "it was changed" in str(await spoken(net, changed, hers(net, HER_CLIP), mine.origin))
        assert await spoken(net, mine.profile, hers(net, HER_CLIP), mine.origin) is None


async def test_her_own_consent_to_the_owners_recording_is_none(tmp_path: Path) -> None:
    """Anybody can sign that a recording's hash is theirs to grant. The profile was made by another's leave."""
    async with choir(tmp_path) as net:
        error = await spoken(net, PROFILE, hers(net, REFERENCE), ORIGINS["Ann"])
        assert "not by whoever consented to the making" in str(error)


async def test_a_part_that_is_no_valid_enrolment_is_no_origin(tmp_path: Path) -> None:
    async with choir(tmp_path) as net:
        order = CloneRequest(profile=PROFILE, consent=granted(), origin=ORIGINS["Ann"], text="Said by leave.")
        _, error = await outcome(net.client, Job([order], CLONE))
        assert error is None
        (task,) = await net.ledger.tasks(net.client.node_id)
        speech = Origin(task=task.task, index=0, salt=ORIGINS["Ann"].salt)
        assert "no enrolment that was found valid" in str(await spoken(net, PROFILE, granted(), speech))


class Relabeller(Trainer):
    """Mallory's own trainer: signs that Ann's voice came of Mallory's recording."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, EnrolRequest)
        yield canonical.encode(msgspec.structs.replace(PROFILE, reference=request.reference.sha256))


async def test_a_trainer_that_vouches_for_a_relabelled_profile_makes_no_chain(tmp_path: Path) -> None:
    """Its signature alone is worth nothing: validators hear that the voice is not that of the recording."""
    evaluator = ScriptedEvaluator(abilities={"clone": ("en",)})
    async with choir(tmp_path, evaluator=evaluator, punished=True) as net:
        mallory = net.nodes["trainer"]
        assert isinstance(mallory, Producer)
        mallory._runner = Relabeller()
        evaluator.say = lambda work: Verdict.INVALID if isinstance(work.request, EnrolRequest) else Verdict.VALID
        order = Enrolment(reference=HER_CLIP, consent=hers(net, HER_CLIP), engine="parrot")
        with pytest.raises(RejectedError):
            async for _ in enrol(net.client, order):
                pass
        await net.settle()
        (task, *_) = await net.ledger.tasks(net.client.node_id)
        (part,) = await net.ledger.parts(task.task)
        assert part.state is PartState.INVALID
        assert part.assignment.producers[0].node == mallory.node_id
        relabelled = msgspec.structs.replace(PROFILE, reference=HER_CLIP.sha256)
        origin = Origin(task=task.task, index=0, salt=ORIGINS["Ann"].salt)
        assert "no enrolment that was found valid" in str(await spoken(net, relabelled, hers(net, HER_CLIP), origin))


class TwoFaced(Client):
    """Enrols Ann's recording by her leave, and names a consent of her own beside it, to rely on that one later."""

    beside: bytes = b""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._place.actor = self  # it opens its tasks itself

    async def submit(self, operation: object, task: str = "") -> None:
        if isinstance(operation, OpenTask):
            operation = msgspec.structs.replace(operation, grants=(*operation.grants, self.beside))
        await super().submit(operation, task)  # type: ignore[arg-type]


async def test_an_enrolment_by_two_consents_is_nobodys(tmp_path: Path) -> None:
    async with choir(tmp_path) as net:
        mallory = TwoFaced(net.client.context)
        mallory.beside = hers(net, REFERENCE)
        order = Enrolment(reference=REFERENCE, consent=granted(), engine="parrot")
        with pytest.raises(AntiphonError, match="no producer delivered"):
            async for _ in enrol(mallory, order):
                pass
        await net.settle()
        (task, *_) = await net.ledger.tasks(mallory.node_id)
        assert len(task.grants) == 2
        with pytest.raises(ProtocolError, match="more consents than the one"):
            require_named(order.request, task, at_ms=task.opened_ms)


async def test_validators_judge_nothing_of_a_producer_that_does_not_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client and a producer that agree to do without the chain: nobody pays for it."""

    async def unasked(ledger: object, request: object) -> None: ...

    evaluator = ScriptedEvaluator(abilities={"clone": ("en",)})
    async with choir(tmp_path, evaluator=evaluator, rules=Rules(commit_s=1)) as net:
        monkeypatch.setattr(producer, "require_origin", unasked)
        relabelled = msgspec.structs.replace(PROFILE, reference=HER_CLIP.sha256)
        order = CloneRequest(profile=relabelled, consent=hers(net, HER_CLIP), origin=ORIGINS["Ann"], text="Unheard.")
        _, error = await outcome(net.client, Job([order], CLONE, mode=Mode.STREAM))
        assert error is not None
        assert evaluator.heard == []
