"""Shares as votes of the market: what drawn validators commit to and reveal, and what all votes together say.

Nothing of the market is special here: a round's shares are a delivery like any other, and shares are readings. Each
validator appraises by itself what was committed; the shares that count are the majority's medians (`economy.votes`). A
vote carries `SEATS` shares at most, so a larger round is judged in several parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from antiphon.economy.types import PPM, READING_TOLERANCE, Outcome, Reading, Verdict, Vote
from antiphon.economy.votes import common_readings
from antiphon.errors import InputError
from antiphon.genki.contribution.sharing import shares

SEATS = 32
TOLERANCE_PPM = 10_000
"""Of all: shares that differ by more do not agree."""
_STEP_PPM = TOLERANCE_PPM // READING_TOLERANCE


def parts(contributors: Sequence[str]) -> list[tuple[str, ...]]:
    """Whom each part of the order is about, in the order of their commits."""
    return [tuple(contributors[start : start + SEATS]) for start in range(0, len(contributors), SEATS)]


def ballot(part: Sequence[str], own: Mapping[str, int], delivered: Mapping[str, int]) -> Vote:
    """A validator's vote on the delivered shares of these contributors, from those that it found itself."""
    off = any(abs(own.get(who, 0) - delivered.get(who, 0)) > TOLERANCE_PPM for who in part)
    return Vote(
        verdict=Verdict.INVALID if off else Verdict.VALID,
        score_ppm=0 if off else PPM,
        readings=tuple(Reading(key=who, value=round(own.get(who, 0) / _STEP_PPM)) for who in part),
    )


def agreed(rounds: Sequence[tuple[Sequence[str], Mapping[str, Vote], Outcome]]) -> dict[str, int]:
    """The shares that count, of a whole round: for each part whom it is about, the votes and their outcome. Raises
    `InputError` where a part was not found valid, or the majority gives no share of somebody."""
    found: dict[str, float] = {}
    for part, votes, outcome in rounds:
        if outcome.verdict is not Verdict.VALID:
            raise InputError("The validators did not agree to these shares", "Appraise the round again.")
        common = common_readings([votes[seat] for seat in outcome.majority])
        for who in part:
            if who not in common:
                raise InputError(f"No majority gives a share of {who[:12]}", "Appraise the round again.")
            found[who] = max(0.0, float(common[who]))
    return {who: share for who, share in shares(found).items() if share}
