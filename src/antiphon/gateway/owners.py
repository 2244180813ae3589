"""Whether the process that reserved something still lives: it holds a lock that ends with it, however it ends."""

from __future__ import annotations

import fcntl
import secrets
from pathlib import Path

_SUFFIX = ".lock"


class Owner:
    """This process among those that have a file open, by a locked file beside it.

    Make one, and ask for others, within a transaction on that file: else a lock could be taken for a dead one's in the
    moment between its file and its lock."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self.name = secrets.token_hex(8)
        self._file = self._path(self.name).open("xb")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def living(self) -> set[str]:
        """The names of those that live. Locks of others are removed."""
        names = {path.name.split(".")[-2] for path in self._beside.parent.glob(f"{self._beside.name}.*{_SUFFIX}")}
        return {name for name in names if name == self.name or self._lives(self._path(name))}

    def close(self) -> None:
        """What it has reserved still, if anything, is nobody's from now on."""
        self._path(self.name).unlink(missing_ok=True)
        self._file.close()

    def _lives(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _path(self, name: str) -> Path:
        return self._beside.with_name(f"{self._beside.name}.{name}{_SUFFIX}")
