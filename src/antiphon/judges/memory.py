"""What was once computed is not computed again, whichever thread asks. The one cache of this room."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


def key_of(*parts: bytes) -> bytes:
    """A short key of everything that a result depends on, part by part."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


class Memory(Generic[T]):
    """The last `capacity` results by key. Two threads that ask for one key at once share the work. Thread-safe.

    An exception reaches everybody who waits and is not remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._results: OrderedDict[bytes, Future[T]] = OrderedDict()

    def get(self, key: bytes, compute: Callable[[], T]) -> T:
        """The result of `key`, computed when it is not known."""
        return self.get_all([key], lambda _: [compute()])[0]

    def get_all(self, keys: Sequence[bytes], compute: Callable[[Sequence[int]], Sequence[T]]) -> list[T]:
        """The results of `keys`, in order. `compute` gets the indices of those that nobody knows, each once, and
        answers for all of them together."""
        fresh: list[int] = []
        promises: list[Future[T]] = []
        with self._lock:
            for index, key in enumerate(keys):
                if key not in self._results:
                    self._results[key] = Future()
                    fresh.append(index)
                self._results.move_to_end(key)
                promises.append(self._results[key])
            while len(self._results) > max(self._capacity, len(keys)):
                self._results.popitem(last=False)
        if fresh:
            self._keep([(keys[index], promises[index]) for index in fresh], lambda: compute(fresh))
        return [promise.result() for promise in promises]

    def _keep(self, asked: Sequence[tuple[bytes, Future[T]]], compute: Callable[[], Sequence[T]]) -> None:
        try:
            for (_, promise), result in zip(asked, compute(), strict=True):
                promise.set_result(result)
        except BaseException as error:
            for key, promise in asked:
                with self._lock:
                    self._results.pop(key, None)
                if not promise.done():
                    promise.set_exception(error)
            raise
