"""The area `music`: pieces beside people's, wishes obeyed, speed, tempo and key by ear, seeds, errors of the judges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from antiphon.bench import game_wishes, music_cheats, music_statistics
from antiphon.bench.composing import composing_figures
from antiphon.bench.figure import Figure, Step, figure

SECONDS = 60.0
SEEDS = 2
"""Pieces of each style that people's are compared with."""


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("pieces of every style beside people's", 70),
        Step("sixty prompts in game makers' words", 20),
        Step("50 pieces of music", 100),
        Step(f"cheats with music, {tries} tries each", 10.0 * tries),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - the signature of all areas
    """Each step before its figures."""
    measures: tuple[Callable[[], Iterator[Figure]], ...] = (
        statistics_figures,
        wishes_figures,
        composing_figures,
        partial(music_cheats.figures, tries),
    )
    for step, measure in zip(steps(tries), measures, strict=True):
        yield step
        for found in measure():
            yield found


def statistics_figures(seconds: float = SECONDS, seeds: int = SEEDS) -> Iterator[Figure]:
    """Each statistic in people's range, and a classifier that learns on one half of both."""
    ours, people = music_statistics.of_ours(seconds, seeds), music_statistics.of_people()
    note = f"{len(ours)} pieces of {seconds:g} s; {len(people)} by people"
    for name, share in music_statistics.within(ours, people).items():
        yield figure(f"in people's 10-90%: {name}", 100 * share, "%", ">= 80", note)
    symbolic = [row for row in people if set(row) != {music_statistics.LOUDNESS}]
    together, _ = music_statistics.told_apart(ours, symbolic)
    yield figure("told from people's by a classifier", 100 * together, "%", "<= 75", "of the half not learnt from")


def wishes_figures() -> Iterator[Figure]:
    """Of prompts that were written before the composer was."""
    found = list(game_wishes.wishes())
    obeyed = sum(wish.obeyed for wish in found)
    yield figure("wishes of game makers obeyed", 100 * obeyed / len(found), "%", ">= 85", f"{obeyed} of {len(found)}")
    others = [wish for wish in found if not wish.obeyed]
    told = sum(bool(wish.notes) for wish in others)
    yield figure("wishes neither obeyed nor told", len(others) - told, "wishes", "<= 0")
