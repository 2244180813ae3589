"""The judges' door: the entry point group `antiphon.judges`, of the make that `antiphon.plugins` tells.

Listing names imports no judge; building a judge loads no model. Each service has one judge: of two the first counts,
ours before others.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError, ModelError
from antiphon.judges.base import Judge, JudgeCapabilities
from antiphon.judges.metric import Metric
from antiphon.judges.metrics import BUILT_IN
from antiphon.plugins import Plugins, UnfitError, read_options
from antiphon.services import Request, Service

GROUP = "antiphon.judges"
GUIDE = "antiphon.judges.base.Judge and docs/plugins.md"

Render = Callable[[Request, int], Waveform]
"""`Tools.render`."""
GivenOptions = Mapping[str, Mapping[str, object]]
"""Judge -> option -> value."""


class Registry:
    """Kinds of judges by name. `points` are the entry points to choose from; ours win over others of the same name."""

    def __init__(self, points: tuple[EntryPoint, ...]) -> None:
        self._plugins: Plugins[type[Judge]] = Plugins("judge", points, _kind, guide=GUIDE)

    def names(self) -> tuple[str, ...]:
        """All that are installed, ours first; some may fail to load."""
        return self._plugins.names()

    def load(self, name: str) -> type[Judge]:
        """Raises `InputError` (unknown name) or `ModelError` (broken plugin)."""
        return self._plugins.load(name)

    def is_ours(self, name: str) -> bool:
        """Whether it came with this distribution."""
        return self._plugins.is_ours(name)

    def problems(self) -> dict[str, str]:
        """What is wrong with which plugin, as far as it has been used."""
        return self._plugins.problems()

    def report(self, name: str, problem: str) -> None:
        self._plugins.report(name, problem)

    def metrics(self) -> dict[str, Metric]:
        """Every metric of every judge that loads, by key."""
        found = dict(BUILT_IN)
        for name in self.names():
            try:
                own = self.load(name).metrics
            except ModelError:  # reported by `load`
                continue
            for metric in own:
                if found.setdefault(metric.key, metric) != metric:
                    self.report(name, f"its metric {metric.key} exists already, and is another")
        return found


class JudgeSet:
    """The judges of one machine, each built once, over the same models: they are each other's `Tools`. Thread-safe."""

    def __init__(self, registry: Registry, render: Render, options: GivenOptions | None = None) -> None:
        self.render = render
        self._registry = registry
        self._options = dict(options or {})
        self._built: dict[str, Judge] = {}
        self._lock = threading.RLock()
        for name in self._options:
            registry.load(name)  # whoever sets an option of a judge that is not there is told so

    def judge(self, name: str) -> Judge:
        """Raises `InputError` for an unknown name or a wrong option, `ModelError` for a broken plugin."""
        with self._lock:
            if name not in self._built:
                self._built[name] = self._build(name)
            return self._built[name]

    def by_service(self) -> dict[str, Judge]:
        """The judge of each service, of those that can be built. The market's own services have ours or none: a
        stranger's judge does not step in where ours is broken, for the votes of this machine would change unnoticed."""
        found: dict[str, Judge] = {}
        for name in self._registry.names():
            try:
                judge = self.judge(name)
            except ModelError:  # reported
                continue
            service = judge.capabilities.service
            if service in set(Service) and not self._registry.is_ours(name):
                self._registry.report(name, f"the service {service} is judged by ours alone")
                continue
            if found.setdefault(service, judge) is not judge:
                self._registry.report(name, f"the service {service} has the judge {found[service].name} already")
        return found

    def _build(self, name: str) -> Judge:
        kind = self._registry.load(name)
        options = read_options(kind.Options, self._options.get(name, {}), "judge", name)
        try:
            judge = kind(options, self)  # type: ignore[call-arg]  # a Protocol names no constructor
            able = judge.capabilities
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # a stranger's constructor
            self._registry.report(name, repr(error))
            raise ModelError(f"The judge {name} cannot be built: {error!r}", f"See {GUIDE}.") from error
        if not isinstance(judge, Judge) or not isinstance(able, JudgeCapabilities):
            self._registry.report(name, "it is not a Judge")
            raise ModelError(f"{kind.__name__} is not a Judge", f"See {GUIDE}.")
        return judge


def _kind(name: str, made: object) -> type[Judge]:
    if not isinstance(made, type) or getattr(made, "name", None) != name:
        raise UnfitError("it is not a class of this name")
    options, metrics = getattr(made, "Options", None), getattr(made, "metrics", None)
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        raise UnfitError("it has no Options")
    if not (isinstance(metrics, tuple) and metrics and all(isinstance(metric, Metric) for metric in metrics)):
        raise UnfitError("it names no metrics")
    return made


@functools.cache
def installed() -> Registry:
    """The registry of this installation."""
    return Registry(tuple(entry_points(group=GROUP)))


def problems() -> dict[str, str]:
    """Judges that failed, and why, as far as they have been used."""
    return installed().problems()
