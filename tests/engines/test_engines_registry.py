import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from antiphon import engines
from antiphon.audio.waveform import Waveform
from antiphon.engines import Capabilities, Voice
from antiphon.engines.registry import GROUP, Registry
from antiphon.errors import InputError, ModelError
from antiphon.services import Request, Service


class PlainEngine:
    """A third party's engine; `_voices` vary in the tests."""

    name: ClassVar[str] = "plain"
    _voices: ClassVar[tuple[str, ...]] = ("plain-one", "plain-two")
    built: ClassVar[list[int]] = []

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        pass

    def __init__(self) -> None:
        self.built.append(1)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            languages=("en-us",),
            voices=tuple(Voice(name=name, language="en-us", engine=self.name) for name in self._voices),
            rate_hz=8_000,
            rtf=0.1,
            streams=False,
            seeded=True,
        )

    def check(self, request: Request) -> None:
        pass

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        yield Waveform(np.zeros((1, 8), np.float32), 8_000)


class CopycatEngine(PlainEngine):
    name = "copycat"
    _voices = ("plain-one", "copycat")


class BrokenEngine(PlainEngine):
    name = "broken"

    def __init__(self) -> None:
        raise RuntimeError("no licence key")


class MisnamedEngine(PlainEngine):
    name = "other"


class ThiefEngine(PlainEngine):
    """Of fewer voices than the engine whose voice it claims."""

    name = "thief"
    _voices = ("plain-two",)


class LeavingEngine(PlainEngine):
    name = "leaving"

    def __init__(self) -> None:
        raise SystemExit(7)


class FreeEngine(PlainEngine):
    """Work that takes no time, or no number of seconds, has no price."""

    name = "free"
    rtf: ClassVar[float] = float("nan")

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, rtf=self.rtf)


class NegativeEngine(FreeEngine):
    name = "negative"
    rtf = -1.0


class SilentEngine(PlainEngine):
    name = "silent"

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, rate_hz=0)


class BorrowingEngine(PlainEngine):
    """Its voices say that they are another engine's."""

    name = "borrowing"

    @property
    def capabilities(self) -> Capabilities:
        voice = Voice(name="borrowed", language="en-us", engine="plain")
        return msgspec.structs.replace(super().capabilities, voices=(voice,))


class NotAnEngine:
    capabilities = 3


def _registry(**values: str) -> Registry:
    return Registry(tuple(EntryPoint(name, f"{__name__}:{value}", GROUP) for name, value in values.items()))


def test_our_three_engines_enter_through_the_door() -> None:
    assert {"hibari", "kokoro", "espeak"} <= set(engines.names())


