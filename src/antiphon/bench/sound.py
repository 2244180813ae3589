"""The area `sound`: cloned voices and music, as they are made and as they are judged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

from antiphon.audio.reference import prepare
from antiphon.bench import clone_cheats, music_cheats
from antiphon.bench.cloning import REFERENCES, cloning_figures
from antiphon.bench.composing import composing_figures
from antiphon.bench.figure import Figure
from antiphon.bench.sentences import HELD_OUT
from antiphon.clock import SystemClock
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.judges.cloning import CloneJudge
from antiphon.nodes.listening.speech import new_panel
from antiphon.protocol import Identity
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.services import Clip

SEED = 31_000
CONVERSIONS = 4
"""Of so many recordings in every voice: they take as long as the recordings last."""


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Figure]:  # noqa: ARG001 - the signature of all areas
    """`tries` for each cheat."""
    for found in composing_figures():
        yield found
    for found in music_cheats.figures(tries):
        yield found
    cloner = cast(Cloner, MimicEngine())  # not from the registry: measurements need no consent, and keep nothing
    for found in cloning_figures(cloner):
        yield found
    for found in clone_cheat_figures(cloner, tries):
        yield found


def clone_cheat_figures(cloner: Cloner, tries: int) -> Iterator[Figure]:
    """Recorded speakers, each with sentences that nothing was chosen by; about `tries` orders."""
    studio = clone_cheats.Studio(cloner)
    judges = CloneJudge(new_panel(), studio.render)
    clips = [prepare(file).clip for file in sorted(REFERENCES.glob("*.opus")) if not file.stem.startswith("other-")]
    speakers = [studio.enrol(f"speaker {n}", clip, _consent(clip)) for n, clip in enumerate(clips)]
    texts = HELD_OUT[: max(1, -(-tries // len(speakers)))]
    yield from clone_cheats.enrolment_figures(judges, speakers)
    yield from clone_cheats.clone_figures(judges, list(clone_cheats.cases(studio, speakers, texts, SEED)))
    sources = [_beginning(clip) for clip in clips[:CONVERSIONS]]
    orders = list(clone_cheats.conversions(studio, speakers, sources, SEED))
    yield from clone_cheats.conversion_figures(judges, orders)


def _beginning(clip: Clip, seconds: float = 6.0) -> Clip:
    return Clip(pcm=clip.pcm[: 2 * int(seconds * clip.rate_hz)], rate_hz=clip.rate_hz)


def _consent(clip: Clip) -> bytes:
    """The measurer's word: these recordings may be used for what is measured here, and nothing of it is kept."""
    clock = SystemClock()
    now_ms = clock.now_ms()
    grant = Grant(
        subject="a recording that ships for measurements",
        references=(clip.sha256,),
        uses=tuple(Use),
        grantee=ANYBODY,
        not_before_ms=now_ms - 1_000,
        until_ms=now_ms + 86_400_000,
    )
    return sign_grant(Identity.generate(), grant, clock)
