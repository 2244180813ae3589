"""Objects as files in a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon.errors import InputError, OutputError, is_full
from antiphon.objects.base import MAX_OBJECT_BYTES, check_name, too_long

_HIDDEN = ".part-"
"""What is not written to its end begins so: no name of an object does."""


class Folder:
    """See `ObjectStore`. It is made by the first write."""

    def __init__(self, root: Path) -> None:
        self.root, self.url = root, str(root)

    def size(self, name: str) -> int | None:
        path = self._path(name)
        with _told(path, "read"):
            return path.stat().st_size if path.is_file() else None

    def read(self, name: str, most: int = MAX_OBJECT_BYTES) -> bytes:
        path = self._path(name)
        with _told(path, "read"), path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise too_long(str(path), path.stat().st_size, most)
        return data

    def write(self, name: str, data: bytes, *, new: bool = False) -> bool:
        path = self._path(name)
        with _told(path, "write"):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, prefix=_HIDDEN)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if new:
                    os.link(part, path)  # refused where there is one already, whoever is faster
                else:
                    Path(part).replace(path)
            except FileExistsError:
                return False
            finally:
                Path(part).unlink(missing_ok=True)
        return True

    def names(self, prefix: str) -> list[str]:
        root = self._path(prefix) if prefix else self.root
        with _told(root, "read"):
            files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(_HIDDEN)]
        return sorted(path.relative_to(self.root).as_posix() for path in files)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _told(path, "write"):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)


@contextmanager
def _told(path: Path, deed: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        hint = (
            "Free some space, and do it again: it goes on." if is_full(error) else "Look at the folder's permissions."
        )
        kind = OutputError if deed == "write" else InputError
        raise kind(f"Cannot {deed} {path}: {error.strerror}", hint) from error
