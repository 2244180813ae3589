"""`antiphon genki vote`: drawn validators compute a federation's shares by themselves."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.cli.dama import store_option
from antiphon.cli.figures import ant
from antiphon.cli.genki import federation_at, genki
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.genki.rounds.store import Store, Voted
    from antiphon.objects import ObjectStore

__all__ = ["genki", "vote"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


@genki.command(epilog="\b\nExamples:\n  antiphon genki vote federation --held-out kept\n")
@click.argument("name")
@click.option("--held-out", type=_FOLDER, required=True, help="The folder that the rounds were measured on.")
@click.option("--pool", type=_FOLDER, help="Folder of music that all have, if the plan names a pool.")
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Of each round: order nothing if it could cost more.")
@store_option
@click.pass_obj
def vote(
    settings: Settings, name: str, held_out: Path, pool: Path | None, max_cost: int | None, store: str | None
) -> None:
    """Have the shares of the federation NAME voted on, round by round, by drawn validators who appraise it themselves.

    What was committed goes to the store first, held-out music included: so vote after the last round. `antiphon genki
    publish` pays by these shares. Run it again after a stop: rounds that were voted on are left alone.
    """
    from antiphon.genki.rounds.store import opened
    from antiphon.nodes.evaluation.evaluator import STORE
    from antiphon.objects import opened as objects_at

    at, objects = opened(federation_at(settings, name)), objects_at(store or settings.home / STORE)
    if at.plan.secure:
        raise InputError(
            f"Nobody saw the updates of {name}, so there is nothing to vote on",
            "With secure aggregation all that are in a round's sum share alike.",
        )
    for report in at.reports():
        if at.appraisal(report.round) is None or at.voted(report.round) is not None:
            continue
        voted, cost_nano = run(_voted(settings, at, report.round, objects, held_out, pool, max_cost))
        at.keep_vote(report.round, voted)
        shares = ", ".join(f"{who[:12]} {ppm / 10_000:g}%" for who, ppm in voted.shares.items()) or "nobody earned any"
        click.echo(f"Round {report.round}: {voted.validators} validators of one mind, {ant(cost_nano)}. {shares}")


async def _voted(
    settings: Settings,
    at: Store,
    round_: int,
    objects: ObjectStore,
    held_out: Path,
    pool: Path | None,
    max_cost: int | None,
) -> tuple[Voted, int]:
    """The shares, and what they cost in nano."""
    import asyncio

    from antiphon.client.appraising import vote as voting
    from antiphon.client.budget import cost_nano
    from antiphon.client.events import Closed
    from antiphon.door.connecting import connect
    from antiphon.door.receipts import save_receipt
    from antiphon.errors import UnavailableError
    from antiphon.genki.rounds.store import Voted
    from antiphon.genki.voting.evidence import gather, put
    from antiphon.nodes.appraising import ENGINE

    appraisal, paid, found = at.appraisal(round_), 0, None
    assert appraisal is not None, "asked before"
    evidence = await asyncio.to_thread(lambda: put(objects, gather(at, round_, held_out, pool)))
    async with (
        connect(settings, engine=ENGINE) as session,
        aclosing(voting(session.client, evidence, appraisal, max_total_nano=max_cost)) as events,
    ):
        async for event in events:
            if isinstance(event, Closed):
                paid += cost_nano(event.receipt, session.client.node_id)
                save_receipt(settings.home, event.receipt)
            elif isinstance(event, Voted):
                found = event
    if found is None:
        raise UnavailableError(f"Round {round_} was not voted on", "Run the command again.")
    return found, paid
