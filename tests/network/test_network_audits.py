"""Step audits in a network: real ledger, protocol, transport, nodes and audit code. `tiny` is a generator without
weights; what is marked slow runs the models that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import storm_engines as evil
from network_of import ScriptedEvaluator, World, collect, world
from storm_engines import tiny

from antiphon.client.client import Job
from antiphon.client.events import Closed
from antiphon.economy.types import NANO, Rules, Verdict, Vote
from antiphon.engines.auditing import Auditable
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.ledger.operations import Selector
from antiphon.ledger.receipts import audit
from antiphon.ledger.records import PartState
from antiphon.nodes.engine_runner import GenerationRunner
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.messages import Judge
from antiphon.services import Request, SpeechRequest
from antiphon.soundstorm import starter

SPEECH = Selector(service="speech", language="en-us", voice="aspen")
ALWAYS = Rules(commit_s=3, reveal_s=3, appeal_s=0, audit_ppm=1_000_000)
BOND_NANO = 100 * NANO
TEXT = "The tide is in, and all of the boats have come home."
CHEAP_NANO, DEAR_NANO = 10_000, 20_000


@pytest.fixture(scope="module", params=["tiny", pytest.param("shipped", marks=pytest.mark.slow)])
def models(request: pytest.FixtureRequest) -> starter.Starter:
    return tiny() if request.param == "tiny" else starter.load(threads=1)


async def people(
    net: World, models: starter.Starter, mallory: type[SoundStormEngine] | None = None
) -> SoundStormEngine:
    """Three validators that audit by honest models, an honest producer, and a cheaper one, which is asked first."""
    honest = SoundStormEngine(models)
    for number in range(3):
        judge = Validator(net.context(), ScriptedEvaluator(), 15_000, auditor=lambda _: honest)
        await net.add(f"validator-{number}", judge)
    await net.add("honest", Producer(net.context(), GenerationRunner(honest, DEAR_NANO)))
    if mallory is not None:
        await net.add("mallory", Producer(net.context(), GenerationRunner(mallory(models), CHEAP_NANO)))
    return honest


def order(text: str = TEXT) -> list[Request]:
    return [SpeechRequest(text=text, voice="aspen")]


async def say(net: World) -> Closed:
    _, (closed,) = await collect(net.client, Job(order(), SPEECH))
    await net.settle()
    audit(closed.receipt)
    return closed


async def gain(net: World, name: str) -> int:
    account = await net.ledger.account(net.nodes[name].node_id)
    return account.balance_nano + account.stake_nano - BOND_NANO


async def stake(net: World, name: str) -> int:
    return (await net.ledger.account(net.nodes[name].node_id)).stake_nano


def values(vote: Vote) -> dict[str, float | None]:
    return {f"{one.judge}.{one.name}": one.value for one in vote.measurements}


async def test_honest_work_passes_its_audit_and_all_who_audit_read_the_same(
    tmp_path: Path, models: starter.Starter
) -> None:
    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        await people(net, models)
        closed = await say(net)
        (ruling,) = closed.parts[0].rulings
        assert (closed.parts[0].state, len(ruling.outcome.majority)) == (PartState.VALID, 3)
        assert len(ruling.delivery.trace_root) == 32
        assert {values(vote)["audit.passed"] for vote in ruling.votes.values()} == {1.0}
        assert {reading.key for vote in ruling.votes.values() for reading in vote.readings} == {"audit.surprise"}
        told = closed.receipt.statement["parts"][0]["rulings"][0]
        assert told["audited"]
        assert any("audit" in line for line in told["in_words"])
        assert await gain(net, "honest") > 0


@pytest.mark.parametrize(
    "mallory",
    [
        evil.OtherSeed,
        evil.HalfThePasses,
        evil.AltersTokens,
        evil.OtherText,
        evil.OtherAudio,
        evil.OtherModels,
        evil.CommitsToNothing,
        evil.OpensNothing,
        evil.OpensOtherPasses,
        evil.AltersAfterTheRoot,
    ],
)
async def test_who_cheats_in_how_it_is_made_loses_stake_and_the_next_producer_takes_over(
    tmp_path: Path, models: starter.Starter, mallory: type[SoundStormEngine]
) -> None:
    """The evaluators here find everything valid: only the audit can tell."""
    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        await people(net, models, mallory)
        closed = await say(net)
        *found, last = closed.parts[0].rulings  # two rounds where nothing that fits was shown
        assert {ruling.producer.node for ruling in found} == {net.nodes["mallory"].node_id}
        assert found[-1].outcome.verdict is Verdict.INVALID
        assert not any(ruling.outcome.minority for ruling in found)
        assert last.outcome.verdict is Verdict.VALID
        assert await stake(net, "mallory") < BOND_NANO
        assert await gain(net, "mallory") < 0
        assert await gain(net, "honest") > 0
        for number in range(3):
            assert await stake(net, f"validator-{number}") == BOND_NANO


async def test_an_opening_that_is_left_out_is_work_that_was_not_shown(tmp_path: Path) -> None:
    class KeepsItBack(Producer):
        def sign(self, kind: str, receiver: str, task: str, body: Any, nonce: bytes = b"") -> bytes:
            if isinstance(body, Judge):
                body = msgspec.structs.replace(body, opening=b"")
            return super().sign(kind, receiver, task, body, nonce)

    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine = await people(net, tiny())
        await net.add("mallory", KeepsItBack(net.context(), GenerationRunner(engine, CHEAP_NANO)))
        closed = await say(net)
        second = closed.parts[0].rulings[1]
        assert (second.outcome.verdict, len(second.outcome.absent)) == (Verdict.INVALID, 3)
        assert await stake(net, "mallory") < BOND_NANO


async def test_a_single_validator_that_is_shown_a_wrong_opening_is_not_fined(tmp_path: Path) -> None:
    victims: set[str] = set()

    class Picks(Producer):
        def sign(self, kind: str, receiver: str, task: str, body: Any, nonce: bytes = b"") -> bytes:
            if isinstance(body, Judge) and (not victims or receiver in victims):
                victims.add(receiver)
                body = msgspec.structs.replace(body, opening=body.opening[:-1] + b"?")
            return super().sign(kind, receiver, task, body, nonce)

    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine = await people(net, tiny())
        await net.add("mallory", Picks(net.context(), GenerationRunner(engine, CHEAP_NANO)))
        await say(net)
        for number in range(3):
            assert await stake(net, f"validator-{number}") == BOND_NANO


async def test_a_single_validator_with_other_models_is_not_fined(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine, other = SoundStormEngine(tiny()), tiny()
        other.generator.name = "tiny-2"
        for number, models in enumerate((engine, engine, SoundStormEngine(other))):
            judge = Validator(net.context(), ScriptedEvaluator(), 15_000, auditor=lambda _, own=models: own)
            await net.add(f"validator-{number}", judge)
        await net.add("honest", Producer(net.context(), GenerationRunner(engine, DEAR_NANO)))
        closed = await say(net)
        (ruling,) = closed.parts[0].rulings
        assert ruling.outcome.verdict is Verdict.VALID
        assert ruling.votes[net.nodes["validator-2"].node_id].verdict is Verdict.ABSENT
        assert await stake(net, "validator-2") == BOND_NANO


async def test_a_validator_without_the_engine_judges_by_listening(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine = SoundStormEngine(tiny())
        for number in range(3):
            await net.add(f"validator-{number}", Validator(net.context(), ScriptedEvaluator(), 15_000, auditor=_none))
        await net.add("honest", Producer(net.context(), GenerationRunner(engine, DEAR_NANO)))
        closed = await say(net)
        (ruling,) = closed.parts[0].rulings
        assert ruling.outcome.verdict is Verdict.VALID
        assert {values(vote)["audit.passed"] for vote in ruling.votes.values()} == {None}


def _none(_: Request) -> Auditable | None:
    return None


async def test_a_validator_that_skips_the_audit_earns_half(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine = SoundStormEngine(tiny())
        auditors: list[Callable[[Request], Auditable | None]] = [lambda _: engine, lambda _: engine, _none]
        for number, auditor in enumerate(auditors):
            await net.add(f"validator-{number}", Validator(net.context(), ScriptedEvaluator(), 15_000, auditor=auditor))
        await net.add("honest", Producer(net.context(), GenerationRunner(engine, DEAR_NANO)))
        await say(net)
        careful, lazy = await gain(net, "validator-0"), await gain(net, "validator-2")
        assert 0 < lazy <= careful // 2


async def test_nothing_is_opened_where_the_draw_audits_nothing(tmp_path: Path) -> None:
    opened: list[bytes] = []

    class Watches(Producer):
        def sign(self, kind: str, receiver: str, task: str, body: Any, nonce: bytes = b"") -> bytes:
            if isinstance(body, Judge):
                opened.append(body.opening)
            return super().sign(kind, receiver, task, body, nonce)

    never = msgspec.structs.replace(ALWAYS, audit_ppm=0)
    async with world(tmp_path, processors=0, validators=0, rules=never) as net:
        engine = await people(net, tiny())
        await net.add("watched", Watches(net.context(), GenerationRunner(engine, CHEAP_NANO)))
        closed = await say(net)
        assert closed.parts[0].state is PartState.VALID
        assert opened == [b""] * 3


async def test_what_is_remembered_of_a_part_is_let_go_when_it_is_final(tmp_path: Path) -> None:
    kept = []

    class Watches(Producer):
        async def _deliver(self, job: Any) -> Any:
            kept.append(job)
            assert job.trace is not None
            return await super()._deliver(job)

    async with world(tmp_path, processors=0, validators=0, rules=ALWAYS) as net:
        engine = await people(net, tiny())
        await net.add("watched", Watches(net.context(), GenerationRunner(engine, CHEAP_NANO)))
        await say(net)
        assert [job.trace for job in kept] == [None]
