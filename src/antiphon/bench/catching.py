"""How many cheats are caught, and how many honest deliveries are wronged."""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.bench import cheats
from antiphon.bench.figure import Figure, figure
from antiphon.economy.types import Verdict
from antiphon.nodes.listening import Listener

VOICES = ("hibari", "af_heart", "espeak-en-us")
"""Honest work of every engine; cheats pretend to be the default voice."""


def cheat_figures(listener: Listener, tries: int) -> Iterator[Figure]:
    """Per cheat the share rejected, per honest engine the share wrongly rejected; inconclusive counts as neither."""
    for voice in VOICES:
        share = max(1, tries // 3) if voice == "af_heart" else tries
        counts = cheats.verdicts(listener, cheats.honest, cheats.cases(voice, share, seed=1))
        wrong = 100 * counts[Verdict.INVALID] / share
        note = f"{share} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"honest {voice} wrongly rejected", wrong, "of 100", "<= 2", note)
    for name, cheat in cheats.CHEATS.items():
        counts = cheats.verdicts(listener, cheat, cheats.cases("hibari", tries, seed=2))
        caught = 100 * counts[Verdict.INVALID] / tries
        note = f"{tries} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"cheat rejected: {name}", caught, "of 100", ">= 95", note)
