"""What a job has paid for and not kept: fetched from the validators that judged it, after whatever ended the job.

1. A task that is still open is cancelled: what was not delivered comes back. 2. What was delivered is waited for, until
its verdict or the end of our patience. 3. Valid work is fetched with the key that was kept. 4. What nobody holds any
more has to be bought again, and is counted, so that it can be said.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from antiphon.errors import AntiphonError, ConflictError, InputError
from antiphon.ledger.base import PartRecord, PartState, TaskState
from antiphon.ledger.operations import Cancel
from antiphon.nodes.attempt import rescue
from antiphon.nodes.budget import exposed_nano
from antiphon.nodes.consents import require_standing
from antiphon.nodes.job_store import JobStore, TaskNote
from antiphon.nodes.keeping import Result
from antiphon.nodes.node import Actor
from antiphon.nodes.runs import PartRun, TaskRun
from antiphon.protocol import TaskKey

FETCH_S = 20.0
"""Longest try to fetch what one task has paid for."""


@dataclass(slots=True)
class Recovered:
    """What came of an earlier run's tasks: results fetched, paid ones that are gone, ones whose verdict is open."""

    fetched: int = 0
    lost: int = 0
    open: int = 0
    spent_nano: int = 0  # what they have cost, and at most can still cost


async def recover(client: Actor, store: JobStore, *, patience_s: float) -> Recovered:
    """Settle what an earlier run left in this ledger. Waits at most `patience_s` for verdicts."""
    found = Recovered()
    notes = store.tasks()
    await asyncio.gather(*(_cancel(client, note) for note in notes))
    deadline_s = asyncio.get_running_loop().time() + patience_s
    for note in notes:
        await _recover_task(client, store, note, deadline_s, found)
    return found


async def _cancel(client: Actor, note: TaskNote) -> None:
    try:
        if (await client.context.ledger.task(note.task)).state is TaskState.OPEN:
            await client.submit(Cancel(task=note.task), note.task)
    except (ConflictError, InputError):
        return  # closed meanwhile, or never opened


async def _recover_task(client: Actor, store: JobStore, note: TaskNote, deadline_s: float, found: Recovered) -> None:
    try:
        task = await client.context.ledger.task(note.task)
        parts = {record.part.index: record for record in await client.context.ledger.parts(note.task)}
    except InputError:
        return  # it was never opened: nothing was paid
    run = TaskRun(note.task, task.quote, task.mode, [], [], task.rules, task.grants)
    for noted in note.parts:
        if noted.index not in parts:
            continue
        record = parts[noted.index] = await _final(client, parts[noted.index], deadline_s)
        if store.has(noted.slot) or record.state is not PartState.VALID:
            found.open += not record.state.final and not store.has(noted.slot)
            continue
        with TaskKey(noted.key) as key:
            part = PartRun(noted.index, noted.index, None, key, b"")
            try:
                await require_standing(client.context.ledger, task.grants)
                async with asyncio.timeout(FETCH_S):
                    copy = await rescue(client, run, part, record)
            except (AntiphonError, TimeoutError):
                found.lost += 1
                continue
        await asyncio.to_thread(store.finished, noted.slot, Result(copy.form, bytes(copy.pcm)))
        found.fetched += 1
    found.spent_nano += exposed_nano(client.node_id, parts.values())


async def _final(client: Actor, record: PartRecord, deadline_s: float) -> PartRecord:
    """The part once it is final, or as it is when patience ends."""
    while not record.state.final and (left_s := deadline_s - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(left_s):
                record = await client.changed(record)
        except TimeoutError:
            break
    return record
