"""What each contributor brought to one round, by numbered rules. Pure: who has the same inputs has the same shares.

1. Updates that may not count are refused (`admitting`).
2. An update that alone makes the held-out loss worse by more than `HARM` of it is left out: neither aggregated nor
   paid. Near the end of a training honest ones make it worse by half of that (docs/contribution.md).
3. The others' Shapley values over the held-out pieces say what each brought (`game`, `shapley`).
4. It earns the smaller of two gains: that value, and the part of it that its work on pieces dealt to it shows
   (`working`). Nothing below 0 is paid.
5. It earns nothing while all that it brought in its last rounds cannot be told from nothing: not above `SURE` standard
   errors of their sum. A round in which it was left out for its harm counts with that.
6. Shares are the earnings in ppm (`sharing`).

Held-out pieces are known to nobody who contributes until the updates are committed; `beacon` is drawn before the round
for the pieces that are dealt, and seeds the orders of the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from antiphon.genki.contribution import working
from antiphon.genki.contribution.admitting import Admission, admit
from antiphon.genki.contribution.game import Game
from antiphon.genki.contribution.shapley import EXACT, Estimate, shapley
from antiphon.genki.contribution.sharing import shares
from antiphon.genki.contribution.sketching import Sketch
from antiphon.genki.learning import Learner, Parameters, Piece

HARM = 0.002
SURE = 1.645
"""One-sided 5%: what brings nothing is above that by chance in one of 20 trials."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One contributor's part of a round. Gains in nats of held-out loss; those that were not measured are None."""

    contributor: str
    share_ppm: int = 0
    earned_nats: float = 0.0
    reason: str = ""  # why it was refused or left out
    scale: float = 1.0  # what its update was scaled down by
    alone_nats: float | None = None  # what it gains without the others, with its weight among them
    value_nats: float | None = None  # its Shapley value
    error_nats: float | None = None  # standard error of that; 0: exact
    noise_nats: float | None = None  # standard error of what it brings, over held-out pieces; 0: too few to tell
    sure: bool = True  # what it brought in its last rounds is above the noise
    advantage_nats: float | None = None  # on its own pieces, beyond the others
    work: float | None = None  # that advantage, of the median one: what later rounds remember
    credit: float = 1.0  # part of its value that its work shows, over its last rounds


class Appraisal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A round's. Lines are in the order of commits; their shares sum to a million, or are all 0."""

    base_loss: float
    gain_nats: float  # of all updates that count together
    evaluations: int
    lines: tuple[Line, ...]

    @property
    def shares(self) -> dict[str, int]:
        """Of those who are paid."""
        return {line.contributor: line.share_ppm for line in self.lines if line.share_ppm}


@dataclass(frozen=True)
class Round:
    """One round as it was committed. `updates`: differences to `base`, first committer first."""

    learner: Learner
    base: Parameters
    updates: Mapping[str, Parameters]
    held_out: Sequence[Piece]
    beacon: bytes
    pool: Sequence[Piece] = ()  # pieces that all may have; none: no work is asked for
    known: Mapping[str, Sketch] = field(default_factory=dict)  # of earlier rounds
    past: Mapping[str, Sequence[Line]] = field(default_factory=dict)  # of earlier rounds, by contributor


@dataclass(frozen=True)
class Screened:
    """Rules 1 and 2. `counted`: the updates to aggregate, with equal weights."""

    admission: Admission
    counted: dict[str, Parameters]
    alone: dict[str, float]
    noise: dict[str, float]  # standard errors of `alone`
    base_loss: float

    @property
    def left_out(self) -> dict[str, str]:
        """Contributor to reason."""
        harmful = {who: "it makes the held-out loss worse" for who in self.alone if who not in self.counted}
        return self.admission.refused | harmful


