"""Reading a ZIP that came from outside: nothing is unpacked to disk, and every size has a limit."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote
from xml.etree import ElementTree

from antiphon.errors import InputError

MAX_FILES = 20_000
MAX_FILE_BYTES = 16 << 20
MAX_TOTAL_BYTES = 128 << 20
"""Of all files read, unpacked: no book's text and cover come near it."""


class Archive:
    """The files of a ZIP by name. Raises `InputError` for one that is broken, locked or made to do harm."""

    def __init__(self, file: Path, kind: str) -> None:
        self.name, self._kind, self._read_bytes = repr(str(file)), kind, 0
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise InputError(f"{self.name} is no whole {kind} file", "Fetch or export it again.") from error
        if len(self._zip.infolist()) > MAX_FILES:
            self.close()
            raise InputError(f"{self.name} holds more than {MAX_FILES:,} files", "Export the book again.")
        self._known = {one.filename: one for one in self._zip.infolist()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str) -> bytes:
        """One file, whole. Raises `InputError`."""
        entry = self._known.get(name)
        if entry is None:
            raise self.broken(f"it names {name[:80]!r} and does not hold it")
        if entry.flag_bits & 0x1:
            raise InputError(f"{self.name} is locked with a password", "Save it without one.")
        try:
            with self._zip.open(entry) as stream:  # what the directory says of its size is not believed
                content = stream.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise self.broken(f"{name[:80]!r} cannot be unpacked") from error
        self._read_bytes += len(content)
        if len(content) > MAX_FILE_BYTES or self._read_bytes > MAX_TOTAL_BYTES:
            raise InputError(
                f"{self.name} unpacks to more than a book can be ({name[:80]!r})",
                f"Give files of at most {MAX_FILE_BYTES >> 20} MB, {MAX_TOTAL_BYTES >> 20} MB in all.",
            )
        return content

    def xml(self, name: str) -> ElementTree.Element:
        """One file as XML without a document type of its own: entities that grow are never declared."""
        content = self.read(name)
        if b"<!ENTITY" in content or b"<\0!\0E\0N\0T\0I\0T\0Y" in content:
            raise self.broken(f"{name[:80]!r} declares entities")
        try:
            return ElementTree.fromstring(content)  # noqa: S314 - no entities, a bounded size
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise self.broken(f"{name[:80]!r} is no whole XML") from error

    def named(self, base: str, link: str) -> str:
        """The file that a link in `base` names, without its fragment. Raises `InputError` where it leads outside."""
        link = unquote(link.partition("#")[0])
        path = posixpath.normpath(posixpath.join(posixpath.dirname(base), link))
        if path.startswith(("/", "..")) or "\\" in path or "\0" in path or ":" in link.partition("/")[0]:
            raise self.broken(f"the link {link[:80]!r} leads out of it")
        return path

    def broken(self, why: str) -> InputError:
        """What to raise for a file that is not what it says."""
        return InputError(f"{self.name} is a broken {self._kind}: {why}", "Export it again, or save it as HTML.")


def local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
