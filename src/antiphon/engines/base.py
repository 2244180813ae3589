"""The contract of an engine: what a processor node can run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.services import MAX_SPEED, EnrolRequest, Request, Service


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """One voice an engine offers. `name` is unique across engines; `language` is BCP 47."""

    name: str
    language: str
    engine: str
    gender: str = ""
    description: str = ""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can do, and what it costs to run. `rtf` = compute seconds per audio second on one core.

    `max_speed`: up to which pace its speech is understood, where speed 2 costs more than ten words of a hundred
    (docs/figures.md, "Pace").
    `clones`: a `Cloner` of another service serves `clone` too, at the same price. `auditable`: it is an
    `engines.auditing.Auditable`, and work in its voices is committed to step by step.
    """

    service: str
    languages: tuple[str, ...]
    voices: tuple[Voice, ...]
    rate_hz: int
    rtf: float
    streams: bool
    seeded: bool
    channels: int = 1
    mixes_voices: bool = False
    clones: bool = False
    auditable: bool = False
    max_speed: float = MAX_SPEED
    licence: str = ""

    @property
    def services(self) -> tuple[str, ...]:
        """What it may be asked for: its own service first."""
        return (self.service, Service.CLONE) if self.clones and self.service != Service.CLONE else (self.service,)


@runtime_checkable
class Engine(Protocol):
    """Text (or more) in, audio out.

    `generate` yields mono chunks as they are ready; concatenated they are the whole answer. It is called from a worker
    thread, must be re-entrant, and raises `InputError` for a request it cannot serve. The same request and seed give
    the same audio on one machine when `capabilities.seeded`.
    """

    name: ClassVar[str]
    Options: ClassVar[type[msgspec.Struct]]

    @property
    def capabilities(self) -> Capabilities: ...

    def check(self, request: Request) -> None:
        """Raise `InputError` (with the choices or the nearest name) if this engine cannot serve the request."""

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]: ...


@runtime_checkable
class Cloner(Engine, Protocol):
    """An engine that serves `clone`: `enrol` learns a voice, `generate` speaks a `CloneRequest` with it.

    No cloner checks consent itself: the registry hands out cloners only behind a guard that does.
    """

    def enrol(self, request: EnrolRequest, seed: int) -> bytes:
        """`VoiceProfile.data` of the reference. Raises `InputError` for a reference that holds no usable voice."""


@runtime_checkable
class Retrained(Engine, Protocol):
    """An engine that runs with other weights than those that ship, of the same make."""

    def with_weights(self, folder: Path) -> Engine:
        """The engine with the weights in `folder`, which are verified. Raises `ModelError` for others' weights."""


@runtime_checkable
class Family(Protocol):
    """Engines of one kind that differ in what they are opened with: a server's URL, a file of weights.

    `open` may take its time and ask whom it must. What it makes has a name of its own, which no installed engine has.
    """

    name: ClassVar[str]
    Options: ClassVar[type[msgspec.Struct]]

    def open(self, argument: str, options: Any) -> Engine:
        """`options`: as `Options`. Raises `InputError` for what cannot be opened, and what keeps it from being."""
