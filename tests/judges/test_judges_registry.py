"""The judges' door: ours enter through it, strangers' are checked, and a broken one disturbs nobody."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import ClassVar

import msgspec
import pytest

from antiphon import judges
from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.errors import InputError, ModelError, UnavailableError
from antiphon.judges import Delivery, JudgeCapabilities, Metric, ScoreTerm, ScoringProfile, Tools, registry
from antiphon.judges.metrics import BUILT_IN
from antiphon.judges.registry import GROUP, JudgeSet, Registry, installed
from antiphon.services import CustomRequest, MusicRequest, Request, SpeechRequest

CRUMBS = Metric(judge="cake", name="crumbs", unit="ratio", title="crumbs", better="lower", source="a scale")


class CakeJudge:
    name: ClassVar[str] = "cake"
    metrics: ClassVar[tuple[Metric, ...]] = (CRUMBS,)

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        grams: float = 1.0

    def __init__(self, options: Options, tools: Tools) -> None:
        self.options, self.tools = options, tools

    @property
    def capabilities(self) -> JudgeCapabilities:
        return JudgeCapabilities(service="cakes")

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        return (CRUMBS.measured(0.1),)

    def profile(self, request: Request) -> ScoringProfile:
        term = ScoreTerm(key=CRUMBS.key, weight=1, zero=1, one=0, source="s")
        return ScoringProfile(name="cakes", source="s", terms=(term,), limits=())


class TartJudge(CakeJudge):
    """Another judge of cakes."""

    name = "tart"


class BrokenJudge(CakeJudge):
    name = "broken"

    def __init__(self, options: CakeJudge.Options, tools: Tools) -> None:
        raise RuntimeError("no licence key")


class SilentJudge(CakeJudge):
    """It names nothing that it gives."""

    name = "silent"
    metrics = ()


class DeafJudge:
    """It cannot measure."""

    name = "deaf"
    metrics = (CRUMBS,)
    Options = CakeJudge.Options
    capabilities = JudgeCapabilities(service="air")

    def __init__(self, options: object, tools: object) -> None:
        pass


class LyingJudge(CakeJudge):
    """Its metric has a name of ours, and is another."""

    name = "lying"
    metrics = (msgspec.structs.replace(BUILT_IN["words.wer"], better="higher"),)


def _registry(**values: str) -> Registry:
    return Registry(tuple(EntryPoint(name, f"{__name__}:{value}", GROUP) for name, value in values.items()))


def _no_engine(request: Request, seed: int) -> Waveform:
    raise UnavailableError("no engine is installed here")


def test_ours_enter_through_the_door_one_for_each_service() -> None:
    assert set(installed().names()) >= {"speech", "clone", "music"}
    judges = JudgeSet(installed(), _no_engine).by_service()
    assert {service: judges[service].name for service in ("speech", "clone", "music")} == {
        "speech": "speech",
        "clone": "clone",
        "music": "music",
    }
    assert "en" in judges["speech"].capabilities.languages
    assert installed().problems() == {}


def test_what_is_wrong_with_an_installed_judge_is_told_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _registry(broken="BrokenJudge", cake="CakeJudge")
    monkeypatch.setattr(registry, "installed", lambda: made)
    assert judges.problems() == {}
    JudgeSet(made, _no_engine).by_service()
    assert judges.problems() == {"broken": "RuntimeError('no licence key')"}


def test_every_metric_of_ours_is_declared_by_a_judge_or_an_audit_and_has_a_title_and_a_source() -> None:
    declared = {metric.key for name in ("speech", "clone", "music") for metric in installed().load(name).metrics}
    assert {key for key in BUILT_IN if not key.startswith("audit.")} == declared
    assert all(metric.title and metric.source for metric in BUILT_IN.values())
    titles = [metric.title for metric in BUILT_IN.values()]
    assert len(set(titles)) == len(titles)


def test_the_profiles_of_ours_weigh_only_what_their_judge_measures() -> None:
    judges = JudgeSet(installed(), _no_engine).by_service()
    orders = {
        "speech": SpeechRequest(text="A sentence of some length.", voice="hibari"),
        "music": MusicRequest(prompt="calm", seconds=8, seed=1, start_s=0, stop_s=8),
    }
    for service, order in orders.items():
        profile, known = judges[service].profile(order), {metric.key for metric in judges[service].metrics}
        keys = {item.key for item in (*profile.terms, *profile.limits)}
        assert keys <= known | {"audit.passed"}
        with pytest.raises(InputError, match="Ask the judge of that service"):
            judges[service].profile(CustomRequest(service="cakes", text="one"))


def test_listing_names_imports_no_judge_and_building_one_loads_no_model() -> None:
    code = (
        "import sys; from antiphon.judges.registry import JudgeSet, installed; installed().names(); "
        "print([m for m in sys.modules if m.startswith('antiphon.judges.speech')]); "
        "JudgeSet(installed(), None).by_service(); "
        "print([m for m in ('onnxruntime', 'ctranslate2') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["[]", "[]"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("broken", f"{__name__}:BrokenJudge", "no licence key"),
        ("ghost", "no_such_module_anywhere:Judge", "No module named"),
        ("silent", f"{__name__}:SilentJudge", "names no metrics"),
        ("misnamed", f"{__name__}:CakeJudge", "not a class of this name"),
        ("deaf", f"{__name__}:DeafJudge", "not a Judge"),
    ],
)
def test_a_broken_plugin_is_reported_and_everything_else_goes_on(name: str, value: str, problem: str) -> None:
    registry = Registry((EntryPoint(name, value, GROUP), EntryPoint("cake", f"{__name__}:CakeJudge", GROUP)))
    judges = JudgeSet(registry, _no_engine)
    assert {service: judge.name for service, judge in judges.by_service().items()} == {"cakes": "cake"}
    assert problem in registry.problems()[name]
    with pytest.raises(ModelError):
        judges.judge(name)


def test_of_two_judges_of_one_service_the_first_counts_and_the_other_is_reported() -> None:
    registry = _registry(tart="TartJudge", cake="CakeJudge")
    assert JudgeSet(registry, _no_engine).by_service()["cakes"].name == "cake"
    assert "has the judge cake already" in registry.problems()["tart"]


class SpeechCakeJudge(CakeJudge):
    name = "bribed"
    capabilities = JudgeCapabilities(service="speech")


def test_mallorys_judge_does_not_step_in_where_ours_is_broken() -> None:
    registry = _registry(bribed="SpeechCakeJudge", cake="CakeJudge")  # ours of speech is not there at all
    assert set(JudgeSet(registry, _no_engine).by_service()) == {"cakes"}
    assert "judged by ours alone" in registry.problems()["bribed"]


def test_judges_are_built_once_and_are_each_others_tools() -> None:
    judges = JudgeSet(_registry(cake="CakeJudge"), _no_engine, {"cake": {"grams": 2.5}})
    cake = judges.judge("cake")
    assert isinstance(cake, CakeJudge)
    assert cake is judges.by_service()["cakes"]
    assert (cake.options.grams, cake.tools) == (2.5, judges)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cake": {"gram": 2}}, "Did you mean grams"),
        ({"cake": {"grams": "many"}}, "An option of cake is wrong"),
        ({"cak": {"grams": 2}}, "Did you mean cake"),
    ],
)
def test_options_are_strict(options: dict[str, dict[str, object]], says: str) -> None:
    with pytest.raises(InputError) as told:
        JudgeSet(_registry(cake="CakeJudge"), _no_engine, options).by_service()
    assert says in f"{told.value.what} {told.value.hint}"


def test_metrics_of_all_judges_are_found_and_ours_stand() -> None:
    registry = _registry(cake="CakeJudge", lying="LyingJudge")
    found = registry.metrics()
    assert found["cake.crumbs"] == CRUMBS
    assert found["words.wer"] == BUILT_IN["words.wer"]
    assert "words.wer exists already" in registry.problems()["lying"]
