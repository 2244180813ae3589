"""What is kept of a finished task: figures, not records, or a book would fill the memory."""

from __future__ import annotations

import pickle
from pathlib import Path

from network_of import say, world

from antiphon.client.budget import paid_nano
from antiphon.client.client import Job
from antiphon.client.events import Closed
from antiphon.client.job_policy import JobPolicy
from antiphon.door.figures import delivered, ended, paid_for
from antiphon.ledger.operations import Selector

TEXTS = ("The first one.", "The second one.", "And one more.")


async def test_what_is_kept_is_small_and_tells_the_same(tmp_path: Path) -> None:
    selector = Selector(service="speech", language="en-us", voice="tone")
    async with world(tmp_path) as net:
        job = Job(say(*TEXTS), selector, policy=JobPolicy())
        records = [event async for event in net.client.run(job) if isinstance(event, Closed)]
    kept = [ended(one) for one in records]
    assert paid_for(kept) == sum(paid_nano(one.task.client, one.parts) for one in records) > 0
    parts = [part for one in kept for part in one.parts]
    assert {part.state for part in delivered(parts)} == {"valid"}
    assert sum(part.votes for part in parts) == sum(
        len(part.rulings[-1].votes) for one in records for part in one.parts if part.rulings
    )
    assert len(pickle.dumps(kept)) * 5 < len(pickle.dumps(records))
