"""From measurements to a vote: verdict and score as pure functions, under a named profile that cites its sources.

1. A violated *certain* limit is INVALID with score 0, whatever else could or could not be measured.
2. Otherwise a required measurement that is missing or inconclusive makes the vote INCONCLUSIVE. It is never a 0.
3. A violated limit may be excused by another measurement (`Limit.unless`): when that is there and all its own limits
   hold, the violation is nobody's fault, and what is excused leaves the score too.
4. Otherwise a violated limit is INVALID, else VALID. The score is the weighted mean of the terms; an optional term that
   was not measured leaves the mean, and its weight with it.

What is measured, and what weighs how much, is no matter of this room: profiles lie beside the judges of their service.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import PPM, Verdict, Vote


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one measurement. `certain`: a violation needs no other evidence. `required`: must be measured."""

    key: str  # judge.name
    source: str
    min: float | None = None
    max: float | None = None
    under: float | None = None  # like `max`, exclusive
    certain: bool = False
    required: bool = False
    unless: str = ""  # key of a measurement that, when it is there and all its own limits hold, excuses a violation

    def holds(self, value: float) -> bool:
        return (
            (self.min is None or value >= self.min)
            and (self.max is None or value <= self.max)
            and (self.under is None or value < self.under)
        )

    @property
    def bounds(self) -> str:
        pairs = ((">=", self.min), ("<=", self.max), ("<", self.under))
        return " and ".join(f"{sign} {bound:.4g}" for sign, bound in pairs if bound is not None)


class ScoreTerm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One addend of the score: 0 at `zero`, 1 at `one`, linear between and clamped outside."""

    key: str
    weight: float
    zero: float
    one: float
    source: str
    required: bool = True

    def grade(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.zero) / (self.one - self.zero)))


class ScoringProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to judge one order: what rejects, and what weighs how much."""

    name: str
    source: str
    terms: tuple[ScoreTerm, ...]
    limits: tuple[Limit, ...]
    invalid_scores_zero: bool = False

    def __post_init__(self) -> None:
        check_terms(self.name, self.terms)


def check_terms(name: str, terms: Sequence[ScoreTerm]) -> None:
    """Raises `ValueError` where a score of these could be empty, or a term has no meaning."""
    if not any(term.required for term in terms):
        raise ValueError(f"profile {name}: one term must be required, or a score could be empty")
    if any(term.weight <= 0 or term.zero == term.one for term in terms):
        raise ValueError(f"profile {name}: each term needs a positive weight and a span")


def decide(profile: ScoringProfile, measurements: Iterable[Measurement]) -> Vote:
    """Verdict and score in ppm. The vote carries the measurements, so that anybody can repeat this sum."""
    kept = tuple(measurements)
    values = _values(kept)
    violated = _violated(profile.limits, values)
    if any(limit.certain for limit in violated):
        return Vote(verdict=Verdict.INVALID, score_ppm=0, measurements=kept)
    if _missing(profile, values):
        return Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None, measurements=kept)
    if violated:
        score_ppm = 0 if profile.invalid_scores_zero else _score(profile, values)
        return Vote(verdict=Verdict.INVALID, score_ppm=score_ppm, measurements=kept)
    return Vote(verdict=Verdict.VALID, score_ppm=_score(profile, values), measurements=kept)


def explain(profile: ScoringProfile, measurements: Iterable[Measurement]) -> list[str]:
    """The same sum in words, one line per step: for receipts."""
    kept = tuple(measurements)
    values = _values(kept)
    violated = _violated(profile.limits, values)
    reasons = {_key(m): m.reason for m in kept if m.reason}
    lines = [f"profile {profile.name}"]
    for limit in profile.limits:
        if limit.key in values:
            word = "VIOLATED" if limit in violated else "holds" if limit.holds(values[limit.key]) else "excused"
            lines.append(f"limit {limit.key} = {values[limit.key]:.4g}, {limit.bounds}: {word}")
    for term in profile.terms:
        if term.key in values:
            grade = term.grade(values[term.key])
            lines.append(f"score {term.key} = {values[term.key]:.4g} -> {grade:.3f} x {term.weight:.2f}")
    lines += [f"missing {key}: {reasons.get(key, 'not measured')}" for key in _missing(profile, values)]
    vote = decide(profile, kept)
    score = "" if vote.score_ppm is None else f", score {vote.score_ppm / PPM:.3f}"
    return [*lines, f"verdict {vote.verdict}{score}"]


def violations(profile: ScoringProfile, measurements: Iterable[Measurement]) -> set[str]:
    """Keys of the limits that these measurements violate."""
    return {limit.key for limit in _violated(profile.limits, _values(tuple(measurements)))}


def _key(measurement: Measurement) -> str:
    return f"{measurement.judge}.{measurement.name}"


def _values(measurements: Sequence[Measurement]) -> dict[str, float]:
    keys = [_key(m) for m in measurements]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a measurement is given twice: {sorted(k for k in set(keys) if keys.count(k) > 1)}")
    # A NaN compares false with every bound, so it would silently be a violation: it is no measurement.
    return {_key(m): m.value for m in measurements if m.value is not None and math.isfinite(m.value)}


def _violated(limits: Sequence[Limit], values: dict[str, float]) -> list[Limit]:
    broken = [limit for limit in limits if limit.key in values and not limit.holds(values[limit.key])]
    while True:  # an excuse may itself be excused: likeness by right words, those by our own rendering
        doubtful = {limit.key for limit in broken}
        standing = [limit for limit in broken if limit.unless not in values or limit.unless in doubtful]
        if len(standing) == len(broken):
            return broken
        broken = standing


def _excused(limits: Sequence[Limit], values: dict[str, float]) -> set[str]:
    """Keys of limits that do not hold and are nobody's fault."""
    standing = {limit.key for limit in _violated(limits, values)}
    broken = {limit.key for limit in limits if limit.key in values and not limit.holds(values[limit.key])}
    return broken - standing


def _missing(profile: ScoringProfile, values: dict[str, float]) -> list[str]:
    wanted = {limit.key for limit in profile.limits if limit.required}
    wanted |= {term.key for term in profile.terms if term.required}
    return sorted(wanted - values.keys())


def _score(profile: ScoringProfile, values: dict[str, float]) -> int:
    measured = [term for term in profile.terms if term.key in values]
    excused = _excused(profile.limits, values)
    counted = [term for term in measured if term.key not in excused] or measured
    weight = math.fsum(term.weight for term in counted)
    total = math.fsum(term.weight * term.grade(values[term.key]) for term in counted)
    return round(PPM * total / weight)
