"""The shares that count: of each part of a round the majority's medians, and what all earned together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from antiphon.economy.types import READING_TOLERANCE, Outcome, Verdict, Vote
from antiphon.economy.votes import common_readings
from antiphon.errors import InputError
from antiphon.genki.contribution import Appraisal, shares
from antiphon.genki.rounds.store import Voted
from antiphon.genki.voting.judge import EARNED, SEATS, SHARES, WITHIN, members

Part = tuple[str, Mapping[str, Vote], Outcome]
"""Its task, the votes by validator, and what they said together."""


def part_count(appraisal: Appraisal) -> int:
    """Parts that a round is voted on in."""
    return -(-len(appraisal.lines) // SEATS)


def agreed(evidence: str, appraisal: Appraisal, parts: Sequence[Part]) -> Voted:
    """What validators found of a whole round. Of `appraisal` only the order of contributors counts. Raises `InputError`
    where a part was not found valid, or the majority gives no share of somebody."""
    found: dict[str, float] = {}
    earned: list[float] = []
    for number, (_, votes, outcome) in enumerate(parts):
        if outcome.verdict is not Verdict.VALID:
            raise InputError("The validators did not agree to these shares", "Ask them again: antiphon genki vote")
        common = common_readings([votes[seat] for seat in outcome.majority])
        if EARNED.key in common:
            earned.append(math.exp(common[EARNED.key] * WITHIN / READING_TOLERANCE))
        for metric, who in zip(SHARES, members(appraisal, number), strict=False):
            if metric.key not in common:
                raise InputError(f"No majority gives a share of {who[:12]}", "Ask them again: antiphon genki vote")
            found[who] = max(0.0, common[metric.key] * WITHIN / READING_TOLERANCE)
    return Voted(
        evidence=evidence,
        tasks=tuple(dict.fromkeys(task for task, _, _ in parts)),
        validators=min(len(outcome.majority) for _, _, outcome in parts),
        earned_nats=min(earned, default=0.0),
        shares={who: share for who, share in shares(found).items() if share},
    )
