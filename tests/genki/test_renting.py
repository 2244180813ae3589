"""A local training that somebody else does: the same update, nothing of whose it is, and bad work is not paid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pytest
from linear import LinearLearner, pieces_of
from network_of import World, world

from antiphon.client.client import Job
from antiphon.client.events import Closed
from antiphon.client.renting import rent
from antiphon.economy.scoring import decide
from antiphon.economy.types import NANO, PPM, Rules, Verdict
from antiphon.errors import AntiphonError, BusyError, InputError, ProtocolError, UnavailableError
from antiphon.genki import learning
from antiphon.genki.renting import sealed
from antiphon.genki.renting.job import HandedJob, PackedJob, packed
from antiphon.genki.renting.judge import JobTrainer, Outcome, TrainingJudge, deliver, distance, order_of, ordered
from antiphon.genki.rounds.contributor import Contributor
from antiphon.genki.rounds.learners import learner_for
from antiphon.genki.rounds.local import LocalJob, trained
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.task import Task
from antiphon.judges.base import Delivery
from antiphon.ledger.operations import Selector
from antiphon.music import compose, read, to_midi
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator
from antiphon.nodes.producer import Producer
from antiphon.nodes.training import PRICE_NANO, TrainingRunner
from antiphon.nodes.validator import Validator
from antiphon.objects import Folder
from antiphon.protocol import Identity, TaskKey, canonical

LEARNER = LinearLearner()
STEPS = 12
WHO = Identity.from_seed(b"\x01" * 32)


def learner_of(_: Plan) -> LinearLearner:
    return LinearLearner()


def job_of(seed: int = 3, **changes: object) -> LocalJob:
    parameters = LEARNER.learn(LEARNER.initial(), pieces_of(5), steps=3, seed=1)
    plan = Plan(name="secret-name", model=LEARNER.name, local_steps=STEPS, pool=4)
    base = learning.digest(parameters)
    fields = {"own": pieces_of(1, 40), "hand": pieces_of(2, 4), "seed": seed} | changes
    return LocalJob(plan, base, parameters, **fields)  # type: ignore[arg-type]


def test_a_job_done_elsewhere_leads_to_the_same_difference_bit_for_bit() -> None:
    for job in (job_of(), job_of(hand=[])):
        there = HandedJob(packed(job, LEARNER), learner_of).done()
        assert there.tobytes() == trained(LEARNER, job).tobytes()


class Narrow(LinearLearner):
    """On a machine without memory."""

    def learn(self, *_: object, **__: object) -> learning.Parameters:
        raise MemoryError


def test_a_machine_without_memory_is_busy_and_the_job_is_not_at_fault() -> None:
    with pytest.raises(BusyError, match="memory"):
        HandedJob(packed(job_of(), LEARNER), lambda _: Narrow()).done()


@pytest.mark.parametrize("model", ["soundstorm-tiny", "ruby-tiny"])
def test_so_does_a_job_of_the_models_that_ship_and_no_title_travels(tmp_path: Path, model: str) -> None:
    torch = pytest.importorskip("torch", reason="needs antiphon[train]")
    torch.set_num_threads(1)
    (tmp_path / "my-secret-title.mid").write_bytes(to_midi(compose(read("march in C major"), 16, 1)))
    plan = Plan(model=model, local_steps=2)
    learner = learner_for(plan)
    parameters = learner.initial()
    job = LocalJob(plan, learning.digest(parameters), parameters, learner.read(tmp_path), [], 7)
    raw = packed(job, learner)
    assert b"secret" not in raw
    there = HandedJob(raw, learner_for).done()
    assert there.any()
    assert there.tobytes() == trained(learner, job).tobytes()
    torch.set_num_threads(2)  # another machine
    assert distance(HandedJob(raw, learner_for).done(), there) < 1e-4
    torch.set_num_threads(1)
    (piece,) = canonical.decode(PackedJob, raw, limit=len(raw)).own
    for wrong in (b"", piece[:-1], b"\xff" * 20, piece.replace(piece[-2:], b"\xff\xff")):
        with pytest.raises((InputError, ProtocolError)):
            learner.unpack(wrong)  # type: ignore[attr-defined]


def test_a_rented_contributor_hands_in_the_same_signed_bytes_and_keeps_the_same_rest(tmp_path: Path) -> None:
    plan = Plan(model=LEARNER.name, local_steps=STEPS, pool=8)
    handed: list[bytes] = []

    def rented(job: LocalJob) -> np.ndarray:
        handed.append(packed(job, LEARNER))
        return HandedJob(handed[-1], learner_of).done()

    def party(name: str, **more: object) -> Contributor:
        return Contributor(WHO, LEARNER, pieces_of(1, 40), tmp_path / name, plan, pool=pieces_of(7, 8), **more)  # type: ignore[arg-type]

    own, other = party("own"), party("rented", train=rented)
    parameters = LEARNER.initial()
    for round_ in (1, 2, 3):  # in the second and third, what was left out before is in it
        task = Task(plan=plan, round=round_, base=learning.digest(parameters), counted=round_ - 1)
        assert own.answer(task, parameters) == other.answer(task, parameters)
        parameters = LEARNER.learn(parameters, pieces_of(9), steps=2, seed=round_)
    assert len(handed) == 3
    for raw in handed:
        assert WHO.node_id.encode() not in raw
        assert plan.id.encode() not in raw


def test_a_job_that_does_not_hold_together_is_refused() -> None:
    raw = packed(job_of(), LEARNER)
    told = canonical.decode(PackedJob, raw)
    weight = told.parameters[1]
    for wrong in (
        msgspec.structs.replace(told, base="0" * 64),
        msgspec.structs.replace(told, parameters=told.parameters[:1]),
        msgspec.structs.replace(told, parameters=(told.parameters[0], msgspec.structs.replace(weight, shape=(7, 1)))),
        msgspec.structs.replace(told, own=(b"short",)),
    ):
        with pytest.raises((InputError, ProtocolError)):
            HandedJob(canonical.pack(wrong), learner_of)
    with pytest.raises(ProtocolError):
        HandedJob(raw[:-1], learner_of)
    for change in ({"steps": 0}, {"steps": 10**6}, {"own": ()}, {"seed": -1}):
        with pytest.raises(InputError):
            msgspec.structs.replace(told, **change)  # type: ignore[arg-type]
    beyond = msgspec.structs.replace(told, own=(told.own[0][:-1] + b"\xff",))
    with pytest.raises(InputError, match="cannot be trained"):
        HandedJob(canonical.pack(beyond), learner_of).done()


def test_what_is_sealed_opens_with_its_key_alone_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "PIECE_BYTES", 1_000)
    store, key = Folder(tmp_path), TaskKey.generate()
    for raw in (b"", b"x", bytes(1_000), bytes(range(250)) * 13):
        id_ = sealed.put(store, "jobs", raw, key)
        assert sealed.get(store, "jobs", id_, key) == raw
    assert b"\x00\x01\x02\x03\x04\x05" not in store.read(f"training/jobs/{id_}")
    with pytest.raises(ProtocolError):
        sealed.get(store, "jobs", id_, TaskKey.generate())
    held = store.read(f"training/jobs/{id_}")
    store.write(f"training/outcomes/{id_}", held)
    with pytest.raises(ProtocolError):  # a job is no outcome
        sealed.get(store, "outcomes", id_, key)
    store.write(f"training/jobs/{id_}", held[:-1] + b"?")
    with pytest.raises(UnavailableError, match="other bytes"):
        sealed.get(store, "jobs", id_, key)
    sealed.forget(store, "jobs", id_)
    with pytest.raises(UnavailableError, match="lacks jobs"):
        sealed.get(store, "jobs", id_, key)


class Case:
    """A job in a store, its order, and judges of it."""

    def __init__(self, folder: Path) -> None:
        self.store, self.key, self.job = Folder(folder), TaskKey.generate(), job_of()
        self.id = sealed.put(self.store, "jobs", packed(self.job, LEARNER), self.key)
        self.order = order_of(self.id, self.key, LEARNER.name, STEPS)

    def trainer(self, **more: float) -> JobTrainer:
        return JobTrainer(self.store, learner_of, **more)

    def judge(self, **more: float) -> TrainingJudge:
        return TrainingJudge(TrainingJudge.Options(), tools=None, trainer=self.trainer(**more))  # type: ignore[arg-type]

    def outcome(self, raw: bytes, *, job: str = "", named: bytes = b"") -> bytes:
        with TaskKey.generate() as key:
            id_ = sealed.put(self.store, "outcomes", raw, key)
            return canonical.encode(Outcome(job=job or self.id, outcome=id_, key=named or key.reveal()))

    def judged(self, data: bytes, **more: float):
        judge = self.judge(**more)
        return decide(judge.profile(self.order), judge.measure(self.order, Delivery(None, 0, 0, data)))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path / "store")


def test_a_judge_finds_the_training_valid_and_another_one_not(case: Case) -> None:
    true = trained(LEARNER, case.job)
    valid = case.judged(case.outcome(true.tobytes()))
    assert (valid.verdict, valid.score_ppm) == (Verdict.VALID, PPM)
    lazy = trained(LEARNER, job_of(own=pieces_of(1, 40)[:20]))
    other_seed = trained(LEARNER, job_of(seed=4))
    for wrong in (
        case.outcome((-true).tobytes()),
        case.outcome(np.zeros_like(true).tobytes()),
        case.outcome(lazy.tobytes()),
        case.outcome(other_seed.tobytes()),
        case.outcome((true * np.float32(1.2)).tobytes()),
        case.outcome(true[:-1].tobytes()),
        case.outcome(true.tobytes()[:-1]),
        case.outcome(np.full_like(true, np.nan).tobytes()),
        case.outcome(true.tobytes(), job="0" * 64),
        case.outcome(true.tobytes(), named=bytes(32)),
        case.outcome(true.tobytes(), named=b"short"),
        b"nonsense",
        b"",
    ):
        assert case.judged(wrong).verdict is Verdict.INVALID


def test_what_cannot_be_looked_at_is_inconclusive(case: Case) -> None:
    good = case.outcome(trained(LEARNER, case.job).tobytes())
    assert case.judged(good, longest_s=0.0).verdict is Verdict.INCONCLUSIVE
    outcome = canonical.decode(Outcome, good).outcome
    with pytest.raises(ProtocolError):  # whoever ordered cannot open what is not yet valid
        sealed.get(case.store, "outcomes", outcome, case.key)
    lacking = canonical.encode(Outcome(job=case.id, outcome="0" * 64, key=bytes(32)))
    assert case.judged(lacking).verdict is Verdict.INCONCLUSIVE
    case.store.write(f"training/outcomes/{outcome}", b"damaged")
    assert case.judged(good).verdict is Verdict.INCONCLUSIVE
    good = case.outcome(trained(LEARNER, case.job).tobytes())
    case.store.write(f"training/jobs/{case.id}", b"damaged")
    assert case.judged(good).verdict is Verdict.INCONCLUSIVE
    bare = TrainingJudge(TrainingJudge.Options(), tools=None)  # type: ignore[arg-type]
    assert all(one.value is None for one in bare.measure(case.order, Delivery(None, 0, 0, good)))


def test_a_job_is_not_done_for_an_order_of_another(case: Case) -> None:
    for order in (
        order_of(case.id, case.key, LEARNER.name, STEPS - 1),
        order_of(case.id, case.key, "other", STEPS),
        order_of(case.id, TaskKey.generate(), LEARNER.name, STEPS),
        order_of("0" * 64, case.key, LEARNER.name, STEPS),
    ):
        with pytest.raises(AntiphonError):
            case.trainer().difference(order)
    for options in ({}, {"job": "x", "key": "y"}, {"job": case.id, "key": 3}):
        with pytest.raises(InputError, match="no job"):
            ordered(msgspec.structs.replace(case.order, options=options))
    with pytest.raises(InputError, match="more than"):
        order_of(case.id, case.key, LEARNER.name, 10_000)


@asynccontextmanager
async def market(folder: Path, runners: Sequence[TrainingRunner] | None = None) -> AsyncIterator[tuple[World, Folder]]:
    store = Folder(folder / "store")
    if runners is None:
        runners = [TrainingRunner(JobTrainer(store, learner_of), models=[LEARNER.name])]
    async with world(folder, processors=0, validators=0, rules=Rules(appeal_s=0)) as made:
        for number, runner in enumerate(runners):
            await made.add(f"trainer-{number}", Producer(made.context(), runner))
        for number in range(3):
            judge = TrainingJudge(TrainingJudge.Options(), tools=None, trainer=JobTrainer(store, learner_of))  # type: ignore[arg-type]
            evaluator = JudgingEvaluator({"training": judge})
            await made.add(f"judge-{number}", Validator(made.context(), evaluator, 15_000))
        yield made, store


async def rented(made: World, store: Folder, **more: int) -> tuple[np.ndarray | None, list[Closed]]:
    closed, found = [], None
    async for event in rent(made.client, store, LEARNER, job_of(), **more):
        if isinstance(event, Closed):
            closed.append(event)
        elif isinstance(event, np.ndarray):
            found = event
    return found, closed


async def test_a_rented_training_is_judged_paid_and_the_same_bit_for_bit(tmp_path: Path) -> None:
    async with market(tmp_path) as (made, store):
        money = await made.issued()
        found, (closed,) = await rented(made, store)
        await made.settle()
        assert found is not None
        assert found.tobytes() == trained(LEARNER, job_of()).tobytes()
        (part,) = closed.parts
        assert [ballot.verdict for ballot in part.reveals.values()] == [Verdict.VALID] * 3
        trainer = await made.ledger.account(made.nodes["trainer-0"].node_id)
        assert trainer.balance_nano > 0
        assert await made.issued() == money
        assert store.names("") == []  # what was handed over is over


class Lazy(TrainingRunner):
    """Delivers noise of the right length."""

    def produce(self, request, seed):
        job, _ = ordered(request)
        true = self._trainer.difference(request)
        noise = np.random.default_rng(seed).standard_normal(true.size).astype(np.float32)
        noise *= np.float32(np.linalg.norm(true) / np.linalg.norm(noise))
        yield deliver(noise, job, self._trainer.store)


async def test_who_does_not_train_pays_and_the_contributor_gets_its_money_back(tmp_path: Path) -> None:
    runner = Lazy(JobTrainer(Folder(tmp_path / "store"), learner_of), models=[LEARNER.name])
    async with market(tmp_path, [runner]) as (made, store):
        before = (await made.ledger.account(made.client.node_id)).balance_nano
        with pytest.raises(AntiphonError):
            await rented(made, store)
        await made.settle()
        assert (await made.ledger.account(made.client.node_id)).balance_nano >= before
        assert (await made.ledger.account(made.nodes["trainer-0"].node_id)).stake_nano < 100 * NANO


class Failing(TrainingRunner):
    """Of two that are alike, the machine of the one that is asked first fails in the middle of the job."""

    failed: ClassVar[list[str]] = []

    def produce(self, request, seed):
        if not self.failed:
            self.failed.append("gone")
            raise UnavailableError("The accelerator is gone", "Ask another node.")
        yield from super().produce(request, seed)


async def test_a_trainer_that_fails_amid_a_job_is_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Failing, "failed", [])
    trainer = JobTrainer(Folder(tmp_path / "store"), learner_of)
    two = [Failing(trainer, models=[LEARNER.name]) for _ in range(2)]
    async with market(tmp_path, two) as (made, store):
        found, closed = await rented(made, store)
        await made.settle()
        assert found is not None
        assert found.tobytes() == trained(LEARNER, job_of()).tobytes()
        assert Failing.failed == ["gone"]
        paid = [(await made.ledger.account(made.nodes[f"trainer-{n}"].node_id)).balance_nano for n in range(2)]
        assert sorted(amount > 0 for amount in paid) == [False, True]
        assert len(closed) == 1


async def test_a_contributor_is_told_what_keeps_it_from_renting_and_pays_nothing(tmp_path: Path) -> None:
    async with market(tmp_path, []) as (made, store):
        with pytest.raises(AntiphonError) as told:
            await rented(made, store)
        assert "No processor node offers this service" in str(told.value)
        assert store.names("") == []
    (tmp_path / "dear").mkdir()
    async with market(tmp_path / "dear") as (made, store):
        before = await made.ledger.account(made.client.node_id)
        with pytest.raises(AntiphonError, match="cost"):
            await rented(made, store, max_total_nano=1_000)
        await made.settle()
        after = await made.ledger.account(made.client.node_id)
        assert (after.balance_nano, after.escrow_nano) == (before.balance_nano, before.escrow_nano)


async def test_a_job_sealed_to_another_key_costs_its_sender_a_hold_fee_and_nobody_else(tmp_path: Path) -> None:
    async with market(tmp_path) as (made, _):
        case = Case(tmp_path / "store")
        before = (await made.ledger.account(made.client.node_id)).balance_nano
        order = order_of(case.id, TaskKey.generate(), LEARNER.name, STEPS)
        with pytest.raises(AntiphonError):
            async for _ in made.client.run(Job([order], Selector(service="training"), once=True)):
                pass
        await made.settle()
        spent = before - (await made.ledger.account(made.client.node_id)).balance_nano
        assert 0 <= spent <= 0.02 * STEPS * PRICE_NANO
        for node in made.nodes.values():
            assert (await made.ledger.account(node.node_id)).stake_nano == 100 * NANO
