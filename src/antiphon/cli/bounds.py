"""Which bound a rejected delivery broke, and by how much: votes carry figures, and bounds follow from the order.

The text of an order is in no receipt. Of a text only its length counts here; whatever else a validator knew of it (its
own rendering, a cloned voice's own figures) moves a bound by little, so what is told is the profile's bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from antiphon.economy.types import Verdict, Vote
from antiphon.errors import AntiphonError

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
    if profile is None:
        return
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


def _profile(selector: Selector, units: int, keys: set[str]) -> ScoringProfile | None:
    from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
    from antiphon.judges.music.scoring import MUSIC
    from antiphon.judges.speech.cards import card
    from antiphon.judges.speech.expectation import Expectation, expectation_of
    from antiphon.judges.speech.scoring import ANTIPHON
    from antiphon.services import MAX_TEXT_CHARS, SpeechRequest

    if any(key.startswith("enrolment.") for key in keys):
        return ENROLMENT.expecting()
    if selector.service == "clone":
        return CLONE.expecting(Expectation(chars=units))
    if selector.service == "music":
        return MUSIC
    if selector.service != "speech":
        return _from_outside(selector, units)
    text = "x" * min(max(units, 1), MAX_TEXT_CHARS)
    request = SpeechRequest(text=text, voice=selector.voice, language=selector.language or "en-us")
    return ANTIPHON.expecting(expectation_of(request, card(selector.voice) if selector.voice else None))


def _from_outside(selector: Selector, units: int) -> ScoringProfile | None:
    """Of a judge that is no service's of ours, as far as it knows one by the length of a text alone."""
    from antiphon.judges.registry import JudgeSet, installed
    from antiphon.nodes.evaluation.rendering import render
    from antiphon.services import MAX_TEXT_CHARS, CustomRequest

    try:
        judges = JudgeSet(installed(), render).by_service()
        order = CustomRequest(service=selector.service, text="x" * min(max(units, 1), MAX_TEXT_CHARS))
        return judges[selector.service].profile(order) if selector.service in judges else None
    except AntiphonError:
        return None
