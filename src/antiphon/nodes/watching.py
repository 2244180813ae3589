"""Work that stops when its part leaves our hands: cancelled, passed on, or its consent revoked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from antiphon.errors import AntiphonError, ConflictError
from antiphon.ledger.records import PartRecord, PartState
from antiphon.parties.actor import Actor

log = logging.getLogger("antiphon.nodes")

GRACE_S = 0.2
"""Work that takes no longer is not watched: it costs the ledger nothing."""
PAUSE_S = 1.0
"""Before a ledger that does not answer is asked again."""


async def run_while_assigned(actor: Actor, record: PartRecord, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end while the part stays assigned as in `record`.

    As soon as it does not, the work is cancelled and `ConflictError` says what became of the part.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_lost(actor, record))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
    now = watching.result()
    why = now.notes[-1] if now.notes else now.state
    raise ConflictError(f"Part {now.part.index} left this node's hands: {why}", "Nothing more is made for it.")


async def _lost(actor: Actor, record: PartRecord) -> PartRecord:
    """The part once it is somebody else's, or nobody's."""
    attempt = record.attempt
    await asyncio.sleep(GRACE_S)
    while record.state is PartState.ASSIGNED and record.attempt == attempt:
        try:
            record = await actor.changed(record)
        except AntiphonError as error:  # the work goes on: it may be done before the ledger is back
            log.info("part %d of %s cannot be watched: %s", record.part.index, record.task[:8], error)
            await asyncio.sleep(PAUSE_S)
    return record
