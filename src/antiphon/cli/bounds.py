"""Which bound a rejected delivery broke, and by how much: votes carry figures, and bounds follow from the order.

The text of an order is in no receipt. Of a text only its length counts here; whatever else a validator knew of it (its
own rendering, a cloned voice's own figures) moves a bound by little, so what is told is the profile's bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from antiphon.economy.types import Verdict, Vote

if TYPE_CHECKING:
    from antiphon.economy.scoring import Limit, ScoringProfile
    from antiphon.ledger.operations import Selector


def broken(votes: Mapping[str, Vote], selector: Selector, units: int) -> Iterator[tuple[str, float, str, float]]:
    """`(judge.name, value, bound, how far beyond it)` of each bound that most votes against the work show broken."""
    from antiphon.economy.scoring import violations
    from antiphon.judges.metric import key_of

    against = [vote for vote in votes.values() if vote.verdict is Verdict.INVALID]
    if not against:
        return
    keys = {key_of(one) for vote in against for one in vote.measurements}
    profile = _profile(selector, units, keys)
    found = [violations(profile, vote.measurements) for vote in against]
    for limit in profile.limits:
        if 2 * sum(limit.key in one for one in found) <= len(against):
            continue
        values = sorted(
            one.value
            for vote in against
            for one in vote.measurements
            if key_of(one) == limit.key and one.value is not None
        )
        value = values[len(values) // 2]
        if not limit.holds(value):
            yield limit.key, value, limit.bounds, _beyond(limit, value)


def _beyond(limit: Limit, value: float) -> float:
    if limit.min is not None and value < limit.min:
        return limit.min - value
    highest = limit.max if limit.max is not None else limit.under
    return value - highest if highest is not None else 0.0


def _profile(selector: Selector, units: int, keys: set[str]) -> ScoringProfile:
    from antiphon.judges.cards import card
    from antiphon.judges.cloning.profiles import CLONE, ENROLMENT
    from antiphon.judges.expectation import Expectation
    from antiphon.judges.music.profile import MUSIC
    from antiphon.judges.profiles import ANTIPHON
    from antiphon.nodes.evaluation.speech import expectation_of
    from antiphon.services import MAX_TEXT_CHARS, SpeechRequest

    if any(key.startswith("enrolment.") for key in keys):
        return ENROLMENT.expecting()
    if selector.service == "clone":
        return CLONE.expecting(Expectation(chars=units))
    if selector.service == "music":
        return MUSIC
    text = "x" * min(max(units, 1), MAX_TEXT_CHARS)
    request = SpeechRequest(text=text, voice=selector.voice, language=selector.language or "en-us")
    return ANTIPHON.expecting(expectation_of(request, card(selector.voice) if selector.voice else None))
