"""What was once computed is not computed again, whichever thread asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """The last `capacity` results by key. Two threads that ask for one key at once share the work. Thread-safe.

    An exception reaches everybody who waits and is not remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._results: OrderedDict[bytes, Future[T]] = OrderedDict()

    def get(self, key: bytes, compute: Callable[[], T]) -> T:
        with self._lock:
            promise = self._results.get(key)
            mine = promise is None
            if promise is None:
                promise = self._results[key] = Future()
            self._results.move_to_end(key)
            while len(self._results) > self._capacity:
                self._results.popitem(last=False)
        if mine:
            try:
                promise.set_result(compute())
            except BaseException as error:
                with self._lock:
                    self._results.pop(key, None)
                promise.set_exception(error)
                raise
        return promise.result()
