"""What a producer runs: an engine with a price, worked in threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import numpy as np

from antiphon.audio import Waveform
from antiphon.dama.packing import asset_of_engine
from antiphon.engines.auditing import Auditable, Trace
from antiphon.engines.base import Cloner, Engine
from antiphon.errors import AntiphonError, InputError, UnavailableError
from antiphon.ledger.operations import ServiceOffer
from antiphon.parties.messages import DATA, Form
from antiphon.protocol import canonical
from antiphon.services import EnrolRequest, Request, Service, VoiceProfile


class EngineRunner(Protocol):
    """Turns requests into results of one form. `offers` is what the ledger announces."""

    @property
    def offers(self) -> tuple[ServiceOffer, ...]: ...

    @property
    def form(self) -> Form: ...

    def check(self, request: Request) -> None: ...

    def produce(self, request: Request, seed: int) -> Iterator[bytes]: ...


@runtime_checkable
class TracingRunner(EngineRunner, Protocol):
    """One that can tell how it made a result. The trace is whole once all of the result was made."""

    def traced(self, request: Request, seed: int) -> tuple[Iterator[bytes], Trace | None]: ...


class GenerationRunner:
    """An engine at a price per unit. `asset`: the model that it runs; None: the one that ships."""

    def __init__(self, engine: Engine, price_nano: int, asset: str | None = None) -> None:
        self._engine = engine
        self._price_nano = price_nano
        self._asset = asset_of_engine(engine.name) if asset is None else asset

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        """One for each service; built-in voices belong to the engine's own."""
        can = self._engine.capabilities
        return tuple(
            ServiceOffer(
                service=str(service),
                price_nano=self._price_nano,
                languages=can.languages,
                engine=self._engine.name,
                voices=tuple(voice.name for voice in can.voices) if service == can.service else (),
                mixes_voices=can.mixes_voices,
                asset=self._asset,
            )
            for service in can.services
        )

    @property
    def form(self) -> Form:
        can = self._engine.capabilities
        return Form(rate_hz=can.rate_hz, channels=can.channels)

    def check(self, request: Request) -> None:
        self._engine.check(request)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        return self.traced(request, seed)[0]

    def traced(self, request: Request, seed: int) -> tuple[Iterator[bytes], Trace | None]:
        """Raises `UnavailableError` for an engine that breaks its word about the form. No trace: it has none."""
        if self._engine.capabilities.auditable and isinstance(self._engine, Auditable):
            chunks, trace = self._engine.traced(request, seed)
            return self._checked(chunks), trace
        return self._checked(self._engine.generate(request, seed)), None

    def _checked(self, chunks: Iterator[Waveform]) -> Iterator[bytes]:
        form = self.form
        for chunk in chunks:
            if (chunk.rate_hz, chunk.channels) != (form.rate_hz, form.channels):
                raise UnavailableError(
                    f"The engine made {chunk.channels}-channel audio at {chunk.rate_hz} Hz, "
                    f"not {form.channels} at {form.rate_hz}",
                    "Ask another node.",
                )
            if not np.isfinite(chunk.samples).all():  # as 16-bit numbers it would be silence or noise, and paid for
                raise UnavailableError("The engine made samples that are no numbers", "Ask another node.")
            yield chunk.to_pcm16()


Describe = Callable[[EnrolRequest, bytes, Cloner], VoiceProfile]
"""Listens to what an engine learnt from a reference (`VoiceProfile.data`), and writes down how it sounds."""


class EnrolmentRunner:
    """A trainer's: a cloner that learns voices, at a price per unit. Its results are voice profiles."""

    form = DATA

    def __init__(self, engine: Cloner, price_nano: int, describe: Describe) -> None:
        self._engine = engine
        self._price_nano = price_nano
        self._describe = describe

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        can = self._engine.capabilities
        return (
            ServiceOffer(
                service=str(Service.CLONE),
                price_nano=self._price_nano,
                languages=can.languages,
                engine=self._engine.name,
                asset=asset_of_engine(self._engine.name),
            ),
        )

    def check(self, request: Request) -> None:
        if not isinstance(request, EnrolRequest):
            raise InputError("A trainer enrols voices, and this is another request", "Send it to a processor.")
        self._engine.check(request)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        self.check(request)
        assert isinstance(request, EnrolRequest)
        yield canonical.encode(self._describe(request, self._engine.enrol(request, seed), self._engine))


class Chunks:
    """A blocking iterator, pulled in a pool's threads one chunk at a time."""

    def __init__(self, pool: ThreadPoolExecutor, chunks: Iterator[bytes]) -> None:
        self._pool = pool
        self._chunks = chunks

    async def pull(self) -> bytes | None:
        """The next chunk; None at the end. Raises `UnavailableError` when the engine fails."""
        loop = asyncio.get_running_loop()
        try:
            chunk = await loop.run_in_executor(self._pool, next, self._chunks, None)
        except AntiphonError:
            raise
        except (Exception, SystemExit) as e:  # an engine that would end the program ends its answer
            raise UnavailableError(f"The engine failed: {type(e).__name__}: {e}", "Ask another node.") from e
        return chunk

    def close(self) -> None:
        """Let the engine clean up, in its own thread: it may be in the middle of a chunk."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            with contextlib.suppress(RuntimeError):  # the pool is shut down: the node is gone
                self._pool.submit(close)
