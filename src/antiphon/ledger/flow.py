"""The state machine of one task: parts in phases, and what follows when all are final. No IO; see `machine` for parts.

1. A task's first phase starts when it opens; a phase starts when all parts of earlier phases are valid.
2. When a part ends without a valid result, the parts of later phases are refunded.
3. When all parts are final the task is closed: COMPLETED (all valid), PARTIAL (some), CANCELLED (none, and one was
   cancelled), FAILED (none). A closed task holds no money and never changes again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from antiphon.economy.types import Mode, Rules
from antiphon.errors import ConflictError
from antiphon.ledger.machine import (
    Abandon,
    Context,
    Event,
    Start,
    Step,
    TaskOperation,
    Tick,
    Withdraw,
    leads_to_a_draw,
    transition,
)
from antiphon.ledger.operations import Cancel, DrawSeats
from antiphon.ledger.records import PartRecord, PartState, TaskState


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What never changes about a task and every transition needs."""

    ledger: str
    task: str
    client: str
    mode: Mode
    service: str
    rules: Rules


class TaskStore(Protocol):
    """One task's parts, wherever they are kept: tables of a backend, or a dict in an audit."""

    @property
    def facts(self) -> Facts: ...

    def part(self, index: int) -> PartRecord:
        """Raises InputError when the task has no such part."""

    def open_parts(self) -> Sequence[int]:
        """Indices of the parts that are not final, ascending."""

    def waiting(self) -> Sequence[tuple[int, int]]:
        """(index, phase) of the WAITING parts, ascending."""

    def phases(self) -> Collection[tuple[int, PartState]]:
        """The different (phase, state) that occur."""

    def left_out(self, record: PartRecord, /) -> tuple[str, ...]:
        """Who of the part's pool cannot be drawn now: silent, or without free stake. In the order of the pool."""

    def link(self, record: PartRecord, /) -> bytes:
        """The ledger's own link for the record's round."""

    def keep(self, before: PartRecord, step: Step) -> None:
        """Store the record and book what moves."""


def act(store: TaskStore, event: TaskOperation | Tick | Withdraw, *, index: int, sender: str, now_ms: int) -> None:
    """Apply an operation of `sender`, a deadline or a revocation to a task. Raises what `machine.transition` raises."""
    if isinstance(event, Cancel | Withdraw):
        indices = store.open_parts()
        if not indices and isinstance(event, Cancel):  # a revocation always counts, also while only fines wait
            raise ConflictError(f"Task {store.facts.task} is already closed", "Nothing can change it any more.")
    else:
        indices = (index,)
    ended = [_step(store, event, index=i, sender=sender, now_ms=now_ms) for i in indices]
    if any(ended):
        _follow(store, now_ms)


def closing_state(states: Collection[PartState]) -> TaskState | None:
    """Rule 3. None while a part is not final."""
    found = set(states)
    assert found, "a task has parts"
    if any(not state.final for state in found):
        return None
    if found == {PartState.VALID}:
        return TaskState.COMPLETED
    if PartState.VALID in found:
        return TaskState.PARTIAL
    return TaskState.CANCELLED if PartState.CANCELLED in found else TaskState.FAILED


def _follow(store: TaskStore, now_ms: int) -> None:
    """Rules 1 and 2."""
    waiting = store.waiting()
    if not waiting:
        return
    phases = store.phases()
    failed = [phase for phase, state in phases if state.final and state is not PartState.VALID]
    undone = [phase for phase, state in phases if state is not PartState.VALID]
    for index, phase in waiting:
        if any(earlier < phase for earlier in failed):
            _step(store, Abandon(), index=index, sender="", now_ms=now_ms)
        elif not any(earlier < phase for earlier in undone):
            _step(store, Start(), index=index, sender="", now_ms=now_ms)


def _step(store: TaskStore, event: Event, *, index: int, sender: str, now_ms: int) -> bool:
    """Whether the part became final."""
    facts = store.facts
    before = store.part(index)
    context = Context(
        ledger=facts.ledger,
        client=facts.client,
        mode=facts.mode,
        rules=facts.rules,
        now_ms=now_ms,
        sender=sender,
        left_out=store.left_out(before) if leads_to_a_draw(before, event) else (),
        link=store.link(before) if isinstance(event, DrawSeats) and before.state is PartState.DRAWING else b"",
    )
    step = transition(before, event, context)
    store.keep(before, step)
    return step.record.state.final
