"""Which bound a rejected delivery broke, and by how much: votes carry figures, and bounds follow from the order.

The text of an order is in no receipt. Of a text only its length counts here; whatever else a validator knew of it (its
own rendering, a cloned voice's own figures) moves a bound by little, so what is told is the profile's bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from antiphon.economy.types import Verdict, Vote

if TYPE_CHECKING:
    from antiphon.economy.profiles import Expectation, Limit, Profile
    from antiphon.ledger.operations import Selector


def broken(votes: Mapping[str, Vote], selector: Selector, units: int) -> Iterator[tuple[str, float, str, float]]:
    """`(judge.name, value, bound, how far beyond it)` of each bound that most votes against the work show broken."""
    from antiphon.economy.profiles import limits_of, violations

    against = [vote for vote in votes.values() if vote.verdict is Verdict.INVALID]
    if not against:
        return
    keys = {f"{one.judge}.{one.name}" for vote in against for one in vote.measurements}
    profile, expectation = _rule(selector, units, keys)
    found = [violations(profile, vote.measurements, expectation) for vote in against]
    for limit in limits_of(profile, expectation):
        if 2 * sum(limit.key in one for one in found) <= len(against):
            continue
        values = sorted(
            one.value
            for vote in against
            for one in vote.measurements
            if f"{one.judge}.{one.name}" == limit.key and one.value is not None
        )
        value = values[len(values) // 2]
        if not limit.holds(value):
            yield limit.key, value, limit.bounds, _beyond(limit, value)


def _beyond(limit: Limit, value: float) -> float:
    if limit.least is not None and value < limit.least:
        return limit.least - value
    most = limit.most if limit.most is not None else limit.under
    return value - most if most is not None else 0.0


def _rule(selector: Selector, units: int, keys: set[str]) -> tuple[Profile, Expectation]:
    from antiphon.economy.music import MUSIC
    from antiphon.economy.profiles import ANTIPHON, CLONE, ENROLMENT, Expectation
    from antiphon.judges.cards import card
    from antiphon.nodes.evaluation.speech import expectation_of
    from antiphon.services import MAX_TEXT_CHARS, SpeechRequest

    if any(key.startswith("enrolment.") for key in keys):
        return ENROLMENT, Expectation()
    if selector.service == "clone":
        return CLONE, Expectation(chars=units)
    if selector.service == "music":
        return MUSIC, Expectation()
    text = "x" * min(max(units, 1), MAX_TEXT_CHARS)
    request = SpeechRequest(text=text, voice=selector.voice, language=selector.language or "en-us")
    return ANTIPHON, expectation_of(request, card(selector.voice) if selector.voice else None)
