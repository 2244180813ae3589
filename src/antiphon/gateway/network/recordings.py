"""The sound of tasks, kept for a while as 16-bit PCM: read in any format, also while it grows.

1. It grows in a file of a folder, one a task. Servers that share the folder read it there.
2. With a bucket, what has grown goes there too, as segments; when all of it is there, the file goes.
3. A file whose upload failed stays, and is tried again.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol, Self

from antiphon.gateway.network.bodies import ENDED, Task
from antiphon.gateway.network.segments import FIRST_BYTES, SEGMENT_BYTES, Segments, SegmentsReader

FOLDER = "api-sound"
MAX_BYTES = 2 << 30
"""When all files of the folder are more, the oldest goes first."""
PIECE_BYTES = 96_000
LEFT_S = 1_800.0
"""A file that did not grow for so long is nobody's: a task waits for its turn less long."""


class Sound(Protocol):
    """For a reader; no bytes: it ends there, or does so far."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Recording:
    """For its writer."""

    def __init__(self, path: Path, segments: Segments | None) -> None:
        """Raises OSError, and as `Segments` for a bucket that cannot be written to."""
        self._path, self._segments = path, segments
        self._number = self._uploaded = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = path.open("xb", buffering=0)
        try:
            if segments is not None:
                segments.begin(path.stem)
        except BaseException:
            self.close()
            path.unlink()
            raise

    @classmethod
    def left(cls, path: Path, segments: Segments) -> Self:
        """One whose writer has gone."""
        found = cls.__new__(cls)
        found._path, found._segments, found._file = path, segments, path.open("ab", buffering=0)
        found._number, found._uploaded = segments.written(path.stem)
        return found

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    @property
    def uploads(self) -> bool:
        return self._segments is not None

    def upload(self, *, all_of_it: bool = False) -> None:
        """What has grown, in segments that become longer, or to its end: then the file goes. Raises as `Segments`."""
        if self._segments is None:
            return
        with self._path.open("rb") as file:
            file.seek(self._uploaded)
            while True:
                data = file.read(min(SEGMENT_BYTES, max(FIRST_BYTES, self._uploaded)))
                if not data or (len(data) < min(SEGMENT_BYTES, max(FIRST_BYTES, self._uploaded)) and not all_of_it):
                    break
                self._segments.write(self._path.stem, self._number, data)
                self._number, self._uploaded = self._number + 1, self._uploaded + len(data)
        if all_of_it:
            self._path.unlink(missing_ok=True)


class Recordings:
    """All that are kept. Calls may wait for a disk or a bucket."""

    def __init__(self, home: Path, place: str = "") -> None:
        """`place`: a folder, by default in the data folder, or a bucket's URL. Raises as `Segments`."""
        self._segments = Segments(place) if "://" in place else None
        self._folder = Path(place) if place and self._segments is None else home / FOLDER

    def create(self, task: str) -> Recording:
        """Raises as `Recording`."""
        return Recording(self._path(task), self._segments)

    def open(self, task: Task) -> Sound | None:
        """None: it is not kept (any more). Raises as `Segments`."""
        try:
            return self._path(task.id).open("rb")
        except FileNotFoundError:
            if self._segments is None or (task.state in ENDED and self._segments.read(task.id, 0) is None):
                return None
            return SegmentsReader(self._segments, task.id)

    def keeps(self, task: Task) -> bool:
        """Of a task that has ended. What is in a bucket is known by the task itself."""
        return task.sound if self._segments is not None else self._path(task.id).exists()

    def delete(self, task: str) -> None:
        """Raises OSError, and as `Segments`."""
        self._path(task).unlink(missing_ok=True)
        if self._segments is not None:
            self._segments.delete(task)

    def sweep(self, busy: frozenset[str], keep_s: float) -> None:
        """Remove files that are too old, and the oldest of what is too much; upload what a writer left. Nothing of the
        tasks that are `busy`. Raises as `delete`."""
        files = [path for path in self._folder.glob("*.pcm") if path.stem not in busy]
        found = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in files), reverse=True)
        total, now_s = 0, time.time()
        for at_s, size, path in found:
            total += size
            if at_s < now_s - keep_s or (total > MAX_BYTES and self._segments is None):
                path.unlink(missing_ok=True)
            elif self._segments is not None and at_s < now_s - LEFT_S:
                left = Recording.left(path, self._segments)
                left.close()
                left.upload(all_of_it=True)

    def _path(self, task: str) -> Path:
        assert task.isalnum(), "an id that we made"
        return self._folder / f"{task}.pcm"
