"""How music is judged."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import ScoringProfile
from antiphon.errors import InputError
from antiphon.judges import metrics
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.metric import Metric
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.scoring import FIXED, MUSIC
from antiphon.services import MusicRequest, Request, Service, service_of

if TYPE_CHECKING:
    from antiphon.judges.music.meters import MusicMeters


class MusicJudge:
    """Windows of pieces: whole, undamaged, nobody's earlier work, and what the prompt asks for."""

    name: ClassVar[str] = "music"
    metrics: ClassVar[tuple[Metric, ...]] = metrics.MUSIC

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """None."""

    def __init__(self, options: Options, tools: Tools) -> None:  # noqa: ARG002 - the contract's
        self._meters: MusicMeters | None = None
        self._lock = threading.Lock()

    @property
    def capabilities(self) -> JudgeCapabilities:
        return JudgeCapabilities(service=Service.MUSIC)

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        evidence = MusicEvidence(
            request=_music(request),
            audio=delivery.audio,
            declared_rate_hz=delivery.declared_rate_hz,
            declared_samples=delivery.declared_samples,
        )
        return self._loaded().measure(evidence)

    def profile(self, request: Request) -> ScoringProfile:
        return FIXED if _music(request).fixed else MUSIC

    def _loaded(self) -> MusicMeters:
        from antiphon.judges.music.meters import MusicMeters  # composer and chip, which most commands never need

        with self._lock:
            if self._meters is None:
                self._meters = MusicMeters()
            return self._meters


def _music(request: Request) -> MusicRequest:
    if not isinstance(request, MusicRequest):
        raise InputError(f"A request of {service_of(request)} is no music", "Ask the judge of that service.")
    return request
