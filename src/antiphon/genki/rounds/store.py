"""The coordinator's state on disk: any moment is a good one to be killed in.

`plan.json`; `parameters-NNNN.npz` after each round (0: the beginning); `rounds/NNNN/CONTRIBUTOR.update`, written as
each arrives; `rounds/NNNN/appraisal.json` and `report.json`; and `state.json`, replaced last: a round is over when it
says so. A round that was interrupted goes on with the updates that had arrived.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from antiphon.errors import StateError
from antiphon.genki.contribution.appraising import Appraisal
from antiphon.genki.learning import Parameters, digest
from antiphon.genki.rounds import files
from antiphon.genki.rounds.plan import Plan

T = TypeVar("T")

KEEP = 8
"""Rounds whose parameters stay; updates and reports stay for ever."""


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round, as everybody may see it."""

    round: int
    base: str
    digest: str  # of the parameters after it
    accepted: tuple[str, ...]  # contributors
    refused: dict[str, str]  # contributor to reason
    bytes: dict[str, int]  # contributor to length of its update
    seconds: float
    attempts: int  # 1, and one more for each time too few had answered
    loss: float | None = None  # mean over held-out pieces, where the coordinator has some
    epsilon: float | None = None  # spent so far, with differential privacy


class Voted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What drawn validators found a round's shares to be."""

    evidence: str  # id of all that they follow from, in a store
    tasks: tuple[str, ...]  # in which they voted
    validators: int  # the fewest that were of one mind about a part
    earned_nats: float  # of all contributors together
    shares: dict[str, int]  # ppm by contributor


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a coordinator goes on from."""

    round: int = 0  # the last that is over
    digest: str = ""
    counted: dict[str, int] = {}  # contributor to the last round its update was aggregated in
    releases: tuple[float, ...] = ()  # noise multiplier of each round that was released


class Store:
    """A federation's folder."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Raises `StateError` for a folder of another federation, or a damaged one."""
        self.folder, self.plan = folder, plan
        file = folder / "plan.json"
        if not file.exists():
            files.write(file, msgspec.json.encode(plan))
        elif _decoded(file, Plan) != plan:
            raise StateError(f"{folder} belongs to a federation with another plan", "Name another folder.")
        state = folder / "state.json"
        self.state = _decoded(state, State) if state.exists() else State()

    def begin(self, initial: Parameters) -> None:
        """Keep the parameters of round 0, unless the federation has begun."""
        if not self.state.digest:
            files.write_arrays(self._parameters(0), initial)
            self._save(State(digest=digest(initial)))

    def parameters(self) -> Parameters:
        """Those after the last round. Raises `StateError` when they are not what was written."""
        file = self._parameters(self.state.round)
        found = files.read_arrays(file)
        if digest(found) != self.state.digest:
            raise StateError(f"{file} was changed", "Restore it from a backup, or begin anew in another folder.")
        return found

    def updates(self, round_: int) -> dict[str, bytes]:
        """What arrived in a round, by contributor, as it was signed; in the order in which it came."""
        found = sorted(self._round(round_).glob("*.update"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        return {file.name.removesuffix(".update"): file.read_bytes() for file in found}

    def arrived(self, round_: int, contributor: str, raw: bytes) -> None:
        """Keep an update that was checked."""
        files.write(self._round(round_) / f"{contributor}.update", raw)

    def commit(self, report: Report, parameters: Parameters, released: float | None = None) -> None:
        """End a round: its parameters, its report, and then the state that says that it is over."""
        files.write_arrays(self._parameters(report.round), parameters)
        files.write(self._round(report.round) / "report.json", msgspec.json.encode(report))
        counted = self.state.counted | dict.fromkeys(report.accepted, report.round)
        releases = (*self.state.releases, released) if released is not None else self.state.releases
        self._save(State(round=report.round, digest=report.digest, counted=counted, releases=releases))
        for old in range(report.round - KEEP, 0, -1):
            if not self._parameters(old).exists():
                break
            self._parameters(old).unlink()

    def appraised(self, round_: int, appraisal: Appraisal) -> None:
        """Keep what each contributor brought to a round; before its commit."""
        files.write(self._round(round_) / "appraisal.json", msgspec.json.encode(appraisal))

    def appraisal(self, round_: int) -> Appraisal | None:
        """None where nothing was held out to measure by, or the round changed nothing."""
        file = self._round(round_) / "appraisal.json"
        return _decoded(file, Appraisal) if file.exists() else None

    def appraisals(self) -> list[Appraisal]:
        """Of all rounds that are over, in order."""
        found = [self.appraisal(n) for n in range(1, self.state.round + 1)]
        return [one for one in found if one is not None]

    def begin_opening(self, round_: int) -> None:
        """Keep that the sum of a round is about to be opened (secure aggregation): it is not opened twice."""
        files.write(self._round(round_) / "opening", b"")

    def opening(self, round_: int) -> bool:
        return (self._round(round_) / "opening").exists()

    def voted(self, round_: int) -> Voted | None:
        """None where nobody has voted on it."""
        file = self._round(round_) / "voted.json"
        return _decoded(file, Voted) if file.exists() else None

    def keep_vote(self, round_: int, voted: Voted) -> None:
        """Keep the shares that count from now on."""
        files.write(self._round(round_) / "voted.json", msgspec.json.encode(voted))

    def parameters_before(self, round_: int) -> Parameters:
        """Those that a round began with. Raises `StateError` where they are changed, or kept no more."""
        file = self._parameters(round_ - 1)
        if not file.exists():
            raise StateError(f"What round {round_} began with is kept no more", f"Vote within {KEEP} rounds.")
        found = files.read_arrays(file)
        if digest(found) != self.report(round_).base:
            raise StateError(f"{file} was changed", "Restore it from a backup.")
        return found

    def report(self, round_: int) -> Report:
        return _decoded(self._round(round_) / "report.json", Report)

    def reports(self) -> list[Report]:
        """Of all rounds that are over, in order."""
        return [self.report(n) for n in range(1, self.state.round + 1)]

    def _save(self, state: State) -> None:
        files.write(self.folder / "state.json", msgspec.json.encode(state))
        self.state = state

    def _parameters(self, round_: int) -> Path:
        return self.folder / f"parameters-{round_:05d}.npz"

    def _round(self, round_: int) -> Path:
        return self.folder / "rounds" / f"{round_:05d}"


def opened(folder: Path) -> Store:
    """The store in `folder`, with the plan that it holds. Raises `StateError` where there is none."""
    if not (folder / "plan.json").exists():
        raise StateError(f"{folder} holds no federation", "Begin one: antiphon genki serve")
    return Store(folder, _decoded(folder / "plan.json", Plan))


def _decoded(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(f"{file} cannot be read: {error}", "Restore it from a backup.") from error
