"""The plugin door: engines enter through the entry point group `antiphon.engines`, ours like anybody else's.

Listing names imports no engine; loading an engine loads no model. A plugin that fails to load is reported by
`problems()` and in the log, and everything else goes on. Engines are handed out behind a guard (`engines.guard`), so
that none clones without consent, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from antiphon.clock import Clock, SystemClock
from antiphon.engines.base import Capabilities, Cloner, Engine, Voice
from antiphon.engines.checks import unknown
from antiphon.engines.guard import guarded
from antiphon.engines.mix import parse_mix as _parse_mix
from antiphon.errors import InputError, ModelError
from antiphon.services import Service

GROUP = "antiphon.engines"
_OURS = "antiphon"

_log = logging.getLogger(__name__)


class Registry:
    """Engines by name. `points` are the entry points to choose from; ours win over others of the same name.

    `clock` tells the engines' guards whether a consent is in force.
    """

    def __init__(self, points: tuple[EntryPoint, ...], *, clock: Clock | None = None) -> None:
        self.points = points
        self._clock = clock or SystemClock()
        self._points: dict[str, EntryPoint] = {}
        self._problems: dict[str, str] = {}
        self._engines: dict[str, Engine] = {}
        self._lock = threading.RLock()
        for point in sorted(points, key=lambda point: (not _is_ours(point), point.name)):
            if point.name in self._points:
                self._report(f"{point.name} ({_origin(point)})", "another engine has this name already")
            else:
                self._points[point.name] = point

    def names(self) -> tuple[str, ...]:
        """Names of all installed engines, ours first; some may fail to load."""
        return tuple(self._points)

    def load(self, name: str) -> Engine:
        """The one shared instance of an engine. Raises `InputError` (unknown name) or `ModelError` (broken plugin)."""
        if name not in self._points:
            raise unknown("engine", name, self.names())
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._build(name)
            return self._engines[name]

    def capabilities(self) -> dict[str, Capabilities]:
        """What each engine that loads can do."""
        found = {}
        for name in self._points:
            with contextlib.suppress(ModelError):  # reported by `load`
                found[name] = self.load(name).capabilities
        return found

    def all_voices(self) -> tuple[Voice, ...]:
        """Every voice of every engine that loads. Of two voices with one name the first counts; see `problems`."""
        voices: dict[str, Voice] = {}
        # Engines of few voices first: a list that begins with 138 robots hides the fine ones.
        for name, able in sorted(self.capabilities().items(), key=lambda pair: len(pair[1].voices)):
            for voice in able.voices:
                if voice.name in voices:
                    self._report(name, f"its voice {voice.name} exists already in {voices[voice.name].engine}")
                else:
                    voices[voice.name] = voice
        return tuple(voices.values())

    def find_voice(self, name: str) -> Voice:
        """The voice of that name. Raises `InputError` with the nearest names."""
        voices = {voice.name: voice for voice in self.all_voices()}
        if name not in voices:
            raise unknown("voice", name, voices)
        return voices[name]

    def parse_mix(self, spec: str) -> dict[str, float]:
        """`a:0.6+b:0.4` as weights that sum to 1; see `antiphon.engines.mix.parse_mix`."""
        return _parse_mix(spec, [voice.name for voice in self.all_voices()])

    def engine_for(self, voice: str) -> str:
        """The engine that speaks a voice or a mix. Raises `InputError` for a mix that no single engine can make."""
        mix = self.parse_mix(voice)
        engines = sorted({self.find_voice(name).engine for name in mix})
        if len(engines) > 1:
            raise InputError(f"The mix {voice!r} joins voices of {' and '.join(engines)}", "Mix voices of one engine.")
        if len(mix) > 1 and not self.load(engines[0]).capabilities.mixes_voices:
            raise InputError(
                f"The engine {engines[0]} cannot mix voices", "Mix Kokoro's, e.g. af_heart:0.6+bf_emma:0.4."
            )
        return engines[0]

    def problems(self) -> dict[str, str]:
        """What is wrong with which plugin, as far as it has been used."""
        return dict(self._problems)

    def _build(self, name: str) -> Engine:
        point = self._points[name]
        try:
            engine = point.load()()
            able = engine.capabilities
        except Exception as error:  # a stranger's module may raise anything at import
            self._report(name, repr(error))
            raise ModelError(
                f"The engine {name} cannot be loaded: {error!r}", f"Reinstall or remove {_origin(point)}."
            ) from error
        if not isinstance(engine, Engine) or not isinstance(able, Capabilities) or engine.name != name:
            self._report(name, "it is not an Engine of this name")
            raise ModelError(
                f"{point.value} is not an engine called {name}", "See antiphon.engines.Engine and docs/engines.md."
            )
        if Service.CLONE in able.services and not isinstance(engine, Cloner):
            self._report(name, "it clones but cannot enrol")
            raise ModelError(f"{point.value} is of the service clone but has no enrol()", "See docs/engines.md.")
        return guarded(engine, able.services, self._clock)

    def _report(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            self._problems[name] = problem
            _log.warning("engine %s: %s", name, problem)


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == _OURS


@functools.cache
def installed() -> Registry:
    """The registry of this installation."""
    return Registry(tuple(entry_points(group=GROUP)))


def names() -> tuple[str, ...]:
    """Names of all installed engines, without importing any."""
    return installed().names()


def load(name: str) -> Engine:
    """The one shared, lazily loading instance of an engine."""
    return installed().load(name)


def all_voices() -> tuple[Voice, ...]:
    """Every voice that can be asked for, without loading a model."""
    return installed().all_voices()


def find_voice(name: str) -> Voice:
    """The voice of that name, or `InputError` with the nearest names."""
    return installed().find_voice(name)


def engine_for(voice: str) -> str:
    """Name of the engine that speaks a voice or a mix."""
    return installed().engine_for(voice)


def parse_mix(spec: str, also: Iterable[str] = ()) -> dict[str, float]:
    """`af_heart:0.6+bf_emma:0.4` as weights that sum to 1; `also` names voices that no engine lists."""
    return _parse_mix(spec, [*also, *(voice.name for voice in all_voices())])


def problems() -> dict[str, str]:
    """Plugins that failed, and why."""
    return installed().problems()
