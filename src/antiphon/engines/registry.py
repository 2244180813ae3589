"""The engines' door: the entry point group `antiphon.engines`, of the make that `antiphon.plugins` tells.

`antiphon.engine_families` has those that are opened by an argument, such as `openai:URL`: one for each thing opened.

Listing names imports no engine; loading an engine loads no model. Engines are handed out behind a guard
(`engines.guard`), so that none clones without consent, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from antiphon.clock import Clock, SystemClock
from antiphon.engines.base import Capabilities, Cloner, Engine, Family, Retrained, Voice
from antiphon.engines.guard import guarded
from antiphon.engines.mix import parse_mix as _parse_mix
from antiphon.errors import InputError, ModelError
from antiphon.plugins import Plugins, UnfitError, read_options, unknown
from antiphon.services import Service

GROUP = "antiphon.engines"
FAMILIES = "antiphon.engine_families"


class Registry:
    """Engines by name. `points` are the entry points to choose from; ours win over others of the same name.

    `clock` tells the engines' guards whether a consent is in force.
    """

    def __init__(
        self, points: tuple[EntryPoint, ...], *, families: tuple[EntryPoint, ...] = (), clock: Clock | None = None
    ) -> None:
        self.points = points
        self._clock = clock or SystemClock()
        guide = "antiphon.engines.Engine and docs/engines.md"
        self._plugins = Plugins("engine", points, self._build, guide=guide)
        self._families = Plugins("engine family", families, _built_family, guide=guide)
        self._opened: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Names of all installed and opened engines, ours first; some may fail to load."""
        return (*self._plugins.names(), *self._opened)

    def families(self) -> tuple[str, ...]:
        """What may stand before the colon in `open`."""
        return self._families.names()

    def load(self, name: str) -> Engine:
        """The one shared instance of an engine. Raises `InputError` (unknown name) or `ModelError` (broken plugin)."""
        return self._opened.get(name) or self._plugins.load(name)

    def open(self, spec: str, options: Mapping[str, object] | None = None) -> Engine:
        """An engine by name, or what `family:argument` opens, with the family's `options`: it is known by its own name
        from then on. Raises `InputError`, `ModelError`, and what the family says."""
        name, colon, argument = spec.partition(":")
        if not colon:
            if options:
                raise InputError(f"The engine {name} is not opened with options", "Leave --engine-option out.")
            return self.load(name)
        family = self._families.load(name)
        made = family.open(argument, read_options(family.Options, options or {}, "engine family", name))
        with self._lock:
            if made.name in self.names():
                raise InputError(f"There is an engine {made.name} here already", "Give another: label=NAME.")
            try:
                self._opened[made.name] = self._build(made.name, made)
            except UnfitError as error:
                raise ModelError(f"{spec} makes no engine: {error}", "See docs/engines.md.") from error
        return self._opened[made.name]

    def with_weights(self, name: str, folder: Path) -> Engine:
        """A new instance of an engine, with verified weights instead of those that ship. Raises `InputError` for an
        engine that takes none, `ModelError` for weights of another make."""
        engine = self.load(name)
        if not isinstance(engine, Retrained):
            raise InputError(f"The engine {name} runs with no other weights than its own", "Leave --asset out.")
        return engine.with_weights(folder)

    def capabilities(self) -> dict[str, Capabilities]:
        """What each engine that loads can do."""
        found = {}
        for name in self.names():
            with contextlib.suppress(ModelError):  # reported by `load`
                found[name] = self.load(name).capabilities
        return found

    def all_voices(self) -> tuple[Voice, ...]:
        """Every voice of every engine that loads. Of two voices with one name the first counts; see `problems`."""
        able = self.capabilities()
        voices: dict[str, Voice] = {}
        for name, can in able.items():  # ours before others, whatever they claim
            for voice in can.voices:
                if voice.name in voices:
                    self._plugins.report(name, f"its voice {voice.name} exists already in {voices[voice.name].engine}")
                else:
                    voices[voice.name] = voice
        # Engines of few voices are listed first: a list that begins with 138 robots hides the fine ones.
        return tuple(sorted(voices.values(), key=lambda voice: len(able[voice.engine].voices)))

    def find_voice(self, name: str) -> Voice:
        """The voice of that name. Raises `InputError` with the nearest names, and `ModelError` where its engine, whose
        name it begins with, lacks a package."""
        voices = {voice.name: voice for voice in self.all_voices()}
        if name not in voices:
            self.require_engines(name)
            raise unknown("voice", name, voices)
        return voices[name]

    def parse_mix(self, spec: str) -> dict[str, float]:
        """`a:0.6+b:0.4` as weights that sum to 1; see `antiphon.engines.mix.parse_mix`."""
        try:
            return _parse_mix(spec, [voice.name for voice in self.all_voices()])
        except InputError:
            self.require_engines(spec)
            raise

    def require_engines(self, spec: str) -> None:
        """Raise `ModelError` where a voice of a mix is not known because its engine, whose name it begins with, lacks a
        package."""
        for part in spec.split("+"):
            for engine in self.names():
                if f"{part.partition(':')[0].strip()}-".startswith(f"{engine}-"):
                    self.load(engine)

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
        return self._plugins.problems()

    def _build(self, name: str, made: object) -> Engine:
        engine = made() if callable(made) else made
        if not isinstance(engine, Engine) or engine.name != name:
            raise UnfitError("it is not an Engine of this name")
        able = engine.capabilities
        if not isinstance(able, Capabilities):
            raise UnfitError("it is not an Engine of this name")
        if Service.CLONE in able.services and not isinstance(engine, Cloner):
            raise UnfitError("it clones but cannot enrol: it has no enrol()")
        _check(name, able)
        return guarded(engine, able.services, self._clock)


def _built_family(name: str, made: object) -> Family:
    family = made() if callable(made) else made
    if not isinstance(family, Family) or family.name != name:
        raise UnfitError("it is not a Family of this name")
    return family


def _check(name: str, able: Capabilities) -> None:
    """What prices and lists are made of has to be true of any engine. Raises `UnfitError`."""
    if not 0 < able.rtf < math.inf or not 0 < able.max_speed < math.inf:
        raise UnfitError(f"its rtf is {able.rtf} and its max_speed {able.max_speed}, and both have to be above 0")
    if able.rate_hz < 1 or able.channels < 1:
        raise UnfitError(f"it makes {able.channels} channels at {able.rate_hz} Hz")
    for voice in able.voices:
        if voice.engine != name:
            raise UnfitError(f"its voice {voice.name} says that it is of the engine {voice.engine}")


@functools.cache
def installed() -> Registry:
    """The registry of this installation."""
    return Registry(tuple(entry_points(group=GROUP)), families=tuple(entry_points(group=FAMILIES)))


def names() -> tuple[str, ...]:
    """Names of all installed engines, without importing any."""
    return installed().names()


def load(name: str) -> Engine:
    """The one shared, lazily loading instance of an engine."""
    return installed().load(name)


def open_engine(spec: str, options: Mapping[str, object] | None = None) -> Engine:
    """An engine by name, or what `family:argument` opens."""
    return installed().open(spec, options)


def with_weights(name: str, folder: Path) -> Engine:
    """A new instance of an engine, with verified weights instead of those that ship."""
    return installed().with_weights(name, folder)


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
    try:
        return _parse_mix(spec, [*also, *(voice.name for voice in all_voices())])
    except InputError:
        installed().require_engines(spec)
        raise


def problems() -> dict[str, str]:
    """Plugins that failed, and why."""
    return installed().problems()
