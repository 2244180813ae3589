"""Music of any length: one composition, ordered by windows, joined sample by sample."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from antiphon.client.chaining import chained
from antiphon.client.client import Client, Job
from antiphon.client.events import SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.economy.types import Mode
from antiphon.ledger.operations import Selector
from antiphon.services import MAX_WINDOW_S, MusicRequest, Options, Service

OUTPUT_RATE_HZ = 44_100
OUTPUT_CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Composition:
    """What to compose. The piece is a function of prompt, length and seed, so its windows may come from many nodes."""

    prompt: str
    seconds: float
    seed: int
    loop: bool = False
    engine: str = ""
    asset: str = ""  # by this model only
    options: Options = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        return Selector(service=str(Service.MUSIC), engine=self.engine, asset=self.asset)

    def requests(self) -> Iterator[MusicRequest]:
        """Windows of equal length, as long as one subtask may be."""
        count = -int(-self.seconds // MAX_WINDOW_S)
        for number in range(count):
            yield MusicRequest(
                prompt=self.prompt,
                seconds=self.seconds,
                seed=self.seed,
                start_s=self.seconds * number / count,
                stop_s=self.seconds * (number + 1) / count,
                loop=self.loop,
                options=self.options,
            )


async def compose(
    client: Client, composition: Composition, policy: JobPolicy | None = None
) -> AsyncGenerator[SoundEvent, None]:
    """Have it composed through the network; sound comes at `OUTPUT_RATE_HZ`, in stereo. Closing early cancels."""
    job = Job(
        requests=list(composition.requests()),
        selector=composition.selector,
        mode=composition.mode,
        seed=composition.seed,
        max_total_nano=composition.max_total_nano,
        policy=policy,
    )
    async with aclosing(client.run(job)) as events, aclosing(chained(events, OUTPUT_RATE_HZ, OUTPUT_CHANNELS)) as sound:
        async for event in sound:
            yield event
