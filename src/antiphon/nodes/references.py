"""What is known of an ordered voice: its measured card, or for a mix the cards of its components."""

from __future__ import annotations

from antiphon.judges.base import VoiceReference
from antiphon.judges.cards import card


def reference_of(voice: str) -> VoiceReference | None:
    """The reference of a single voice; of a mix nothing is known beforehand but its components' range of quality."""
    if "+" not in voice and ":" not in voice:
        return card(voice)
    cards = [found for name in voice.split("+") if (found := card(name.partition(":")[0])) is not None]
    if not cards:
        return None
    mos = {}
    for predictor in set.intersection(*(set(found.mos) for found in cards)):
        lowest = min((found.mos[predictor] for found in cards), key=lambda pair: pair[0] - pair[1])
        mos[predictor] = lowest
    return VoiceReference(embedding=None, mos=mos)
