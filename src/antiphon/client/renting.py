"""A local training ordered from the network: done by one node, done again by drawn validators, then paid for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeAlias

from antiphon.client.client import Client, Job
from antiphon.client.events import Artefact, Closed, Opened, Stage
from antiphon.errors import UnavailableError
from antiphon.genki.learning import Learner
from antiphon.genki.renting import sealed
from antiphon.genki.renting.job import packed
from antiphon.genki.renting.judge import SERVICE, Outcome, delivered, order_of
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.compression import Flat
from antiphon.genki.rounds.local import LocalJob
from antiphon.genki.rounds.plan import Plan
from antiphon.ledger.operations import Selector
from antiphon.objects import ObjectStore
from antiphon.protocol import TaskKey, canonical

RentEvent: TypeAlias = Opened | Stage | Closed | Flat
"""The difference comes last."""


async def price_nano(client: Client, plan: Plan) -> int:
    """The most that a round's training may cost now. Raises `UnavailableError` where nobody trains the plan's model,
    `InputError` for one with too many steps."""
    order = order_of("0" * 64, TaskKey.generate(), plan.model, plan.local_steps)
    return (await client.quote(_selector(plan), [order])).total_nano


async def rent(
    client: Client, store: ObjectStore, learner: Learner, job: LocalJob, *, max_total_nano: int | None = None
) -> AsyncGenerator[RentEvent, None]:
    """Have a job done. It lies in the store, sealed, until it is over. Raises as `Client.run`: nobody is paid then."""
    with TaskKey.generate() as key:
        id_ = sealed.put(store, "jobs", packed(job, learner), key)
        order = order_of(id_, key, job.plan.model, job.plan.local_steps)
        outcome = b""
        try:
            wanted = Job([order], _selector(job.plan), max_total_nano=max_total_nano)
            async with aclosing(client.run(wanted)) as events:
                async for event in events:
                    if isinstance(event, Artefact):
                        outcome = event.data
                    elif isinstance(event, (Opened, Stage, Closed)):
                        yield event
            if not outcome:
                raise UnavailableError("The order brought no training", "The next round orders anew.")
            found = delivered(outcome, id_, store)
            if found.size != compression.flat(job.parameters).size:
                raise UnavailableError("The training is of another model", "The next round orders anew.")
            sealed.forget(store, "outcomes", canonical.decode(Outcome, outcome).outcome)
            yield found
        finally:
            sealed.forget(store, "jobs", id_)


def _selector(plan: Plan) -> Selector:
    """Whoever trains this model."""
    return Selector(service=SERVICE, voice=plan.model)
