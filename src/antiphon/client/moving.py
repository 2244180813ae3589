"""From a relay that is gone, or was caught, to the next: what of a task has to be ordered again, and what it has cost.

What was judged valid at the lost relay is kept and paid for. What was not yet judged is ordered again elsewhere, with
money of another session. What nobody brings to the contract before its session expires comes back by `close`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from antiphon.client.job import JobItem
from antiphon.client.runs import PartRun, TaskRun
from antiphon.errors import AntiphonError, LedgerLostError
from antiphon.parties.actor import Actor, Context

Elsewhere = Callable[[LedgerLostError], Awaitable[Context]]
"""Reaches the next relay, where the client has money. Raises the error when there is none."""


class Place:
    """The ledger at which the next task is opened: who we are there."""

    def __init__(self, context: Context, elsewhere: Elsewhere | None) -> None:
        self.actor = Actor(context)
        self._elsewhere = elsewhere
        self._moving = asyncio.Lock()

    async def leave(self, lost: Actor, error: LedgerLostError) -> None:
        """Go on elsewhere, once for all who find `lost` gone. Raises `error` where there is nowhere to go."""
        async with self._moving:
            if self.actor is not lost:
                return
            if self._elsewhere is None:
                raise error
            self.actor = Actor(await self._elsewhere(error))


def unfinished(run: TaskRun) -> list[PartRun]:
    """Parts that were under way when their ledger was lost. Call it when all workers have ended."""
    return [
        part for part in run.parts if isinstance(part.error, LedgerLostError) and part.moved is None and not part.heard
    ]


def wanted_again(parts: list[PartRun]) -> list[JobItem]:
    return [again for part in parts if (again := wanted(part)) is not None]


def wanted(part: PartRun) -> JobItem | None:
    """What has to be ordered for a part that nobody made; None for one of which only the result is wanted."""
    if part.request is None or part.selector is None:
        return None
    return JobItem(part.number, part.request, part.slot, False, part.selector)


def link(old: TaskRun, new: TaskRun) -> None:
    """The new task's parts stand for the old ones; what was heard of them is not played again."""
    again = {part.number: part for part in new.parts}
    for part in unfinished(old):
        part.moved = again[part.number]
        part.moved.released_s = part.released_s
    old.moved = new


def failure(part: PartRun) -> AntiphonError | None:
    """What went wrong with a part in the end, wherever it was made. A part that was heard lost nothing with its
    ledger but the receipt."""
    if not part.heard:
        return part.error
    while part.moved is not None:
        part = part.moved
    return None if isinstance(part.error, LedgerLostError) else part.error


def last(run: TaskRun) -> TaskRun:
    """Where what is left of a task was opened in the end."""
    while run.moved is not None:
        run = run.moved
    return run