def test_listing_every_voice_imports_no_model_library() -> None:
    code = (
        "import sys; from antiphon import engines; engines.names(); v = engines.all_voices(); "
        "print(len(v), [m for m in ('onnxruntime', 'hibari', 'espeakng_loader') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    count, loaded = out.split(maxsplit=1)
    assert int(count) > 150
    assert loaded.strip() == "[]"


def test_names_import_nothing_at_all() -> None:
    registry = _registry(ghost="no_such_module_anywhere:Engine")
    assert registry.names() == ("ghost",)
    assert registry.problems() == {}


def test_an_engine_is_built_once_for_all_threads() -> None:
    PlainEngine.built.clear()
    registry = _registry(plain="PlainEngine")
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(registry.load("plain"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(PlainEngine.built) == 1
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("broken", f"{__name__}:BrokenEngine", "no licence key"),
        ("ghost", "no_such_module_anywhere:Engine", "No module named"),
        ("absent", f"{__name__}:Absent", "Absent"),
        ("misnamed", f"{__name__}:MisnamedEngine", "not an Engine of this name"),
        ("thing", f"{__name__}:NotAnEngine", "not an Engine of this name"),
    ],
)
def test_a_broken_plugin_is_reported_and_everything_else_goes_on(name: str, value: str, problem: str) -> None:
    registry = Registry(
        (EntryPoint(name, value, GROUP), EntryPoint("plain", f"{__name__}:PlainEngine", GROUP)),
    )
    assert [voice.name for voice in registry.all_voices()] == ["plain-one", "plain-two"]
    assert problem in registry.problems()[name]
    with pytest.raises(ModelError):
        registry.load(name)
    assert registry.engine_for("plain-two") == "plain"


def test_of_two_voices_with_one_name_the_first_counts_and_the_other_is_reported() -> None:
    registry = _registry(alpha="PlainEngine", copycat="CopycatEngine")
    assert "not an Engine" in str(registry.capabilities() and registry.problems()["alpha"])
    registry = _registry(copycat="CopycatEngine", plain="PlainEngine")
    voices = {voice.name: voice.engine for voice in registry.all_voices()}
    assert voices == {"plain-one": "copycat", "copycat": "copycat", "plain-two": "plain"}
    assert "plain-one" in registry.problems()["plain"]


def test_of_two_engines_with_one_name_the_first_counts_and_the_other_is_reported() -> None:
    point = EntryPoint("plain", f"{__name__}:PlainEngine", GROUP)
    registry = Registry((point, EntryPoint("plain", "elsewhere:Engine", GROUP)))
    assert registry.load("plain").name == "plain"
    assert any("name already" in problem for problem in registry.problems().values())


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no engine 'kokorro'\. Did you mean kokoro"):
        engines.load("kokorro")
    with pytest.raises(InputError, match=r"no voice 'af_hart'\. Did you mean .*af_heart"):
        engines.find_voice("af_hart")


@pytest.mark.parametrize(
    ("voice", "engine"),
    [("hibari", "hibari"), ("bf_emma", "kokoro"), ("af_heart:0.6+bf_emma:0.4", "kokoro"), ("espeak-de", "espeak")],
)
def test_a_voice_or_mix_names_its_engine(voice: str, engine: str) -> None:
    assert engines.engine_for(voice) == engine


def test_mixes_stay_within_one_engine_that_can_mix() -> None:
    with pytest.raises(InputError, match="joins voices of hibari and kokoro"):
        engines.engine_for("hibari:0.5+af_heart:0.5")
    with pytest.raises(InputError, match="espeak cannot mix"):
        engines.engine_for("espeak-de+espeak-nl")


def test_parse_mix_knows_every_voice() -> None:
    assert engines.parse_mix("af_heart:0.6+bf_emma:0.4") == {"af_heart": 0.6, "bf_emma": 0.4}


def test_every_voice_is_unique_and_describes_itself() -> None:
    voices = engines.all_voices()
    assert len({voice.name for voice in voices}) == len(voices)
    assert all(voice.description and voice.language for voice in voices)
    assert engines.problems() == {}


def test_an_engine_of_fewer_voices_takes_nobodys_voice() -> None:
    registry = _registry(plain="PlainEngine", thief="ThiefEngine")
    assert registry.find_voice("plain-two").engine == "plain"
    assert registry.problems() == {"thief": "its voice plain-two exists already in plain"}


def test_an_engine_that_would_end_the_program_ends_nothing() -> None:
    registry = _registry(plain="PlainEngine", leaving="LeavingEngine")
    assert len(registry.all_voices()) == 2
    assert registry.problems() == {"leaving": "SystemExit(7)"}


@pytest.mark.parametrize(
    ("name", "engine", "says"),
    [
        ("free", "FreeEngine", "rtf is nan"),
        ("negative", "NegativeEngine", "rtf is -1"),
        ("silent", "SilentEngine", "at 0 Hz"),
        ("borrowing", "BorrowingEngine", "of the engine plain"),
    ],
)
def test_capabilities_that_cannot_be_true_are_refused(name: str, engine: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        _registry(**{name: engine}).load(name)
