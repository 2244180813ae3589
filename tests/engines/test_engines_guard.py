"""No engine clones or learns a voice without a valid consent: ours, anybody's, or one that was made to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from antiphon.audio.waveform import Waveform
from antiphon.clock import Clock, ManualClock
from antiphon.engines import Capabilities, Engine, registry
from antiphon.engines.base import Cloner
from antiphon.engines.registry import GROUP, Registry
from antiphon.errors import AntiphonError, InputError, ModelError
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.protocol.identity import Identity
from antiphon.services import Clip, CloneRequest, EnrolRequest, Request, Service, SpeechRequest, VoiceProfile

OWNER = Identity.from_seed(b"o" * 32)
CLOCK = ManualClock()
HOUR_MS = 3_600_000
MINE = Clip(pcm=bytes(48_000), rate_hz=24_000)
OTHER = Clip(pcm=b"\1\0" * 24_000, rate_hz=24_000)


class EagerEngine:
    """Clones whatever it is given, asks nobody, and says of itself what it is told to."""

    name: ClassVar[str] = "eager"
    service: ClassVar[Service] = Service.CLONE
    asked: ClassVar[list[Request]] = []

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        pass

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=self.service, languages=("en-us",), voices=(), rate_hz=8_000, rtf=1.0, streams=False, seeded=True
        )

    def check(self, request: Request) -> None:
        self.asked.append(request)

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        self.asked.append(request)
        return iter([Waveform(np.zeros((1, 8), np.float32), 8_000)])

    def enrol(self, request: EnrolRequest, seed: int) -> bytes:
        self.asked.append(request)
        return b"voice"


class DisguisedEngine(EagerEngine):
    """Says that it only speaks, and clones all the same."""

    name = "disguised"
    service = Service.SPEECH


class TurncoatEngine(DisguisedEngine):
    """Says that it only speaks, until it is loaded."""

    name = "turncoat"


class HalfEngine(EagerEngine):
    """Of the service clone, without the method."""

    name = "half"
    enrol = None  # type: ignore[assignment]


HOSTILE = {"eager": "EagerEngine", "disguised": "DisguisedEngine", "turncoat": "TurncoatEngine"}


def plugins(clock: Clock = CLOCK, **more: str) -> Registry:
    named = HOSTILE | more
    points = (EntryPoint(name, f"{__name__}:{value}", GROUP) for name, value in named.items())
    return Registry(tuple(points), clock=clock)


def grant(
    reference: Clip = MINE, uses: tuple[Use, ...] = tuple(Use), start_ms: int = 0, end_ms: int = HOUR_MS
) -> bytes:
    now_ms = CLOCK.now_ms()
    body = Grant(
        subject="Ada",
        references=(reference.sha256,),
        uses=uses,
        grantee=ANYBODY,
        not_before_ms=now_ms + start_ms,
        until_ms=now_ms + end_ms,
    )
    return sign_grant(OWNER, body, CLOCK)


def forged() -> bytes:
    raw = bytearray(grant())
    raw[-1] ^= 1
    return bytes(raw)


PROFILE = VoiceProfile(
    engine="eager",
    language="en-us",
    reference=MINE.sha256,
    data=b"",
    reference_voice=b"",
    reference_other=b"",
    own_voice=b"",
    own_other=b"",
    fingerprint=b"",
    own_mos=4.0,
)
REQUESTS: dict[Use, Callable[[bytes], Request]] = {
    Use.ENROL: lambda consent: EnrolRequest(reference=MINE, consent=consent),
    Use.SPEAK: lambda consent: CloneRequest(profile=PROFILE, consent=consent, text="Hello there."),
    Use.CONVERT: lambda consent: CloneRequest(profile=PROFILE, consent=consent, speech=OTHER),
}
BAD: dict[str, Callable[[Use], bytes]] = {
    "absent": lambda use: b"",
    "noise": lambda use: b"\x93\1\2\3",
    "forged": lambda use: forged(),
    "expired": lambda use: grant(start_ms=-2 * HOUR_MS, end_ms=-1),
    "not valid yet": lambda use: grant(start_ms=HOUR_MS, end_ms=2 * HOUR_MS),
    "for another recording": lambda use: grant(OTHER),
    "for other uses": lambda use: grant(uses=tuple(one for one in Use if one is not use)),
}


def deeds(engine: Engine, request: Request) -> list[Callable[[], object]]:
    """All that an engine can do with a request."""
    found: list[Callable[[], object]] = [lambda: engine.check(request), lambda: list(engine.generate(request, 1))]
    if isinstance(engine, Cloner):
        found.append(lambda: engine.enrol(request, 1))  # type: ignore[arg-type]
    return found


def everyone() -> list[Engine]:
    """Every engine of this installation at the tests' time of day, and the hostile ones."""
    installed = Registry(registry.installed().points, clock=CLOCK)
    hostile = plugins()
    return [*map(installed.load, installed.names()), *map(hostile.load, hostile.names())]


