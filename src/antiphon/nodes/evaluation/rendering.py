"""What the engines installed here make of an order: for judges, who do not know engines, and for trainers."""

from __future__ import annotations

import numpy as np

from antiphon.audio import Waveform
from antiphon.clock import SystemClock
from antiphon.engines import registry
from antiphon.engines.base import Cloner, Engine
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.judges import cloning
from antiphon.protocol.consent import require_for
from antiphon.services import CloneRequest, EnrolRequest, Request, SpeechRequest, VoiceProfile, service_of


def describe(request: EnrolRequest, data: bytes, engine: Cloner) -> VoiceProfile:
    """A trainer's profile: what its engine learnt, and how the reference and the engine's own test sentence sound."""
    return cloning.describe(request, engine.name, data, lambda order, seed: _spoken(engine, order, seed))


def render(request: Request, seed: int) -> Waveform:
    """The whole answer of the engine that an order names, mono; `judges.base.Tools.render` says what it raises."""
    match request:
        case SpeechRequest():
            engine: Engine = registry.load(registry.engine_for(request.voice))
        case CloneRequest():
            engine = _cloner_of(request)
        case _:
            engine = _engine_of(service_of(request))
    return _spoken(engine, request, seed)


def _cloner_of(request: CloneRequest) -> Cloner:
    name = request.profile.engine
    if name not in registry.names():
        raise UnavailableError(f"The engine {name} is not installed here", "Install it to judge its voices.")
    engine = registry.load(name)
    if not isinstance(engine, Cloner):
        raise UnavailableError(f"The engine {name} here is no cloner", "Install the one that made the profile.")
    try:
        require_for(request, at_ms=SystemClock().now_ms())
    except AntiphonError as error:  # such as one that ran out since the order: not the producer's fault
        raise UnavailableError(f"The profile may not be tried here: {error.what}", error.hint) from error
    return engine


def _engine_of(service: str) -> Engine:
    """The first that is installed."""
    for name, able in registry.installed().capabilities().items():
        if service in able.services:
            return registry.load(name)
    raise UnavailableError(f"No engine of the service {service} is installed here", "Install one to compare with.")


def _spoken(engine: Engine, request: Request, seed: int) -> Waveform:
    chunks = [chunk.mono() for chunk in engine.generate(request, seed)]
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
