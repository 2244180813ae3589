"""The sound of tasks, kept for a while as 16-bit PCM: read in any format, also while it grows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

FOLDER = "api-sound"
KEPT_S = 24 * 3_600
MAX_BYTES = 2 << 30
"""When all of it is more, the oldest goes first."""
PIECE_BYTES = 96_000


class Recordings:
    """Files of the data folder, one a task."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def create(self, task: str) -> BinaryIO:
        """For its writer. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._path(task).open("xb", buffering=0)

    def open(self, task: str) -> BinaryIO | None:
        """For a reader; None: it is not kept (any more)."""
        try:
            return self._path(task).open("rb")
        except FileNotFoundError:
            return None

    def keeps(self, task: str) -> bool:
        return self._path(task).exists()

    def sweep(self, busy: frozenset[str]) -> None:
        """Remove what is too old, and the oldest of what is too much; nothing of the tasks that are `busy`."""
        files = [path for path in self._folder.glob("*.pcm") if path.stem not in busy]
        found = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in files), reverse=True)
        total, oldest_s = 0, time.time() - KEPT_S
        for at_s, size, path in found:
            total += size
            if at_s < oldest_s or total > MAX_BYTES:
                path.unlink(missing_ok=True)

    def _path(self, task: str) -> Path:
        assert task.isalnum(), "an id that we made"
        return self._folder / f"{task}.pcm"
