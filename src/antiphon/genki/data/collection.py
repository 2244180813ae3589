"""A collection in the data folder: one sidecar and one fingerprint for each clip. The audio stays where it is.

`data/NAME/clips/SHA256.json` is the sidecar, `data/NAME/prints/SHA256` the fingerprint, written before it: a clip is in
the collection when its sidecar is. Who deletes a recording has deleted it: there is no copy here.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon import durable
from antiphon.errors import InputError, OutputError, StateError
from antiphon.genki.data import sidecar as sidecars
from antiphon.genki.data.files import shown
from antiphon.genki.data.sidecar import Sidecar
from antiphon.plugins import unknown

FOLDER = "data"
MAX_CLIPS = 50_000
MAX_NAME_CHARS = 40
MIN_PREFIX = 4

_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME_CHARS - 1}}}")
_ID = re.compile(r"[0-9a-f]{64}")
_MAX_PRINT_BYTES = 16 * 1024
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


def name_for(folder: Path) -> str:
    """The name of a collection made of `folder`: its own, of letters that every system takes."""
    told = re.sub(r"[^a-z0-9_-]+", "-", folder.name.lower()).strip("-_")[:MAX_NAME_CHARS]
    return told or "data"


def collections(home: Path) -> list[str]:
    """Names of all collections, sorted."""
    try:
        return sorted(one.name for one in (home / FOLDER).iterdir() if _NAME.fullmatch(one.name) and one.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


class Collection:
    """The collection `name` in the data folder `home`. Reading needs no lock; writing is done within `changing`."""

    def __init__(self, home: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name[:60]!r} is no name for a collection",
                f"Use 1-{MAX_NAME_CHARS} of a-z, 0-9, - and _, e.g. songs.",
            )
        self.name = name
        self._home = home
        self._folder = home / FOLDER / name
        self._clips = self._folder / "clips"
        self._prints = self._folder / "prints"

    def require(self) -> Collection:
        """Itself. Raises `InputError` when it is not there."""
        if not self._clips.is_dir():
            if names := collections(self._home):
                raise unknown("collection", self.name, names)
            raise InputError(f"There is no collection {self.name!r}", "Make one: antiphon data add FOLDER")
        return self

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Alone in the collection. Raises `InputError` while another command changes it, `OutputError` if it cannot."""
        try:
            for folder in (self._folder, self._clips, self._prints):
                folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written: {error.strerror}", "Check its owner.") from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(f"Another command is changing {self.name!r}", "Wait until it has ended.") from error
            yield
        finally:
            os.close(lock)

    def ids(self) -> list[str]:
        """Ids (SHA-256 of the audio file) of all clips, sorted."""
        try:
            names = [file.name for file in self._clips.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(stem for stem in stems if _ID.fullmatch(stem))

    def load(self, clip: str) -> Sidecar:
        """Raises `StateError` that names a file which is damaged."""
        file = self.sidecar(clip)
        found = sidecars.decode(self._read(file, sidecars.MAX_BYTES), str(file))
        if found.source.sha256 != clip:
            raise StateError(f"{file} tells of other audio than its name", "Remove the clip, and add it again.")
        return found

    def fingerprint(self, clip: str) -> bytes | None:
        """None when it was lost; empty when the clip is too short or silent to have one."""
        try:
            found = self._read(self._prints / clip, _MAX_PRINT_BYTES)
        except StateError:
            return None
        return found if len(found) % 4 == 0 and len(found) <= _MAX_PRINT_BYTES else None

    def save(self, clip: Sidecar, fingerprint: bytes | None = None) -> None:
        """Keep a clip, whole or not at all. Only within `changing`. Raises `OutputError`."""
        if fingerprint is not None:
            self._write(self._prints / clip.source.sha256, fingerprint)
        self._write(self.sidecar(clip.source.sha256), sidecars.encode(clip))

    def remove(self, clip: str) -> None:
        """Forget a clip, readable or not; its audio is not touched. Only within `changing`."""
        try:
            self.sidecar(clip).unlink(missing_ok=True)
            (self._prints / clip).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{clip} cannot be removed: {error.strerror}", "Check the folder's owner.") from error

    def find(self, wanted: str) -> str:
        """The id of the clip that `wanted` names: the beginning of its id, its file's name or its title.

        Raises `InputError` when there is none, or more than one.
        """
        ids = self.ids()
        found = [one for one in ids if len(wanted) >= MIN_PREFIX and one.startswith(wanted)]
        for one in () if found else ids:
            try:
                clip = self.load(one)
            except StateError:
                continue
            if wanted in (shown(Path(clip.source.path).name), clip.title):
                found.append(one)
        if len(found) > 1:
            raise InputError(f"{len(found)} clips are called {wanted!r}", f"Name one by its id, e.g. {found[0][:12]}.")
        if not found:
            raise InputError(f"There is no clip {wanted!r} in {self.name}", f"See antiphon data list {self.name}")
        return found[0]

    def sidecar(self, clip: str) -> Path:
        """Where the sidecar of a clip lies."""
        return self._clips / f"{clip}.json"

    def _read(self, file: Path, most: int) -> bytes:
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
                return stream.read(most + 1)
        except OSError as error:
            raise StateError(
                f"{file} cannot be read: {error.strerror}", "Remove the clip, and add it again."
            ) from error

    def _write(self, file: Path, content: bytes) -> None:
        try:
            durable.replace(file, content)
        except OSError as error:
            raise OutputError(
                f"{file} cannot be written: {error.strerror}", "Free some space, and add again."
            ) from error
