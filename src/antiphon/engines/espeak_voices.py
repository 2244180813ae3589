"""Which languages espeak-ng speaks here: read from the names and heads of its data files, in milliseconds."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec

from antiphon.errors import ModelError

MAX_VOICE_FILE_BYTES = 64_000
"""A language file has about 500 bytes."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """One language file. `tags` are all names it answers to, its own first; `identifier` is what espeak loads."""

    tag: str
    tags: tuple[str, ...]
    title: str
    identifier: str


def data_folder() -> Path:
    """`espeak-ng-data` of the installed espeakng-loader. Raises `ModelError` when it is not installed."""
    spec = find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise ModelError("espeak-ng is not installed", "Run `pip install 'antiphon[espeak]'`.")
    return Path(spec.origin).parent / "espeak-ng-data"


@functools.cache
def languages() -> dict[str, Language]:
    """Languages that have a dictionary, by BCP 47 tag in lower case, sorted."""
    folder = data_folder()
    found: dict[str, Language] = {}
    for path in sorted((folder / "lang").rglob("*")):
        if path.is_file() and (language := _read(path, folder)) is not None:
            # Two files may claim one tag (Cantonese in characters and in Latin letters): the file's name decides.
            own = path.name.lower()
            if language.tag in found and own not in found:
                language = msgspec.structs.replace(language, tag=own, tags=(own,))
            found.setdefault(language.tag, language)
    return dict(sorted(found.items()))


@functools.cache
def variants() -> tuple[str, ...]:
    """Timbres that any language can be spoken in, e.g. `f3`."""
    return tuple(sorted(path.name for path in (data_folder() / "voices" / "!v").iterdir() if " " not in path.name))


def _read(path: Path, folder: Path) -> Language | None:
    with path.open("rb") as handle:
        lines = handle.read(MAX_VOICE_FILE_BYTES).decode("utf-8", "replace").splitlines()
    tags = tuple(words[0].lower() for words in _values(lines, "language"))
    if not tags:
        return None
    dictionary = next((words[0] for words in _values(lines, "dictionary")), tags[0].split("-")[0])
    if not (folder / f"{dictionary}_dict").is_file():
        return None
    title = next((" ".join(words) for words in _values(lines, "name")), tags[0])
    return Language(tag=tags[0], tags=tags, title=title, identifier=path.relative_to(folder / "lang").as_posix())


def _values(lines: list[str], key: str) -> Iterator[list[str]]:
    for line in lines:
        words = line.split("//")[0].split()
        if len(words) > 1 and words[0] == key:
            yield words[1:]
