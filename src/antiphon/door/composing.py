"""Music from free words, as an order."""

from __future__ import annotations

import math
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from antiphon.audio import MUSIC_LUFS
from antiphon.client.composing import OUTPUT_CHANNELS, OUTPUT_RATE_HZ, Composition, compose
from antiphon.client.events import SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.door.connecting import Session
from antiphon.door.ordering import (
    Charge,
    OrderFields,
    OrderOptions,
    SoundOrder,
    check_asset,
    check_text,
    checked_seed,
)
from antiphon.economy.types import Mode
from antiphon.engines import registry, scored
from antiphon.errors import InputError
from antiphon.music.brief import read
from antiphon.music.planning import length_of
from antiphon.services import units_of

DEFAULT_SECONDS = 30.0
MAX_RANDOM_SEED = 1_000_000


class ComposeFields(OrderFields, total=False):
    """The fields of `Compose` that are not its text, as keywords."""

    seconds: float | None
    loop: bool
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose(OrderOptions):
    """A piece to be composed. `seconds` None: what the prompt says, or 30. `loop`: the end leads into the beginning.
    `seed` None: a new piece each time. `asset`: only by those that run this model, of Ruby where no engine is
    named. The rest is as in `Say`."""

    prompt: str
    seconds: float | None = None
    loop: bool = False
    asset: str = ""

    def composition(self) -> tuple[Composition, tuple[str, ...]]:
        """What is ordered, and what has to be told about how the words were understood. Raises `InputError`."""
        self.check_options()
        check_text(self.prompt)
        if not isinstance(self.loop, bool):
            raise InputError(f"loop is {self.loop!r}", "Give True or False.")
        if self.seconds is not None and (isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float)):
            raise InputError(f"seconds is {self.seconds!r}", "Give a number, or None.")
        if not self.prompt.strip():
            raise InputError("The prompt is empty", 'Write for example: antiphon compose "calm shop theme, F major"')
        check_asset(self.asset)
        brief = read(self.prompt)
        seed = checked_seed(self.seed)
        seed = secrets.randbelow(MAX_RANDOM_SEED) if seed is None else seed
        loop = self.loop or brief.loop
        meant = brief.seconds or length_of(brief, seed, loop=loop) or DEFAULT_SECONDS
        seconds = self.seconds if self.seconds is not None else meant
        told = list(brief.notes)
        if self.seconds is not None and brief.seconds is not None and abs(brief.seconds - seconds) > 0.01:
            told.append(f"The prompt says {brief.seconds:g} s, --seconds says {seconds:g}: --seconds counts.")
        if not 0 < seconds < math.inf:
            raise InputError(f"{seconds:g} s of music is outside 1-600", "Change --seconds.")
        composition = Composition(
            prompt=self.prompt,
            seconds=seconds,
            seed=seed,
            loop=loop,
            engine=self.engine or (scored.RETRAINED if self.asset else scored.DEFAULT),  # a seed is of one engine
            asset=self.asset,
            options=self.options,
            mode=self.mode,
            max_total_nano=self.max_cost_nano,
        )
        next(composition.requests())  # its own limits, before anything starts
        _check(composition)
        if (composition.engine or scored.DEFAULT) in scored.ENGINES:
            if composition.loop:
                composition = _whole_bars(composition, told)
            told += scored.plan_of(next(composition.requests()), composition.engine).notes
        return composition, tuple(dict.fromkeys(told))


def composed(composition: Composition) -> SoundOrder:
    """The order of a composition."""

    def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
        return compose(session.client, composition, policy)

    return SoundOrder(
        produce=produce,
        selector=composition.selector,
        rate_hz=OUTPUT_RATE_HZ,
        channels=OUTPUT_CHANNELS,
        charges=(Charge(composition.selector, sum(map(units_of, composition.requests()))),),
        max_total_nano=composition.max_total_nano,
        loudness_lufs=MUSIC_LUFS,
        streams=composition.mode is Mode.STREAM,
    )


def _whole_bars(composition: Composition, told: list[str]) -> Composition:
    """A loop has whole bars, or it would stumble where it begins again."""
    seconds = scored.plan_of(next(composition.requests()), composition.engine).seconds
    if abs(seconds - composition.seconds) > 0.005:
        told.append(f"The loop lasts {seconds:.2f} s: the whole bars nearest to {composition.seconds:g} s.")
    return replace(composition, seconds=seconds)


def _check(composition: Composition) -> None:
    """What an engine will say no to is said before anything starts. Raises `InputError`."""
    name = composition.engine or scored.DEFAULT
    if composition.engine and name not in registry.names():
        raise InputError(f"Unknown engine {name!r}", f"Engines: {', '.join(registry.names())}.")
    registry.load(name).check(next(composition.requests()))
