"""A task while it is under way: what is known of it, for whoever looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.door.progress import PartProgress, TaskProgress
from antiphon.gateway.network.bodies import BEGINNING_CHARS, Part, Problem, State, Task

SAMPLE_BYTES = 2
FINAL = frozenset({"valid", "invalid", "refunded", "cancelled"})


class Live:
    """`over`: nothing changes any more. `version`: another one after each change. `bytes_ready`: of its sound,
    that can be read."""

    def __init__(self, task: Task, begins: tuple[str, ...] = ()) -> None:
        self.task, self.bytes_ready, self.over = task, 0, False
        self.parts: dict[int, Part] = {}
        self._begins = begins
        self._paid: dict[tuple[str, int], int] = {}
        self._changed = asyncio.Event()
        self.version = 0

    def told(self, event: PartProgress | TaskProgress) -> bool:
        """From the network. Whether a task of the ledger is new: it has to be written down."""
        if isinstance(event, TaskProgress):
            self.change(ledger_tasks=(*self.task.ledger_tasks, event.task))
            return True
        begins = self._begins[event.number][:BEGINNING_CHARS] if event.number < len(self._begins) else ""
        part = Part(**{name: getattr(event, name) for name in event.__struct_fields__}, begins=begins)
        self.parts[event.number] = part
        self._paid[event.task, event.index] = event.paid_nano
        self.change(
            parts=max(len(self._begins), len(self.parts)),
            parts_ended=sum(one.state in FINAL for one in self.parts.values()),
            paid_nano=sum(self._paid.values()),
        )
        return False

    def grew(self, size: int) -> None:
        self.bytes_ready += size
        task = self.task
        self.change(seconds=self.bytes_ready / (SAMPLE_BYTES * task.channels * task.rate_hz))

    def became(self, state: State, error: Problem | None = None, **fields: Any) -> None:
        self.change(state=state, error=error, **fields)

    def change(self, **fields: Any) -> None:
        self.task = msgspec.structs.replace(self.task, **fields)
        self.version += 1
        self.notify()

    def notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changes(self, timeout_s: float) -> bool:
        """Wait for the next change; False: there was none."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def in_order(self) -> tuple[Part, ...]:
        return in_order(self.parts)


def in_order(parts: Mapping[int, Part]) -> tuple[Part, ...]:
    return tuple(parts[number] for number in sorted(parts))
