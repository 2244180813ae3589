"""Shares of a round by drawn validators who compute them from what was committed; made-up ones are found out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from linear import LinearLearner, pieces_of
from network_of import World, world

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from federations import Federation

from antiphon.client.appraising import vote
from antiphon.client.client import Job
from antiphon.client.events import Closed, Opened
from antiphon.economy.scoring import decide
from antiphon.economy.types import NANO, PPM, READING_TOLERANCE, Rules, Verdict
from antiphon.errors import AntiphonError, InputError, ProtocolError, StateError, UnavailableError
from antiphon.genki.contribution import Appraisal, Line
from antiphon.genki.rounds.history import history
from antiphon.genki.rounds.store import Voted
from antiphon.genki.voting import evidence as evidences
from antiphon.genki.voting.judge import SHARES, Appraiser, ContributionJudge, members, order_of, ordered
from antiphon.genki.voting.outcome import part_count
from antiphon.judges.base import Delivery
from antiphon.ledger.operations import Selector
from antiphon.nodes.appraising import AppraisalRunner
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.objects import Folder
from antiphon.protocol import canonical


def folder_of(folder: Path, pieces: Sequence[Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "pieces.npz", x=np.stack([x for x, _ in pieces]), y=np.array([y for _, y in pieces]))
    return folder


class Case:
    """A federation that is over, its held-out folder, and a store of evidence."""

    def __init__(self, folder: Path, *, rounds: int = 2, pool: int = 0) -> None:
        self.federation = Federation(folder / "federation", rounds=rounds, screen=True, pool=pool)
        held_out = pieces_of(99, 200)
        self.federation.run(held_out=held_out)
        self.held_out = folder_of(folder / "held-out", held_out)
        self.pool = folder_of(folder / "pool", self.federation.pool) if pool else None
        self.objects = Folder(folder / "store")

    @property
    def store(self):
        return self.federation.store()

    def appraisal(self, round_: int = 1) -> Appraisal:
        found = self.store.appraisal(round_)
        assert found is not None
        return found

    def evidence(self, round_: int = 1) -> evidences.Evidence:
        return evidences.gather(self.store, round_, self.held_out, self.pool)

    def put(self, round_: int = 1) -> str:
        return evidences.put(self.objects, self.evidence(round_))

    def appraiser(self) -> Appraiser:
        return Appraiser(self.objects, lambda _: LinearLearner())

    def judge(self) -> ContributionJudge:
        return ContributionJudge(ContributionJudge.Options(), tools=None, appraiser=self.appraiser())

    def judged(self, id_: str, delivered: bytes, part: int = 0):
        judge, order = self.judge(), order_of(id_, part)
        delivery = Delivery(audio=None, declared_rate_hz=0, declared_samples=0, data=delivered)
        return decide(judge.profile(order), judge.measure(order, delivery))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("case"))


def test_whoever_has_the_evidence_finds_the_coordinators_shares_in_every_round(tmp_path: Path) -> None:
    case = Case(tmp_path, rounds=3, pool=8)
    for round_ in (1, 2, 3):
        found = evidences.appraised(evidences.get(case.objects, case.put(round_)), LinearLearner())
        assert found == case.appraisal(round_)


def test_what_was_not_committed_is_no_evidence(case: Case) -> None:
    good = case.evidence()
    (first, second, *_) = good.updates
    other = msgspec.structs.replace(first, name=second.name)
    changed = msgspec.structs.replace(good.base[0], data=good.base[0].data[:-4])
    for wrong in (
        msgspec.structs.replace(good, updates=(other, *good.updates[2:])),
        msgspec.structs.replace(good, base=(changed, *good.base[1:])),
        msgspec.structs.replace(good, base_digest="0" * 64),
        msgspec.structs.replace(good, round=2),
    ):
        with pytest.raises((ProtocolError, InputError)):
            evidences.appraised(wrong, LinearLearner())
    with pytest.raises(InputError, match="was not appraised"):
        evidences.gather(Federation(case.federation.folder.parent / "none").store(), 1, case.held_out)


@pytest.mark.parametrize("name", [".", "..", ".hidden", "a/b", "", "ü" * 200, "pieces.npz"])
def test_files_of_evidence_are_files_of_one_folder(case: Case, name: str) -> None:
    good = case.evidence()
    with pytest.raises(InputError):
        msgspec.structs.replace(good, held_out=(*good.held_out, evidences.Blob(name=name, data=b"")))
    assert [file.name for file in good.held_out] == ["pieces.npz"]


def test_parameters_that_are_kept_no_more_are_told(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (case.federation.folder / "coordinator" / "parameters-00000.npz").unlink()
    with pytest.raises(StateError, match="kept no more"):
        case.evidence(1)
    assert case.evidence(2).round == 2


def test_a_judge_finds_the_right_shares_valid_and_made_up_ones_not(case: Case) -> None:
    id_, appraisal = case.put(), case.appraisal()
    valid = case.judged(id_, canonical.encode(appraisal))
    assert (valid.verdict, valid.score_ppm) == (Verdict.VALID, PPM)
    bribed = msgspec.structs.replace(
        appraisal,
        lines=tuple(msgspec.structs.replace(line, share_ppm=PPM * (n == 0)) for n, line in enumerate(appraisal.lines)),
    )
    assert case.judged(id_, canonical.encode(bribed)).verdict is Verdict.INVALID
    dearer = msgspec.structs.replace(
        appraisal,
        lines=tuple(msgspec.structs.replace(line, earned_nats=2 * line.earned_nats) for line in appraisal.lines),
    )
    assert case.judged(id_, canonical.encode(dearer)).verdict is Verdict.INVALID
    assert case.judged(id_, b"nonsense").verdict is Verdict.INVALID
    fewer = msgspec.structs.replace(appraisal, lines=appraisal.lines[1:])
    assert case.judged(id_, canonical.encode(fewer)).verdict is Verdict.INVALID


def test_what_cannot_be_appraised_here_is_inconclusive(case: Case) -> None:
    delivered = canonical.encode(case.appraisal())
    assert case.judged("0" * 64, delivered).verdict is Verdict.INCONCLUSIVE
    assert case.judged(case.put(), delivered, part=7).verdict is Verdict.INCONCLUSIVE
    id_ = case.put(2)
    case.objects.write(f"rounds/{id_}", b"another")
    assert case.judged(id_, delivered).verdict is Verdict.INCONCLUSIVE
    without = ContributionJudge(ContributionJudge.Options(), tools=None)
    figures = without.measure(order_of(id_, 0), Delivery(None, 0, 0, delivered))
    assert all(figure.value is None for figure in figures)
    for order in (order_of("no", 0), order_of(id_, -1)):
        with pytest.raises((InputError, AntiphonError)):
            evidences.get(case.objects, ordered(order)[0])


def test_more_contributors_than_a_vote_holds_are_judged_in_parts() -> None:
    many = tuple(Line(contributor=f"{number:064x}") for number in range(70))
    appraisal = Appraisal(base_loss=1.0, gain_nats=0.1, evaluations=3, lines=many)
    parts = [members(appraisal, part) for part in range(part_count(appraisal))]
    assert [len(part) for part in parts] == [31, 31, 8]
    assert [who for part in parts for who in part] == [line.contributor for line in many]
    assert len(SHARES) == 31
    with pytest.raises(InputError, match="no part 3"):
        members(appraisal, 3)


@asynccontextmanager
async def market(
    folder: Path, case: Case, runner: AppraisalRunner | None = None, judges: Sequence[ContributionJudge] = ()
) -> AsyncIterator[World]:
    async with world(folder, processors=0, validators=0, rules=Rules(appeal_s=0)) as made:
        await made.add("appraiser", Producer(made.context(), runner or AppraisalRunner(case.appraiser())))
        for number, judge in enumerate(judges or [case.judge() for _ in range(3)]):
            evaluator = JudgingEvaluator({"contribution": judge})
            await made.add(f"judge-{number}", Validator(made.context(), evaluator, 15_000))
        yield made


async def voted(made: World, case: Case, round_: int) -> tuple[Voted, list[Closed]]:
    closed, found = [], None
    async for event in vote(made.client, case.put(round_), case.appraisal(round_)):
        if isinstance(event, Closed):
            closed.append(event)
        elif isinstance(event, Voted):
            found = event
    assert found is not None
    return found, closed


async def test_three_validators_vote_and_the_lineage_gets_their_shares(tmp_path: Path) -> None:
    case = Case(tmp_path / "case")
    async with market(tmp_path, case) as made:
        for round_ in (1, 2):
            found, (closed,) = await voted(made, case, round_)
            (part,) = closed.parts
            votes = [{one.key: one.value for one in ballot.readings} for ballot in part.reveals.values()]
            assert len(votes) == found.validators == 3
            keys = {f"contribution.share-{place:02}" for place in range(1, 5)}
            for one in votes[1:]:  # two validators' shares differ by less than 1% of all
                assert keys <= one.keys()
                assert all(abs(one[key] - votes[0][key]) < READING_TOLERANCE for key in keys)
            appraisal = case.appraisal(round_)
            assert sum(found.shares.values()) == PPM
            for who, share in appraisal.shares.items():
                assert abs(share - found.shares[who]) <= 50  # ppm: readings have steps
            assert found.earned_nats == pytest.approx(sum(line.earned_nats for line in appraisal.lines), rel=1e-4)
            case.store.keep_vote(round_, found)
        await made.settle()
    told = history(case.store)
    (one, *_) = told.rounds[0].voted.shares
    assert any("drawn validators found the same" in line for line in told.explained(1))
    assert any("by their vote" in line for line in told.explained(1, one))
    total = {
        who: told.rounds[0].earned_nats().get(who, 0) + told.rounds[1].earned_nats().get(who, 0)
        for who in told.shares()
    }
    assert sum(told.shares().values()) == PPM
    for who, ppm in told.shares().items():
        assert ppm / PPM == pytest.approx(total[who] / sum(total.values()), abs=1e-5)


class Bribed(AppraisalRunner):
    def produce(self, request, seed):
        for raw in super().produce(request, seed):
            true = canonical.decode(Appraisal, raw)
            lines = [msgspec.structs.replace(line, share_ppm=0) for line in true.lines]
            lines[-1] = msgspec.structs.replace(lines[-1], share_ppm=PPM)
            yield canonical.encode(msgspec.structs.replace(true, lines=tuple(lines)))


async def test_an_appraiser_that_was_bribed_pays_and_its_shares_count_for_nothing(case: Case, tmp_path: Path) -> None:
    async with market(tmp_path, case, Bribed(case.appraiser())) as made:
        appraiser = made.nodes["appraiser"]
        with pytest.raises(AntiphonError):
            await voted(made, case, 1)
        await made.settle()
        assert (await made.ledger.account(appraiser.node_id)).stake_nano < 100 * NANO


async def test_without_a_majority_validators_are_drawn_anew_and_then_the_money_comes_back(
    case: Case, tmp_path: Path
) -> None:
    blind = [ContributionJudge(ContributionJudge.Options(), tools=None) for _ in range(2)]
    async with market(tmp_path, case, judges=[case.judge(), *blind]) as made:
        before = (await made.ledger.account(made.client.node_id)).balance_nano
        job = Job([order_of(case.put(1), 0)], Selector(service="contribution"), once=True)
        tasks: list[str] = []

        async def ordered_once() -> None:
            async for event in made.client.run(job):
                tasks.extend([event.task] if isinstance(event, Opened) else [])

        with pytest.raises(UnavailableError):
            await ordered_once()
        (part,) = await made.ledger.parts(tasks[0])
        assert len(part.seatings) > 1  # drawn again
        await made.settle()
        assert (await made.ledger.account(made.client.node_id)).balance_nano == before
        assert all(
            account.stake_nano == 100 * NANO
            for account in [await made.ledger.account(n.node_id) for n in made.nodes.values()]
        )
