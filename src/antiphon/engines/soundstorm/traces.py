"""What an engine remembers of its generations, so that single passes of them can be opened and audited."""

from __future__ import annotations

import threading
from collections import OrderedDict

from antiphon.errors import InputError
from antiphon.soundstorm.audit import Commitment, Opening, Task, commit, open_pass
from antiphon.soundstorm.decoding import Trace

KEPT = 256
"""Generations remembered: each takes 12 kB a second of sound and pass at most, an hour of work about 100 MB."""


class Traces:
    """The last generations by the Merkle root over their token grids. Safe for threads."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._traces: OrderedDict[bytes, tuple[Task, Trace, Commitment]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, task: Task, trace: Trace) -> Commitment:
        """The commitment to a generation, which can be opened from now on."""
        made = commit(task, trace)
        with self._lock:
            self._traces[made.root] = (task, trace, made)
            self._traces.move_to_end(made.root)
            while len(self._traces) > self._kept:
                self._traces.popitem(last=False)
        return made

    def roots(self) -> tuple[bytes, ...]:
        """Roots of what is remembered, oldest first."""
        with self._lock:
            return tuple(self._traces)

    def task(self, root: bytes) -> Task:
        """The statement a generation was made from. Raises `InputError` for a root that is not remembered."""
        return self._found(root)[0]

    def trace(self, root: bytes) -> Trace:
        """The grids themselves. Raises `InputError` like `task`."""
        return self._found(root)[1]

    def commitment(self, root: bytes) -> Commitment:
        """What was signed. Raises `InputError` like `task`."""
        return self._found(root)[2]

    def open(self, root: bytes, index: int) -> Opening:
        """Pass `index` of a generation. Raises `InputError` for a root that is not remembered, or no such pass."""
        task, trace, _ = self._found(root)
        return open_pass(task, trace, index)

    def _found(self, root: bytes) -> tuple[Task, Trace, Commitment]:
        with self._lock:
            if root not in self._traces:
                raise InputError(
                    f"No generation with the root {root.hex()[:16]} is remembered",
                    f"Audit within the last {self._kept} generations.",
                )
            return self._traces[root]
