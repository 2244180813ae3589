"""`antiphon genki join --rent`: each round's training is ordered from the market."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from antiphon.cli.app import Terminated, run
from antiphon.cli.figures import ant
from antiphon.door.settings import Settings
from antiphon.errors import FundsError, UnavailableError

if TYPE_CHECKING:
    from antiphon.genki.learning import Learner
    from antiphon.genki.rounds.compression import Flat
    from antiphon.genki.rounds.local import LocalJob, Train
    from antiphon.genki.rounds.plan import Plan
    from antiphon.objects import ObjectStore


def renting(settings: Settings, plan: Plan, learner: Learner, store: str | None, max_price: int | None) -> Train:
    """Who does the local jobs of `plan`. Raises `UnavailableError` where nobody trains its model now, `FundsError`
    where that may cost more than `max_price` nano a round."""
    from antiphon.nodes.evaluation.evaluator import STORE
    from antiphon.objects import opened

    objects = opened(store or settings.home / STORE)
    price = run(_price(settings, plan))
    if max_price is not None and price > max_price:
        raise FundsError(
            f"A round's training may cost {ant(price)}, more than {ant(max_price)}", "Raise --max-price, or wait."
        )
    click.echo(f"A round's training costs {ant(price)} at most", err=True)

    def train(job: LocalJob) -> Flat:
        try:
            return run(_rented(settings, objects, learner, job, max_price))
        except Terminated as error:
            raise SystemExit(128 + error.number) from error  # nothing that only keeps a round alive holds this up

    return train


async def _price(settings: Settings, plan: Plan) -> int:
    from antiphon.client.renting import price_nano
    from antiphon.door.connecting import connect
    from antiphon.nodes.training import ENGINE

    async with connect(settings, engine=ENGINE) as session:
        try:
            return await price_nano(session.client, plan)
        except UnavailableError as error:
            raise UnavailableError(
                f"No node of this network trains {plan.model} for others: {error.what}",
                "Look again later, name another network (--ledger), or train here: join without --rent.",
            ) from error


async def _rented(
    settings: Settings, objects: ObjectStore, learner: Learner, job: LocalJob, max_price: int | None
) -> Flat:
    import numpy as np

    from antiphon.client.budget import cost_nano
    from antiphon.client.events import Closed
    from antiphon.client.renting import rent
    from antiphon.door.connecting import connect
    from antiphon.door.receipts import save_receipt
    from antiphon.nodes.training import ENGINE

    found: Flat | None = None
    async with (
        connect(settings, engine=ENGINE) as session,
        aclosing(rent(session.client, objects, learner, job, max_total_nano=max_price)) as events,
    ):
        async for event in events:
            if isinstance(event, Closed):
                save_receipt(settings.home, event.receipt)
                click.echo(f"rented: {ant(cost_nano(event.receipt, session.client.node_id))}", err=True)
            elif isinstance(event, np.ndarray):
                found = event
    if found is None:
        raise UnavailableError("The training was not done", "The next round orders anew.")
    return found
