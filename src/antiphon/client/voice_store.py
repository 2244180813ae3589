"""A client's cloned voices at rest: one sealed file each, readable only with the client's own key.

The key is derived from the identity in the data folder, so a copied file tells nothing, and whoever loses the identity
loses the voices. Each file is bound to its name: a renamed or swapped one does not open.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from antiphon import durable
from antiphon.errors import InputError, OutputError, ProtocolError, StateError
from antiphon.plugins import unknown
from antiphon.protocol import TaskKey, canonical, load_or_create
from antiphon.protocol.identity import derive
from antiphon.protocol.sealing import seal, unseal
from antiphon.services import Origin, VoiceProfile

FOLDER = "voices"
SUFFIX = ".voice"
MAX_NAME_CHARS = 40
MAX_FILE_BYTES = 512 * 1024
MAX_VOICES = 1_000
MAGIC = b"antiphon voice 2\n"
_WITHOUT_ORIGIN = b"antiphon voice 1\n"

_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME_CHARS - 1}}}")
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class StoredVoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A voice profile with the consent it was made with, the task that made it, and what became of the reference, in
    words."""

    profile: VoiceProfile
    consent: bytes
    origin: Origin
    created_ms: int
    report: str


def check_name(name: str) -> None:
    """Raise `InputError` unless it can name a voice: in a mix, and as a file on every system."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:60]!r} is no name for a voice", f"Use 1-{MAX_NAME_CHARS} of a-z, 0-9, - and _, e.g. grandma."
        )


class VoiceStore:
    """Voices by name in the data folder `home`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / FOLDER

    def names(self) -> tuple[str, ...]:
        """Names of all stored voices, sorted. Opens none."""
        try:
            found = [entry.name.removesuffix(SUFFIX) for entry in self._folder.iterdir() if entry.suffix == SUFFIX]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as e:
            raise StateError(f"{self._folder} cannot be read: {e.strerror}", "Check its owner and mode.") from e
        return tuple(sorted(name for name in found if _NAME.fullmatch(name)))

    def save(self, name: str, voice: StoredVoice) -> None:
        """Seal and keep a new voice: the whole file or none, never in another's place.

        Raises `InputError` (name, taken, too large) and `OutputError` (cannot be written).
        """
        check_name(name)
        with self._key() as key:
            sealed = MAGIC + seal(key, canonical.encode(voice), _context(name))
        if len(sealed) > MAX_FILE_BYTES:
            raise InputError(f"The voice {name} has {len(sealed)} bytes, more than {MAX_FILE_BYTES}", "Enrol it anew.")
        if len(self.names()) >= MAX_VOICES:
            raise InputError(f"{MAX_VOICES} voices are stored already", "Delete one: antiphon voices delete NAME")
        try:
            self._write(self._path(name), sealed)
        except FileExistsError as e:
            raise InputError(
                f"There is a voice {name!r} already", f"Delete it first: antiphon voices delete {name}"
            ) from e
        except OSError as e:
            raise OutputError(f"The voice cannot be written to {self._path(name)}: {e.strerror}", "Free space.") from e

    def load(self, name: str) -> StoredVoice:
        """Open a voice. Raises `InputError` (no such voice) and `StateError` naming a file that does not open."""
        file = self._path(name)
        raw = self._read(name, file)
        if raw.startswith(_WITHOUT_ORIGIN):
            raise StateError(
                f"The voice {name} was kept by an earlier version, without the task that proves whose voice it is",
                f"Enrol it again: antiphon voices delete {name}, then antiphon voices add {name} --reference ...",
            )
        if not raw.startswith(MAGIC) or len(raw) > MAX_FILE_BYTES:
            raise StateError(f"{file} is damaged", f"Delete the voice, and add it again: antiphon voices delete {name}")
        with self._key() as key:
            try:
                return canonical.decode(StoredVoice, unseal(key, raw[len(MAGIC) :], _context(name)))
            except (ProtocolError, InputError) as e:
                raise StateError(
                    f"{file} does not open: it is damaged, renamed, or was sealed with another key",
                    f"Restore it with its keys folder, or add the voice again: antiphon voices delete {name}",
                ) from e

    def delete(self, name: str) -> None:
        """Remove a voice's file, readable or not. Raises `InputError` when there is none."""
        file = self._path(name)
        try:
            file.unlink()
            durable.sync(self._folder)
        except FileNotFoundError as e:
            raise self._unknown(name) from e
        except OSError as e:
            raise OutputError(f"{file} cannot be deleted: {e.strerror}", "Check its owner and mode.") from e

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._folder / f"{name}{SUFFIX}"

    def _unknown(self, name: str) -> InputError:
        if names := self.names():
            return unknown("stored voice", name, names)
        add = f"antiphon voices add {name} --reference FILE --own-voice"
        return InputError(f"There is no stored voice {name!r}", f"Add one: {add}")

    def _key(self) -> TaskKey:
        identity = load_or_create(self._home / "keys" / "client.key")
        return TaskKey(derive(identity.seed.reveal(), info=b"antiphon/1 voice store"))

    def _read(self, name: str, file: Path) -> bytes:
        try:
            handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError) as e:
            raise self._unknown(name) from e
        except OSError as e:
            why = "is a symbolic link" if file.is_symlink() else f"cannot be opened: {e.strerror}"
            raise StateError(f"{file} {why}", "Check the file.") from e
        try:
            with os.fdopen(handle, "rb") as stream:
                return stream.read(MAX_FILE_BYTES + 1)
        except OSError as e:
            raise StateError(f"{file} cannot be read: {e.strerror}", "Check the file.") from e

    def _write(self, file: Path, content: bytes) -> None:
        durable.create(file, content)


def _context(name: str) -> bytes:
    return f"antiphon/1 voice {name}".encode()
