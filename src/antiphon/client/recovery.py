"""What a job has paid for and not kept: fetched from the validators that judged it, after whatever ended the job.

1. Seats that wait for our link are drawn: kept back, it would be a late cancel, and paid for. Then a task that is still
open is cancelled: what was not delivered comes back. 2. What was delivered is waited for, until its verdict or the end
of our patience. 3. Valid work is fetched with the key that was kept. 4. What nobody holds any
more has to be bought again, and is counted, so that it can be said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from antiphon.client.attempt import draw_seats, fetch_judged
from antiphon.client.budget import cost_nano, paid_nano
from antiphon.client.job_policy import Result
from antiphon.client.job_store import JobStore, NotedPart, TaskNote
from antiphon.client.runs import PartRun, TaskRun
from antiphon.economy.beacon import Chain
from antiphon.errors import AntiphonError, ConflictError, InputError
from antiphon.ledger import receipts
from antiphon.ledger.operations import Cancel
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.parties.actor import Actor
from antiphon.parties.consents import require_standing
from antiphon.parties.origins import origin_of
from antiphon.protocol import TaskKey

FETCH_S = 20.0
"""Longest try to fetch what one task has paid for."""


@dataclass(slots=True)
class Recovered:
    """What came of earlier runs' tasks: results fetched, paid ones that are gone (in all: a run that was killed may not
    have told of its own), slots whose verdict is open."""

    fetched: int = 0
    lost: int = 0
    open: set[str] = field(default_factory=set)
    paid_nano: int = 0
    held_nano: int = 0  # at most so much more can be paid for what is not judged yet


async def recover(client: Actor, store: JobStore, *, patience_s: float) -> Recovered:
    """Settle what an earlier run left in this ledger. Waits at most `patience_s` for verdicts."""
    found = Recovered()
    notes = store.tasks()
    await asyncio.gather(*(_cancel(client, note) for note in notes))  # 1
    deadline_s = asyncio.get_running_loop().time() + patience_s
    # side by side: a part whose next round waits for our link does not wait for another part's verdict as well
    ends = await asyncio.gather(*(_ended(client, note, deadline_s) for note in notes))
    for note, ended in zip(notes, ends, strict=True):
        if ended is not None:
            await _keep(client, store, note, ended, found)
    return found


async def _cancel(client: Actor, note: TaskNote) -> None:
    try:
        task = await client.context.ledger.task(note.task)
        if task.state is not TaskState.OPEN:
            return
        run = TaskRun(client, note.task, task.quote, task.mode, [], [], task.rules, task.grants)
        noted = {part.index: part for part in note.parts}
        for record in await client.context.ledger.parts(note.task):
            if record.state is PartState.DRAWING and record.part.index in noted:
                await draw_seats(client, run, _part_run(noted[record.part.index]), record)
        await client.submit(Cancel(task=note.task), note.task)
    except (ConflictError, InputError):
        return  # closed meanwhile, or never opened


def _part_run(noted: NotedPart) -> PartRun:
    return PartRun(noted.index, noted.index, None, TaskKey(noted.key), b"", Chain(noted.secret))


@dataclass(frozen=True)
class Ended:
    """A noted task and its parts, each final or as it was when patience ended."""

    run: TaskRun
    parts: dict[int, PartRecord]


async def _ended(client: Actor, note: TaskNote, deadline_s: float) -> Ended | None:
    try:
        task = await client.context.ledger.task(note.task)
        parts = {record.part.index: record for record in await client.context.ledger.parts(note.task)}
    except InputError:
        return None  # it was never opened: nothing was paid
    run = TaskRun(client, note.task, task.quote, task.mode, [], [], task.rules, task.grants)
    noted = [one for one in note.parts if one.index in parts]
    final = await asyncio.gather(*(_final(client, run, one, parts[one.index], deadline_s) for one in noted))
    return Ended(run, parts | {record.part.index: record for record in final})


async def _keep(client: Actor, store: JobStore, note: TaskNote, ended: Ended, found: Recovered) -> None:
    run, parts = ended.run, ended.parts
    gone = set()
    for noted in note.parts:
        if noted.index not in parts:
            continue
        record = parts[noted.index]
        if record.state is PartState.INVALID:
            store.rejected(noted.slot)
        if store.has(noted.slot) or noted.lost:
            continue
        if not record.state.final:
            found.open.add(noted.slot)
        elif record.state is PartState.VALID:
            result = await _fetched(client, run, noted, record)
            if result is None:
                gone.add(noted.slot)
            else:
                await asyncio.to_thread(store.finished, noted.slot, result)
                found.fetched += 1
    if gone:
        told = tuple(msgspec.structs.replace(one, lost=one.lost or one.slot in gone) for one in note.parts)
        await asyncio.to_thread(store.renote, TaskNote(task=note.task, parts=told))
    found.lost += sum(one.lost or one.slot in gone for one in note.parts)
    found.paid_nano += await _paid(client, note, parts.values())
    held = (record.remaining_nano for record in parts.values() if not record.state.final)
    found.held_nano += sum(held)


async def _paid(client: Actor, note: TaskNote, parts: Iterable[PartRecord]) -> int:
    """What the task has cost so far, hold fees included once it is closed."""
    if (await client.context.ledger.task(note.task)).state is TaskState.OPEN:
        return paid_nano(client.node_id, parts)
    return cost_nano(await receipts.build(client.context.ledger, note.task), client.node_id)


async def _fetched(client: Actor, run: TaskRun, noted: NotedPart, record: PartRecord) -> Result | None:
    """The judged work from a validator that has it; None where nobody hands it over."""
    part = _part_run(noted)
    try:
        await require_standing(client.context.ledger, run.grants)
        async with asyncio.timeout(FETCH_S):
            copy = await fetch_judged(client, run, part, record)
    except (AntiphonError, TimeoutError):
        return None
    else:
        origin = None if copy.form.is_audio else origin_of(run.task, part.index, part.key)
        return Result(copy.form, bytes(copy.pcm), origin)
    finally:
        part.key.destroy()


async def _final(client: Actor, run: TaskRun, noted: NotedPart, record: PartRecord, deadline_s: float) -> PartRecord:
    """The part once it is final, or as it is when patience ends."""
    while not record.state.final and (left_s := deadline_s - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(left_s):
                if record.state is PartState.DRAWING:  # after a round without a majority
                    await draw_seats(client, run, _part_run(noted), record)
                record = await client.changed(record)
        except TimeoutError:
            break
    return record
