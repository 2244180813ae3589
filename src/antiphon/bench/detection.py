"""How many cheats are caught, and how many honest deliveries are wronged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from antiphon.bench import cheats
from antiphon.bench.figure import Figure, figure
from antiphon.economy.types import Verdict
from antiphon.nodes.evaluation import Evaluator

VOICES = ("hibari", "af_heart", "espeak-en-us")
"""Honest work of every engine; cheats pretend to be the default voice."""

SHORT_VOICES: dict[str, tuple[str, ...]] = {
    "hibari": ("hibari",),
    "espeak": ("espeak-en-us", "espeak-en-gb"),
    "Kokoro": (
        "af_heart", "af_bella", "af_nicole", "am_michael", "am_adam", "bf_emma", "bm_george", "bm_fable", "af_jessica",
        "am_santa",
    ),
    "mixes": ("af_heart:0.6+bm_george:0.4", "af_heart:0.6+bf_emma:0.4", "am_michael+af_bella:2"),
    "soundstorm": ("aspen", "birch", "cedar", "hazel", "rowan", "willow"),
}  # fmt: skip
"""Every built-in engine of speech: utterances are spread over its voices."""
SHORT_CHEATED = ("hibari", "af_bella", "am_adam")
_SHORT = "one to three words: "


@dataclass(frozen=True, slots=True)
class Series:
    """One line of the figures: `tries` deliveries of one kind, and how many of 100 may be found invalid.

    `orders(start)` gives the orders from one on, so that a measurement can go on where it ended.
    """

    name: str
    deliver: cheats.Cheat
    orders: Callable[[int], Iterator[cheats.Case]]
    tries: int
    target: str

    def figure(self, counts: Mapping[Verdict, int]) -> Figure:
        """Inconclusive counts as neither valid nor invalid."""
        tries = sum(counts.values())
        note = f"{tries} tries, {counts.get(Verdict.INCONCLUSIVE, 0)} inconclusive"
        return figure(self.name, 100 * counts.get(Verdict.INVALID, 0) / tries, "of 100", self.target, note)


def short_series(tries: int) -> Iterator[Series]:
    """One to three words: five hundred utterances at 100 tries, cheats of the same lengths."""
    for engine, voices in SHORT_VOICES.items():
        count = 5 * tries if engine in {"hibari", "espeak"} else tries
        name = f"{_SHORT}honest {engine} wrongly rejected"
        yield Series(name, cheats.honest, _short(voices, count, 3), count, "<= 1")
    for name, cheat in cheats.SHORT_CHEATS.items():
        orders = _short(SHORT_CHEATED, tries, 4)
        yield Series(f"{_SHORT}cheat rejected: {name}", cheat, orders, tries, ">= 95")


def sentence_series(tries: int) -> Iterator[Series]:
    """Sentences: per cheat the share rejected, per honest engine the share wrongly rejected."""
    for voice in VOICES:
        count = max(1, tries // 3) if voice == "af_heart" else tries
        yield Series(f"honest {voice} wrongly rejected", cheats.honest, _sentences(voice, count, 1), count, "<= 2")
    for name, cheat in cheats.CHEATS.items():
        yield Series(f"cheat rejected: {name}", cheat, _sentences("hibari", tries, 2), tries, ">= 95")


def figures(evaluator: Evaluator, series: Iterator[Series]) -> Iterator[Figure]:
    """Each line when it is measured."""
    for one in series:
        yield one.figure(cheats.verdicts(evaluator, one.deliver, one.orders(0)))


def _short(voices: tuple[str, ...], count: int, seed: int) -> Callable[[int], Iterator[cheats.Case]]:
    return lambda start: cheats.short_cases(voices, count, seed, start=start)


def _sentences(voice: str, count: int, seed: int) -> Callable[[int], Iterator[cheats.Case]]:
    return lambda start: cheats.cases(voice, count, seed, start=start)
