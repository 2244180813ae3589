"""A federation told to everybody: its plan, and of each round the report and what each contributor brought."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from antiphon.economy.types import PPM
from antiphon.errors import InputError
from antiphon.genki.contribution import explain, over_rounds, shares
from antiphon.genki.contribution.appraising import Appraisal
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.store import Report, Store, Voted

FILE = "rounds.json"
MAX_BYTES = 64 << 20


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round."""

    report: Report
    appraisal: Appraisal | None = None
    voted: Voted | None = None

    def earned_nats(self) -> dict[str, float]:
        """By contributor: what the validators found, else the coordinator."""
        if self.voted is not None:
            return {who: ppm / PPM * self.voted.earned_nats for who, ppm in self.voted.shares.items()}
        return {line.contributor: line.earned_nats for line in self.appraisal.lines} if self.appraisal else {}


class History(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rounds that are over, in order."""

    plan: Plan
    rounds: tuple[Told, ...] = ()

    def explained(self, round_: int, contributor: str = "") -> list[str]:
        """Why each contributor, or one of them, has its share of a round. Raises `InputError` for a round that there is
        not, or one that was not appraised."""
        if not 1 <= round_ <= len(self.rounds):
            raise InputError(f"There is no round {round_}", f"{len(self.rounds)} rounds are over.")
        told = self.rounds[round_ - 1]
        if self.plan.secure:
            return _alike(told.report, contributor)
        if told.appraisal is None:
            raise InputError(
                f"Round {round_} was not appraised: it had no held-out music, or changed nothing",
                "Serve the federation with --held-out FOLDER, screening, and no noise.",
            )
        whole = _whole(contributor, told.appraisal)
        return [*explain(told.appraisal, whole), *_by_vote(told.voted, whole)]

    def shares(self) -> Mapping[str, int]:
        """Of all rounds together, in ppm by contributor; empty where nobody earned anything. With secure aggregation
        nobody saw who brought what: each round counts alike for those in its sum."""
        if self.plan.secure:
            return over_rounds(_equal(told.report) for told in self.rounds)
        return over_rounds(told.earned_nats() for told in self.rounds)


def history(store: Store) -> History:
    """Of a federation that is coordinated here."""
    rounds = [
        Told(report=report, appraisal=store.appraisal(report.round), voted=store.voted(report.round))
        for report in store.reports()
    ]
    return History(plan=store.plan, rounds=tuple(rounds))


def read_history(file: Path) -> History:
    """What was published with an asset. Raises `InputError` for a file that is none."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise InputError(f"{file} has more than {MAX_BYTES >> 20} MiB", f"Name the asset's {FILE}.")
        return msgspec.json.decode(raw, type=History)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", f"Name the asset's {FILE}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{file} holds no rounds: {error}", f"Name the asset's {FILE}.") from error


def _equal(report: Report) -> dict[str, float]:
    return {one: 1 / len(report.accepted) for one in report.accepted}


def _alike(report: Report, contributor: str) -> list[str]:
    named = [one for one in (*report.accepted, *report.refused) if one.startswith(contributor)]
    if not named:
        raise InputError(f"{contributor[:12]} handed in nothing in this round", "Name another round.")
    parts = shares(_equal(report))
    head = f"{len(report.accepted)} updates were summed under masks: nobody saw what each brought, so all share alike."
    lines = (
        f"{one[:12]}: {parts[one] / PPM:.2%}" if one in parts else f"{one[:12]}: {report.refused[one]}" for one in named
    )
    return [head, *lines]


def _by_vote(voted: Voted | None, contributor: str) -> list[str]:
    if voted is None:
        return ["No validators have voted on it: these are the coordinator's own figures."]
    found = {who: ppm for who, ppm in voted.shares.items() if not contributor or who == contributor}
    lines = [f"  {who[:12]} has {ppm / PPM:.2%} by their vote" for who, ppm in found.items()]
    return [
        f"{voted.validators} drawn validators found the same, in task {voted.tasks[0][:12]}; theirs counts.",
        *lines,
    ]


def _whole(prefix: str, appraisal: Appraisal) -> str:
    """The contributor whose id begins so; what fits nobody stays as it is, and is told by `explain`."""
    found = [line.contributor for line in appraisal.lines if prefix and line.contributor.startswith(prefix)]
    return found[0] if len(found) == 1 else prefix