def screen(round_: Round) -> Screened:
    """Which updates count. Raises `InputError` without held-out pieces that have a loss."""
    admission = admit(round_.base, round_.updates, round_.known)
    game = Game(round_.learner, round_.base, admission.kept, round_.held_out)
    alone = {who: game.value(1 << place) for place, who in enumerate(game.players)}
    noise = {who: game.noise(1 << place) for place, who in enumerate(game.players)}
    counted = {who: update for who, update in admission.kept.items() if alone[who] >= -HARM * game.base_loss}
    return Screened(admission, counted, alone, noise, game.base_loss)


def appraise(round_: Round, *, pairs: int = 4, exactly: int = EXACT, screened: Screened | None = None) -> Appraisal:
    """All six rules. Values are exact for up to `exactly` contributors, else by so many `pairs` of orders. `screened`:
    what `screen` found of this round, where it was asked before."""
    screened = screened or screen(round_)
    counted = screened.counted
    game = Game(round_.learner, round_.base, counted, round_.held_out)
    found = (
        shapley(game, pairs=pairs, seed=int.from_bytes(round_.beacon[:8]), exactly=exactly) if counted else _nobody()
    )
    advantage = _advantages(round_, counted)
    work = working.ratios(advantage) if advantage is not None else None
    credit = np.ones(len(counted))
    if work is not None:
        past = zip(counted, work.tolist(), strict=True)
        credit = np.array([working.credited([*_work(round_.past.get(who, ())), now]) for who, now in past])
    brought = zip(counted, found.values.tolist(), strict=True)
    sure = np.array([_sure(round_.past.get(who, ()), now, screened.noise[who]) for who, now in brought], dtype=bool)
    earned = np.where(sure, np.maximum(0.0, np.minimum(found.values, found.values * credit)), 0.0)
    paid = shares(dict(zip(counted, earned.tolist(), strict=True)))
    lines = {}
    for place, who in enumerate(counted):
        lines[who] = Line(
            contributor=who,
            share_ppm=paid.get(who, 0),
            earned_nats=float(earned[place]),
            scale=screened.admission.scales[who],
            alone_nats=screened.alone[who],
            value_nats=float(found.values[place]),
            error_nats=float(found.errors[place]),
            advantage_nats=None if advantage is None else float(advantage[place]),
            work=None if work is None else float(work[place]),
            credit=float(credit[place]),
            noise_nats=screened.noise[who],
            sure=bool(sure[place]),
        )
    for who, reason in screened.left_out.items():
        lines[who] = Line(
            contributor=who,
            reason=reason,
            scale=screened.admission.scales.get(who, 1.0),
            alone_nats=screened.alone.get(who),
            noise_nats=screened.noise.get(who),
        )
    return Appraisal(
        base_loss=screened.base_loss,
        gain_nats=game.value(game.everybody),
        evaluations=len(screened.alone) + game.evaluations,
        lines=tuple(lines[who] for who in round_.updates),
    )


def _advantages(round_: Round, counted: Mapping[str, Parameters]) -> working.Advantages | None:
    if not round_.pool or not counted:
        return None
    hands = {who: working.dealt(round_.beacon, who, len(round_.pool)) for who in counted}
    return working.advantages(round_.learner, round_.base, counted, round_.pool, hands)


def by_contributor(appraisals: Iterable[Appraisal]) -> dict[str, list[Line]]:
    """What later rounds remember of each."""
    found: dict[str, list[Line]] = {}
    for line in (line for appraisal in appraisals for line in appraisal.lines):
        found.setdefault(line.contributor, []).append(line)
    return found


def _work(past: Sequence[Line]) -> list[float]:
    return [line.work for line in past if line.work is not None]


def _sure(past: Sequence[Line], value: float, noise: float) -> bool:
    """Rule 5, of the rounds in which something was measured."""
    values, noises = [value], [noise]
    for line in past[1 - working.REMEMBERED :]:
        brought = line.value_nats if line.value_nats is not None else line.alone_nats
        if brought is not None and line.noise_nats is not None:
            values.append(brought)
            noises.append(line.noise_nats)
    return math.fsum(values) >= SURE * math.hypot(*noises)


def _nobody() -> Estimate:
    return Estimate(np.empty(0), np.empty(0), 0)
