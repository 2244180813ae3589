"""What a producer runs: an engine with a price, worked in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from antiphon.audio import Waveform
from antiphon.engines.base import Engine
from antiphon.ledger.operations import ServiceOffer
from antiphon.services import Request

_END = object()


class Workshop(Protocol):
    """Turns requests into audio. `offer` is what the ledger announces."""

    @property
    def offer(self) -> ServiceOffer: ...

    @property
    def rate_hz(self) -> int: ...

    def check(self, request: Request) -> None: ...

    def produce(self, request: Request, seed: int) -> Iterator[Waveform]: ...


class EngineWorkshop:
    """An engine at a price per unit."""

    def __init__(self, engine: Engine, price_nano: int) -> None:
        self._engine = engine
        self._price_nano = price_nano

    @property
    def offer(self) -> ServiceOffer:
        can = self._engine.capabilities
        return ServiceOffer(
            service=str(can.service),
            price_nano=self._price_nano,
            languages=can.languages,
            engine=self._engine.name,
            voices=tuple(voice.name for voice in can.voices),
            mixes_voices=can.mixes_voices,
        )

    @property
    def rate_hz(self) -> int:
        return self._engine.capabilities.rate_hz

    def check(self, request: Request) -> None:
        self._engine.check(request)

    def produce(self, request: Request, seed: int) -> Iterator[Waveform]:
        return self._engine.generate(request, seed)


async def in_threads(pool: ThreadPoolExecutor, chunks: Iterator[Waveform]) -> AsyncGenerator[Waveform, None]:
    """Pull a blocking iterator from a pool, one chunk at a time: nothing runs ahead of the reader."""
    loop = asyncio.get_running_loop()
    while True:
        chunk = await loop.run_in_executor(pool, next, chunks, _END)
        if not isinstance(chunk, Waveform):
            return
        yield chunk
