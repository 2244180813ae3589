"""Score memory: Q of one node in one role for one service, an integer EMA of its settled parts."""

from __future__ import annotations

from antiphon.economy.types import PPM, Rules


def prior(rules: Rules) -> int:
    """Q in ppm of a node nobody has judged yet."""
    return rules.prior_quality_ppm


def remember(quality_ppm: int, score_ppm: int, rules: Rules) -> int:
    """One step Q + alpha * (score - Q), rounded down, kept in [floor, 1]. A negative score punishes."""
    moved = quality_ppm + rules.score_alpha_ppm * (score_ppm - quality_ppm) // PPM
    return min(PPM, max(rules.floor_quality_ppm, moved))


def attend(abstained_ppm: int, rules: Rules, *, voted: bool) -> int:
    """How often a validator abstains, in ppm, after one more seat."""
    return abstained_ppm + rules.score_alpha_ppm * ((0 if voted else PPM) - abstained_ppm) // PPM
