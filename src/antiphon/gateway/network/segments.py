"""The sound of tasks in a bucket: numbered objects for each task, which any machine may read while they come."""

from __future__ import annotations

from antiphon.objects import Bucket

SEGMENT_BYTES = 1 << 20
FIRST_BYTES = 64 << 10
"""The first segments are shorter, so that whoever listens elsewhere hears them soon."""
REQUEST_S, RETRY_S = 20.0, 5.0
_BEGUN = "begun"


class Segments:
    """Those of a bucket. All methods raise as `ObjectStore`; ids of tasks are ours."""

    def __init__(self, url: str) -> None:
        """Raises `InputError` for what is no URL of a bucket, `ModelError` without its extra."""
        self._bucket = Bucket(url, request_s=REQUEST_S, retry_s=RETRY_S)

    def begin(self, task: str) -> None:
        """Find out whether the bucket can be written to, before anything is ordered."""
        self._bucket.write(f"{task}/{_BEGUN}", b"")

    def write(self, task: str, number: int, data: bytes) -> None:
        self._bucket.write(f"{task}/{number:08}", data)

    def read(self, task: str, number: int) -> bytes | None:
        """None: it is not there (yet)."""
        try:
            return self._bucket.read(f"{task}/{number:08}", 2 * SEGMENT_BYTES)
        except FileNotFoundError:
            return None

    def written(self, task: str) -> tuple[int, int]:
        """How many segments there are, and their bytes."""
        names = [name for name in self._bucket.names(task) if not name.endswith(_BEGUN)]
        return len(names), sum(self._bucket.size(name) or 0 for name in names)

    def delete(self, task: str) -> None:
        for name in self._bucket.names(task):
            self._bucket.delete(name)


class SegmentsReader:
    """A task's sound from its beginning, read like a file that may still grow."""

    def __init__(self, segments: Segments, task: str) -> None:
        self._segments, self._task = segments, task
        self._number, self._left = 0, b""

    def read(self, size: int) -> bytes:
        if not self._left:
            self._left = self._segments.read(self._task, self._number) or b""
            self._number += bool(self._left)
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def close(self) -> None:
        """Nothing is open."""
