"""The guard every engine is handed out behind: whatever an engine would do, it clones nobody without a valid consent.

1. A request to learn or to use a voice needs a consent that names its reference and use and is in force now; it is
   checked before the engine sees the request (`check`, `generate`, `enrol`), each time.
2. An engine of another service gets no such request at all, whether or not it would know what to do with it.
3. The engine itself cannot be reached through the guard by any public name: only what is listed here passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, cast

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.clock import Clock
from antiphon.engines.auditing import Auditable, Claim, Finding, Trace
from antiphon.engines.base import Capabilities, Cloner, Engine, Retrained
from antiphon.errors import InputError
from antiphon.protocol.consent import require_for
from antiphon.services import CloneRequest, EnrolRequest, Request, Service


class _Guard:
    """An `Engine` that asks for the consent, then passes on. Subclassed for each engine: see `guarded`."""

    name: ClassVar[str]
    Options: ClassVar[type[msgspec.Struct]]
    __slots__ = ("__clock", "__clones", "__engine")

    def __init__(self, engine: Engine, *, clones: bool, clock: Clock) -> None:
        self.__engine = engine
        self.__clones = clones
        self.__clock = clock

    @property
    def capabilities(self) -> Capabilities:
        return self.__engine.capabilities

    def check(self, request: Request) -> None:
        self._pass(request).check(request)

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        return self._pass(request).generate(request, seed)

    def warm_up(self) -> None:
        """Load models now, if the engine knows how to."""
        begin = getattr(self.__engine, "warm_up", None)
        if begin is not None:
            begin()

    def _pass(self, request: Request) -> Engine:
        """The engine, once the request may reach it. Raises `InputError` or `ProtocolError` (a forged consent)."""
        if isinstance(request, EnrolRequest | CloneRequest):
            if not self.__clones:
                raise InputError(
                    f"The engine {self.name} does not clone voices", "Choose one that does; see: antiphon engines"
                )
            require_for(request, at_ms=self.__clock.now_ms())
        return self.__engine

    def _renewed(self, make: Callable[[Engine], Engine]) -> Engine:
        """Another engine made of this one, behind a guard of its own, which may do no more."""
        made = make(self.__engine)
        return guarded(made, made.capabilities.services if self.__clones else (), self.__clock)

    def __repr__(self) -> str:
        return f"<{self.name} behind its guard>"


class _CloneGuard(_Guard):
    """The same for a `Cloner`."""

    __slots__ = ()

    def enrol(self, request: EnrolRequest, seed: int) -> bytes:
        if not isinstance(request, EnrolRequest):
            raise InputError("Only a recording can be enrolled", "Send an EnrolRequest.")
        return cast(Cloner, self._pass(request)).enrol(request, seed)


class _AuditGuard(_Guard):
    """The same for an `Auditable` engine."""

    __slots__ = ()

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], Trace]:
        return cast(Auditable, self._pass(request)).traced(request, seed)

    def audit(self, claim: Claim) -> Finding:
        return cast(Auditable, self._pass(claim.request)).audit(claim)


class _RetrainedGuard(_Guard):
    """The same for an engine that may have other weights."""

    __slots__ = ()

    def with_weights(self, folder: Path) -> Engine:
        return self._renewed(lambda engine: cast(Retrained, engine).with_weights(folder))


def guarded(engine: Engine, services: tuple[str, ...], clock: Clock) -> Engine:
    """`engine` behind its guard: a `Cloner` if it is one, with its name, Options and capabilities.

    What it may do follows `services`, as they were when it was loaded: a plugin that changes its mind gains nothing.
    """
    clones = isinstance(engine, Cloner) and Service.CLONE in services
    also = (clones, _CloneGuard), (_audits(engine), _AuditGuard), (isinstance(engine, Retrained), _RetrainedGuard)
    bases = tuple(guard for able, guard in also if able) or (_Guard,)
    kind = type(bases[0].__name__, bases, {"name": engine.name, "Options": engine.Options, "__slots__": ()})
    return cast(Engine, kind(engine, clones=clones, clock=clock))


def _audits(engine: Engine) -> bool:
    return isinstance(engine, Auditable) and engine.capabilities.auditable
