"""The two plugin doors are of one make: engines and judges enter through entry points, ours like anybody else's.

Listing names imports nothing. A plugin that fails to load is reported by `problems` and in the log, and everything else
goes on. Each plugin declares strict `Options`; whoever gets a name or a key wrong is told the nearest.
"""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import Generic, TypeVar

import msgspec

from antiphon.errors import InputError, ModelError
from antiphon.text.tongues import codes_of

LISTED = 12
"""Most choices an error message lists."""

_OURS = "antiphon"
_log = logging.getLogger(__name__)

T = TypeVar("T")
OptionsT = TypeVar("OptionsT", bound=msgspec.Struct)


class Plugins(Generic[T]):
    """Plugins of one kind by name, each built once. Ours win over others of the same name. Thread-safe.

    `build` makes the plugin of what an entry point names, or raises `UnfitError` with the reason.
    """

    def __init__(
        self, kind: str, points: Iterable[EntryPoint], build: Callable[[str, object], T], *, guide: str
    ) -> None:
        self._kind, self._build, self._guide = kind, build, guide
        self._points: dict[str, EntryPoint] = {}
        self._problems: dict[str, str] = {}
        self._built: dict[str, T] = {}
        self._lock = threading.RLock()
        for point in sorted(points, key=lambda point: (not _is_ours(point), point.name)):
            if point.name in self._points:
                self.report(f"{point.name} ({_origin(point)})", f"another {kind} has this name already")
            else:
                self._points[point.name] = point

    def names(self) -> tuple[str, ...]:
        """All that are installed, ours first; some may fail to load."""
        return tuple(self._points)

    def is_ours(self, name: str) -> bool:
        """Whether it came with this distribution."""
        return name in self._points and _is_ours(self._points[name])

    def load(self, name: str) -> T:
        """The one shared instance. Raises `InputError` (unknown name) or `ModelError` (broken plugin)."""
        if name not in self._points:
            raise unknown(self._kind, name, self.names())
        with self._lock:
            if name not in self._built:
                self._built[name] = self._load(name)
            return self._built[name]

    def problems(self) -> dict[str, str]:
        """What is wrong with which plugin, as far as it has been used."""
        return dict(self._problems)

    def report(self, name: str, problem: str) -> None:
        """Remember and log what is wrong with a plugin, once."""
        if self._problems.get(name) != problem:
            self._problems[name] = problem
            _log.warning("%s %s: %s", self._kind, name, problem)

    def _load(self, name: str) -> T:
        point = self._points[name]
        try:
            return self._build(name, point.load())
        except UnfitError as error:
            self.report(name, str(error))
            raise ModelError(
                f"{point.value} is no {self._kind} called {name}: {error}", f"See {self._guide}."
            ) from error
        except ModelError as error:  # it knows itself what it lacks
            self.report(name, str(error))
            raise
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
            self.report(name, repr(error))
            raise ModelError(
                f"The {self._kind} {name} cannot be loaded: {error!r}", f"Reinstall or remove {_origin(point)}."
            ) from error


class UnfitError(Exception):
    """What an entry point names does not keep its contract."""


def unknown(kind: str, name: str, choices: Collection[str]) -> InputError:
    """An error for `name`, which is none of `choices`."""
    near = _of_language(name, choices) or difflib.get_close_matches(name.lower(), choices, n=3, cutoff=0.6)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif len(choices) <= LISTED:
        hint = f"Choose from: {', '.join(choices)}." if choices else f"There is no {kind} to choose."
    else:
        hint = f"Some of {len(choices)}: {', '.join(list(choices)[:LISTED])}."
    return InputError(f"There is no {kind} {name!r}", hint)


def read_options(options: type[OptionsT], given: Mapping[str, object], kind: str, name: str) -> OptionsT:
    """`given` as a plugin's `Options`. Raises `InputError` for unknown keys and values of the wrong type or range."""
    fields = options.__struct_fields__
    if given and not fields:
        asked = ", ".join(map(repr, given))
        raise InputError(f"The {kind} {name} takes no options, and so not {asked}", "Leave --option out.")
    for key in given:
        if key not in fields:
            raise unknown(f"{name} option", key, fields)
    try:
        return msgspec.convert(dict(given), options)
    except msgspec.ValidationError as error:
        raise InputError(f"An option of {name} is wrong: {error}") from error


def _of_language(name: str, choices: Collection[str]) -> list[str]:
    """Choices such as `espeak-de` for a name such as `espeak-ger`, which says the language in another way."""
    stem, dash, word = name.lower().rpartition("-")
    if not dash:
        return []
    wanted = [f"{stem}-{code}".lower() for code in codes_of(word)]
    exact = [choice for one in wanted for choice in choices if choice.lower() == one]
    return (exact or [choice for one in wanted for choice in choices if choice.lower().startswith(f"{one}-")])[:3]


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == _OURS
