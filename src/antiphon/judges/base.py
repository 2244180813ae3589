"""The contract of a judge: what a validator measures of one service's deliveries, and how that is weighed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import ScoringProfile
from antiphon.judges.metric import Metric
from antiphon.services import Request


class JudgeCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Which service a judge is of, and in which languages it can check words (`en` covers `en-us`; empty = any)."""

    service: str
    languages: tuple[str, ...] = ()
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered, exactly as the client gets it, and what was declared of it."""

    audio: Waveform | None  # None: it is no sound, or does not decode
    declared_rate_hz: int
    declared_samples: int  # per channel
    data: bytes | None = None  # a result that is no sound, such as a voice profile; None: it does not open
    places: bytes = b""  # decides where a long clip is listened to; whoever made the clip could not know it
    seed: int = 0  # the order's


class Tools(Protocol):
    """What a validator's machine gives to its judges."""

    def render(self, request: Request, seed: int) -> Waveform:
        """What an engine installed here makes of an order, mono. Raises `UnavailableError` when that cannot be tried
        here (no such engine, no consent to speak), `InputError` when the engine refuses."""

    def judge(self, name: str) -> Judge:
        """Another judge of this machine, so that models are loaded once. Raises `InputError` and `ModelError`."""


@runtime_checkable
class Judge(Protocol):
    """Measures; never decides. Built as `Kind(options, tools)`; called from worker threads, so it must be re-entrant.

    `metrics` are all that it may give. Building one and reading its capabilities loads no model. Two things more it may
    have: `warm_up()`, which loads what it needs, and `close()`.
    """

    name: ClassVar[str]
    Options: ClassVar[type[msgspec.Struct]]
    metrics: ClassVar[tuple[Metric, ...]]

    @property
    def capabilities(self) -> JudgeCapabilities: ...

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        """Never raises for bad work: what cannot be measured is an inconclusive `Measurement` with its reason. Raises
        `InputError` for a request of another service."""

    def profile(self, request: Request) -> ScoringProfile:
        """What rejects work for this order, and what weighs how much: from the order alone, so that all validators
        have the same."""
