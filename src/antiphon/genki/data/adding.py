"""A folder of recordings into a collection: what is there already is not measured again, what fails stops nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from antiphon.errors import InputError, StateError
from antiphon.genki.data.collection import MAX_CLIPS, Collection
from antiphon.genki.data.files import Found, digest, opened, shown, walk
from antiphon.genki.data.measuring import measure
from antiphon.genki.data.sidecar import (
    EDITABLE,
    MAX_BYTES,
    MAX_TEXT_CHARS,
    MAX_WORD_CHARS,
    Facts,
    Sidecar,
    Source,
    clean,
    edited,
    uri_of,
)

_MAX_TEXT_BYTES = 4 * MAX_TEXT_CHARS


class What(StrEnum):
    """What became of a file."""

    ADDED = "added"
    KNOWN = "known"  # it was there, with these bytes
    MOVED = "moved"  # it was there, under a name that is gone
    SAME = "same"  # another file with the same bytes is there
    REFUSED = "refused"  # it should be audio, and cannot be added
    LEFT = "left"  # it is not named as audio


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file; `clip` is its id, `why` tells what stood in the way."""

    what: What
    path: str
    clip: str = ""
    why: str = ""


Known = dict[str, Source | None]
"""Where the clips of a collection lie, by id; None for a sidecar that is damaged, which somebody may have written."""


def add(
    collection: Collection, folder: Path, given: dict[str, Any] | None = None, *, kind: str | None = None
) -> Iterator[Outcome]:
    """Add every recording below `folder`, in order. `given` are values of editable fields for all that are new.

    A text file of the same name (`song.txt` beside `song.wav`) is the description; a sidecar of that name, as bought
    clips have one, gives all that is editable. May be killed at any time and run
    again. Raises `InputError` if `folder` is none, or `given` has a value outside its limits.
    """
    root = os.path.realpath(folder)
    if not Path(root).is_dir():
        raise InputError(f"{str(folder)!r} is no folder", "Name a folder of recordings.")
    with collection.changing():
        known = _known(collection)
        for found in walk(root):
            if found.why:
                yield Outcome(What.REFUSED if found.audio else What.LEFT, found.path, why=found.why)
            else:
                yield _one(collection, known, found, given or {}, kind)


def _known(collection: Collection) -> Known:
    known: Known = {}
    for clip in collection.ids():
        try:
            known[clip] = collection.load(clip).source
        except StateError:
            known[clip] = None
    return known


def _one(collection: Collection, known: Known, found: Found, given: dict[str, Any], kind: str | None) -> Outcome:
    try:
        with opened(found.path) as stream:
            sha256 = digest(stream)
            if sha256 in known:
                return _again(collection, known, _source(stream, found.path, sha256))
            if len(known) >= MAX_CLIPS:
                raise InputError(f"would be one more than {MAX_CLIPS:,} clips", "Make another collection: --name")
            sidecar, fingerprint = _new(stream, found.path, sha256, given, kind)
    except InputError as error:
        what = error.what.removeprefix("The audio stream ")
        return Outcome(What.REFUSED, found.path, why=f"{what.rstrip('.')}. {error.hint}".strip())
    collection.save(sidecar, fingerprint)
    known[sha256] = sidecar.source
    return Outcome(What.ADDED, found.path, sha256)


def _again(collection: Collection, known: Known, now: Source) -> Outcome:
    before, path = known[now.sha256], now.path
    if before is None:
        raise InputError("has a sidecar that is damaged", f"Mend it: {collection.sidecar(now.sha256)}")
    if before.uri == now.uri:
        return Outcome(What.KNOWN, path, now.sha256)
    if os.path.lexists(before.path):
        return Outcome(What.SAME, path, now.sha256, f"has the same bytes as {before.path}")
    collection.save(msgspec.structs.replace(collection.load(now.sha256), source=now))
    known[now.sha256] = now
    return Outcome(What.MOVED, path, now.sha256)


def _new(stream: BinaryIO, path: str, sha256: str, given: dict[str, Any], kind: str | None) -> tuple[Sidecar, bytes]:
    source = _source(stream, path, sha256)
    given = {**_facts_beside(path), **given}
    found = measure(stream, kind=kind)
    if _source(stream, path, sha256) != source:
        raise InputError("was changed while it was read", "Add it again when it is complete.")
    description = str(given.get("description") or _text_beside(path))
    genre, moods = _named(description) if found.measured.kind == "music" else ("", ())
    sidecar = Sidecar(
        title=found.tags.get("title") or clean(shown(Path(path).stem), MAX_WORD_CHARS),
        description=description,
        genre=found.tags.get("genre") or genre,
        moods=moods,
        key=found.key,
        bpm=found.bpm,
        duration=found.duration_s,
        sample_rate=found.rate_hz,
        licence=found.tags.get("licence", ""),
        measured=found.measured,
        source=source,
    )
    return edited(sidecar, given), found.fingerprint


def _named(description: str) -> tuple[str, tuple[str, ...]]:
    from antiphon.genki.data.words import named  # with all of music, and judges of collections load this package

    return named(description)


def _source(stream: BinaryIO, path: str, sha256: str) -> Source:
    now = os.fstat(stream.fileno())
    if not now.st_size:
        raise InputError("is empty", "Check that the recording was saved.")
    return Source(uri=uri_of(path), sha256=sha256, size=now.st_size, mtime_ns=now.st_mtime_ns)


def _facts_beside(path: str) -> dict[str, Any]:
    """Editable fields of a sidecar of the same name, as bought clips have one: licence and consent stay with them."""
    try:
        with opened(str(Path(path).with_suffix(".json"))) as stream:
            facts = msgspec.json.decode(stream.read(MAX_BYTES), type=Facts)
    except (InputError, OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}  # somebody else's file
    return {name: value for name in EDITABLE if (value := getattr(facts, name))}


def _text_beside(path: str) -> str:
    try:
        with opened(str(Path(path).with_suffix(".txt"))) as stream:
            return clean(stream.read(_MAX_TEXT_BYTES).decode("utf-8", "replace"), MAX_TEXT_CHARS)
    except (InputError, OSError):
        return ""
