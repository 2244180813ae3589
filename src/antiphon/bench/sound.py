"""The area `sound`: cloned voices, as they are made and as they are judged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

from antiphon.audio import Waveform
from antiphon.audio.reference import prepare
from antiphon.audio.stretches import stretches
from antiphon.bench import clone_cheats, short_clones
from antiphon.bench.cloning import REFERENCES, cloning_figures
from antiphon.bench.figure import Figure, Step
from antiphon.bench.sentences import HELD_OUT
from antiphon.clock import SystemClock
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.judges.cloning import CloneMeters
from antiphon.judges.speech.judge import new_meters
from antiphon.nodes.evaluation.rendering import render
from antiphon.protocol import Identity
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.services import Clip

SEED = 31_000
SPEAKING_ENGLISH = ("allison", "librivox")
"""Voice to voice recognises and speaks English only, so only these recordings can be converted."""
LEAST_S, MOST_S = 3.0, 6.0


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("cloned voices", 120),
        Step(f"cheats with clones, {tries} tries each", 20.0 * tries),
        Step(f"clones of one to four words, {tries} tries each, by two cloners", 24.0 * tries),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - the signature of all areas
    """`tries` for each cheat. Each step before its figures."""
    clones, forged_clones, short = steps(tries)
    yield clones
    cloner = cast(Cloner, MimicEngine())  # not from the registry: measurements need no consent, and keep nothing
    for found in cloning_figures(cloner):
        yield found
    yield forged_clones
    for found in clone_cheat_figures(cloner, tries):
        yield found
    yield short
    for one in (cloner, cast(Cloner, SoundStormEngine())):
        for found in short_clone_figures(one, tries):
            yield found


def clone_cheat_figures(cloner: Cloner, tries: int) -> Iterator[Figure]:
    """Recorded speakers, each with sentences that nothing was chosen by; about `tries` orders."""
    studio = clone_cheats.Studio(cloner)
    judges = CloneMeters(new_meters(render), studio.render)
    files = [file for file in sorted(REFERENCES.glob("*.opus")) if not file.stem.startswith("other-")]
    clips = {file.stem: prepare(file).clip for file in files}
    speakers = [studio.enrol(name, clip, consent_to(clip)) for name, clip in clips.items()]
    texts = HELD_OUT[: max(1, -(-tries // len(speakers)))]
    yield from clone_cheats.enrolment_figures(judges, speakers)
    yield from clone_cheats.clone_figures(judges, list(clone_cheats.cases(studio, speakers, texts, SEED)))
    sources = [stretch for name in SPEAKING_ENGLISH for stretch in _stretches(clips[name])]
    orders = list(clone_cheats.conversions(studio, speakers, sources, SEED))
    yield from clone_cheats.conversion_figures(judges, orders)


def short_clone_figures(cloner: Cloner, tries: int) -> Iterator[Figure]:
    """One to four words by every recorded voice."""
    studio = clone_cheats.Studio(cloner)
    judges = CloneMeters(new_meters(render), studio.render)
    speakers = [studio.enrol(name, clip, consent_to(clip)) for name, clip in short_clones.references().items()]
    yield from short_clones.figures(cloner.name, judges, studio, speakers, tries)


def _stretches(clip: Clip) -> Iterator[Clip]:
    """Pieces of `LEAST_S` to `MOST_S`, cut in pauses."""
    for piece in stretches(Waveform.from_pcm16(clip.pcm, clip.rate_hz), MOST_S):
        if piece.duration_s >= LEAST_S:
            yield Clip(pcm=piece.to_pcm16(), rate_hz=piece.rate_hz)


def consent_to(clip: Clip) -> bytes:
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
