"""How many cheats are caught, and how many honest deliveries are wronged."""

from __future__ import annotations

from collections.abc import Iterator

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


def short_figures(evaluator: Evaluator, tries: int) -> Iterator[Figure]:
    """The same for one to three words: five hundred utterances at 100 tries, cheats of the same lengths."""
    for engine, voices in SHORT_VOICES.items():
        count = 5 * tries if engine in {"hibari", "espeak"} else tries
        counts = cheats.verdicts(evaluator, cheats.honest, cheats.short_cases(voices, count, seed=3))
        note = f"{count} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        wrong = 100 * counts[Verdict.INVALID] / count
        yield figure(f"one to three words: honest {engine} wrongly rejected", wrong, "of 100", "<= 1", note)
    for name, cheat in cheats.SHORT_CHEATS.items():
        counts = cheats.verdicts(evaluator, cheat, cheats.short_cases(SHORT_CHEATED, tries, seed=4))
        caught = 100 * counts[Verdict.INVALID] / tries
        note = f"{tries} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"one to three words: cheat rejected: {name}", caught, "of 100", ">= 95", note)


def cheat_figures(evaluator: Evaluator, tries: int) -> Iterator[Figure]:
    """Per cheat the share rejected, per honest engine the share wrongly rejected; inconclusive counts as neither."""
    for voice in VOICES:
        share = max(1, tries // 3) if voice == "af_heart" else tries
        counts = cheats.verdicts(evaluator, cheats.honest, cheats.cases(voice, share, seed=1))
        wrong = 100 * counts[Verdict.INVALID] / share
        note = f"{share} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"honest {voice} wrongly rejected", wrong, "of 100", "<= 2", note)
    for name, cheat in cheats.CHEATS.items():
        counts = cheats.verdicts(evaluator, cheat, cheats.cases("hibari", tries, seed=2))
        caught = 100 * counts[Verdict.INVALID] / tries
        note = f"{tries} tries, {counts[Verdict.INCONCLUSIVE]} inconclusive"
        yield figure(f"cheat rejected: {name}", caught, "of 100", ">= 95", note)
