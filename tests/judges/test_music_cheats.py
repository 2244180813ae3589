"""Cheats with music on a few orders; the figures over many are the bench's."""

from __future__ import annotations

import pytest

from antiphon.bench import music_cheats
from antiphon.economy.types import Verdict
from antiphon.music import prompts as music_prompts

SEED = 40


@pytest.mark.slow
@pytest.mark.parametrize("name", [*music_cheats.CHEATS, *music_cheats.MORE_CHEATS])
def test_cheats_are_rejected(name: str) -> None:
    cheat = {**music_cheats.CHEATS, **music_cheats.MORE_CHEATS}[name]
    assert music_cheats.verdicts(cheat, 2, SEED)[Verdict.INVALID] == 2


@pytest.mark.slow
def test_honest_music_is_valid_and_mostly_scores_higher_for_its_own_prompt() -> None:
    assert music_cheats.verdicts(music_cheats.honest, 3, SEED)[Verdict.VALID] == 3
    assert music_cheats.matching(5, SEED) >= 60


def test_prompts_differ_and_are_the_same_for_a_seed() -> None:
    prompts = music_prompts.prompts(1, 200)
    assert len(set(prompts)) == 200
    assert prompts == music_prompts.prompts(1, 200)
    assert prompts != music_prompts.prompts(2, 200)
