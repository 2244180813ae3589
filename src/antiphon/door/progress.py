"""How an order stands while it is made: its tasks, their parts, who makes them, and how validators vote."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import msgspec

from antiphon.client.budget import paid_nano
from antiphon.economy.types import PPM
from antiphon.errors import AntiphonError
from antiphon.ledger.listing import every_node

if TYPE_CHECKING:
    from antiphon.client.events import Closed, Opened
    from antiphon.door.connecting import Session
    from antiphon.ledger.records import PartRecord

LOOK_S = 0.15
"""Between two looks at the parts of a task."""


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """One validator that was drawn to judge a part, and its vote as far as it is known. `score`: 0-1."""

    validator: str
    state: Literal["drawn", "committed", "revealed"]
    verdict: str | None = None
    score: float | None = None


class PartProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One part (a sentence, a piece of music) as the ledger has it. `number`: in the order, from 0; `index`: in its
    task. `state`: waiting, assigned, drawing, delivered, revealing, or a final one: valid, invalid, refunded,
    cancelled. `producer`: who is asked now, or made it. `notes`: who declined or was late, in words."""

    number: int
    task: str
    index: int
    units: int
    state: str
    producer: str
    engine: str
    verdict: str | None
    score: float | None
    seats: tuple[Seat, ...]
    paid_nano: int
    notes: tuple[str, ...] = ()


class TaskProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A task was opened in the ledger: it can cost `max_nano`, and that much is held."""

    task: str
    first: int
    parts: int
    max_nano: int


Watch: TypeAlias = Callable[[PartProgress | TaskProgress], None]
"""Is told whenever something changed."""


class Watching:
    """Looks at the tasks of an order until they are settled, or it is left."""

    def __init__(self, session: Session, watch: Watch | None) -> None:
        self._session, self._watch = session, watch
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._firsts: dict[str, int] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._engines: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for look in self._looks.values():
            look.cancel()
        await asyncio.gather(*self._looks.values(), return_exceptions=True)
        for task in self._looks:
            with contextlib.suppress(AntiphonError):
                self._tell(task, await self._session.ledger.parts(task))

    def opened(self, event: Opened) -> None:
        if self._watch is None:
            return
        self._firsts[event.task] = event.first
        self._watch(
            TaskProgress(task=event.task, first=event.first, parts=event.parts, max_nano=event.quote.total_nano)
        )
        self._looks[event.task] = asyncio.create_task(self._look(event.task), name="progress")

    def closed(self, event: Closed) -> None:
        look = self._looks.pop(event.task.task, None)
        if look is not None:
            look.cancel()
            self._tell(event.task.task, event.parts)

    async def _look(self, task: str) -> None:
        with contextlib.suppress(AntiphonError):
            nodes = await every_node(self._session.ledger)
            self._engines.update((one.node, one.offers[0].engine) for one in nodes if one.offers)
            while True:
                parts = await self._session.ledger.parts(task)
                self._tell(task, parts)
                if all(part.settled for part in parts):
                    return
                await asyncio.sleep(LOOK_S)

    def _tell(self, task: str, parts: tuple[PartRecord, ...]) -> None:
        assert self._watch is not None, "somebody watches"
        for part in parts:
            key = (task, part.part.index)
            if self._seen.get(key) != part.version:
                self._seen[key] = part.version
                self._watch(self._progress(task, part))

    def _progress(self, task: str, part: PartRecord) -> PartProgress:
        ruling = part.rulings[-1] if part.rulings else None
        if ruling is not None and part.state.final:
            producer = ruling.producer.node
        else:
            producers = part.assignment.producers
            producer = producers[min(part.attempt, len(producers) - 1)].node if producers else ""
        outcome = ruling.outcome if ruling is not None else None
        return PartProgress(
            number=self._firsts[task] + part.part.index,
            task=task,
            index=part.part.index,
            units=part.part.units,
            state=str(part.state),
            producer=producer,
            engine=self._engines.get(producer, ""),
            verdict=str(outcome.verdict) if outcome is not None and outcome.verdict else None,
            score=outcome.score_ppm / PPM if outcome is not None and outcome.score_ppm is not None else None,
            seats=_seats(part),
            paid_nano=paid_nano(self._session.client.node_id, [part]),
            notes=part.notes,
        )


def _seats(part: PartRecord) -> tuple[Seat, ...]:
    """Of the last draw, in its order."""
    if not part.seatings:
        return ()
    drawn = part.seatings[-1]
    ruled = next((one for one in part.rulings if (one.attempt, one.round) == (drawn.attempt, drawn.round)), None)
    votes = part.reveals if ruled is None else ruled.votes
    found = []
    for terms in drawn.seats:
        vote = votes.get(terms.node)
        state: Literal["drawn", "committed", "revealed"] = "committed" if terms.node in part.commits else "drawn"
        if vote is None:
            found.append(Seat(validator=terms.node, state=state))
            continue
        score = None if vote.score_ppm is None else vote.score_ppm / PPM
        found.append(Seat(validator=terms.node, state="revealed", verdict=str(vote.verdict), score=score))
    return tuple(found)
