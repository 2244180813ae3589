"""A round's shares, ordered from the network: appraised by one node, judged by drawn validators, whose shares count."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeAlias

from antiphon.client.client import Client, Job
from antiphon.client.events import Closed, Opened, Stage
from antiphon.errors import UnavailableError
from antiphon.genki.contribution import Appraisal
from antiphon.genki.rounds.store import Voted
from antiphon.genki.voting.judge import SERVICE, order_of
from antiphon.genki.voting.outcome import Part, agreed, part_count
from antiphon.ledger.operations import Selector

VoteEvent: TypeAlias = Opened | Stage | Closed | Voted
"""The shares come last."""


async def vote(
    client: Client, evidence: str, appraisal: Appraisal, *, max_total_nano: int | None = None
) -> AsyncGenerator[VoteEvent, None]:
    """Have a round voted on. Without a majority validators are drawn anew, then the money comes back. Raises like
    `Client.run`, and `InputError` where they did not agree."""
    orders = [order_of(evidence, part) for part in range(part_count(appraisal))]
    job = Job(orders, Selector(service=SERVICE), max_total_nano=max_total_nano)
    parts: list[Part] = []
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if isinstance(event, (Opened, Stage, Closed)):
                yield event
            if isinstance(event, Closed):
                parts += [(part.task, part.reveals, part.rulings[-1].outcome) for part in event.parts if part.rulings]
    if len(parts) != len(orders):
        raise UnavailableError("Not all parts of the round were voted on", "Run the command again.")
    yield agreed(evidence, appraisal, parts)