@pytest.mark.parametrize("use", Use)
@pytest.mark.parametrize("why", BAD)
def test_no_registered_engine_clones_or_enrols_without_a_valid_consent(why: str, use: Use) -> None:
    EagerEngine.asked.clear()
    request = REQUESTS[use](BAD[why](use))
    engines = everyone()
    assert {"hibari", "kokoro", "espeak", "eager", "disguised"} <= {engine.name for engine in engines}
    for engine in engines:
        for deed in deeds(engine, request):
            with pytest.raises(AntiphonError) as refusal:
                deed()
            assert refusal.value.hint, f"{engine.name} does not say what to do next"
    assert EagerEngine.asked == [], "no engine has even seen the request"


@pytest.mark.parametrize("use", Use)
def test_engines_of_other_services_clone_nobody_even_with_a_consent(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    EagerEngine.asked.clear()
    request = REQUESTS[use](grant())
    speakers = [one for one in everyone() if Service.CLONE not in one.capabilities.services]
    monkeypatch.setattr(TurncoatEngine, "service", Service.CLONE)
    assert {"hibari", "kokoro", "espeak", "disguised", "turncoat"} <= {engine.name for engine in speakers}
    for engine in speakers:
        assert not isinstance(engine, Cloner)
        for deed in deeds(engine, request):
            with pytest.raises(InputError, match="does not clone"):
                deed()
    assert EagerEngine.asked == []


@pytest.mark.parametrize("use", Use)
def test_a_valid_consent_reaches_the_engine(use: Use) -> None:
    EagerEngine.asked.clear()
    engine = plugins().load("eager")
    needed = (use, Use.SPEAK) if use is Use.ENROL else (use,)  # a profile is tried by letting it speak
    request = REQUESTS[use](grant(uses=needed))
    engine.check(request)
    assert len(list(engine.generate(request, 1))) == 1
    if use is Use.ENROL:
        assert isinstance(engine, Cloner)
        assert engine.enrol(request, 1) == b"voice"  # type: ignore[arg-type]
    assert set(map(id, EagerEngine.asked)) == {id(request)}


def test_a_consent_that_ends_is_noticed_at_the_next_request() -> None:
    clock = ManualClock(CLOCK.now_ms())
    engine = plugins(clock).load("eager")
    request = REQUESTS[Use.SPEAK](grant())
    engine.check(request)
    clock.advance(3_600)
    with pytest.raises(InputError, match="expired"):
        engine.check(request)


def test_the_guard_is_the_engine_to_everybody_else() -> None:
    engine = plugins().load("eager")
    assert isinstance(engine, Engine)
    assert isinstance(engine, Cloner)
    assert (engine.name, engine.Options, engine.capabilities) == (
        "eager",
        EagerEngine.Options,
        EagerEngine().capabilities,
    )
    assert not isinstance(plugins().load("disguised"), Cloner)


def test_no_public_name_of_the_guard_leads_to_the_engine() -> None:
    engine = plugins().load("eager")
    names = [name for name in dir(engine) if not name.startswith("_")]
    assert set(names) == {"Options", "capabilities", "check", "enrol", "generate", "name", "warm_up"}
    assert not hasattr(engine, "asked")
    assert not hasattr(engine, "__dict__")
    for name in names:
        assert not isinstance(getattr(engine, name), EagerEngine)
        assert not isinstance(getattr(getattr(engine, name), "__self__", None), EagerEngine)


def test_a_cloner_that_cannot_enrol_is_no_engine() -> None:
    found = plugins(half="HalfEngine")
    with pytest.raises(ModelError, match="no enrol"):
        found.load("half")
    assert "cannot enrol" in found.problems()["half"]


@pytest.mark.parametrize("name", ["hibari", "kokoro", "espeak"])
def test_a_speech_engine_says_which_requests_it_serves(name: str) -> None:
    music = msgspec.convert(
        {"type": "music", "prompt": "a waltz", "seconds": 3, "seed": 1, "start_s": 0, "stop_s": 3}, Request
    )
    for deed in deeds(registry.load(name), music):
        with pytest.raises(InputError, match="cannot serve a request of music"):
            deed()
    with pytest.raises(InputError, match="voice"):
        registry.load(name).check(SpeechRequest(text="Hi", voice="nobody-at-all"))
