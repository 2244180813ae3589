"""`antiphon chain settle`: what was earned at a relay comes to the chain."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from antiphon.cli import chain_epoch  # noqa: F401 - its verbs: this module is the one that is loaded for all of them
from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain
from antiphon.cli.figures import counted
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.door.connecting import Session

LOOK_S = 0.5


@chain.command(epilog="\b\nExamples:\n  antiphon chain settle\n  antiphon chain settle --wait 5\n")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3_600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the relay is waited for.",
)
@click.pass_obj
def settle(place: Place, wait: float) -> None:
    """Sign the batches that the relay proposes, until all of this client's tasks are settled on the chain.

    Every other command that uses a relay signs, too, while it runs. A batch is computed anew from the evidence and
    signed only if it says the same.
    """
    run(_settle(place, wait))


async def _settle(place: Place, wait_s: float) -> None:
    from antiphon.door.connecting import connect
    from antiphon.door.relays import PREFIX

    if not (place.settings.ledger or "").startswith(PREFIX):
        raise InputError("No relay is named", "Name it: --ledger evm:URL")
    if not place.key and not place.password:
        raise InputError("Without its chain key a client signs nothing", "Set ANTIPHON_CHAIN_KEY, or its password.")
    end_s = time.monotonic() + wait_s
    async with connect(place.settings) as joined:
        while True:
            settled, all_ = await _counted(joined)
            if settled == all_ or time.monotonic() >= end_s:
                break
            await asyncio.sleep(LOOK_S)
    click.echo(f"Settled  {settled} of {counted(all_, 'task')} on the chain")


async def _counted(joined: Session) -> tuple[int, int]:
    from antiphon.ledger.records import TaskState

    closed = [one for one in await joined.ledger.tasks(joined.client.node_id) if one.state is not TaskState.OPEN]
    found = [await joined.ledger.batches(one.task) for one in closed]
    return sum(any(batch.settled for batch in batches) for batches in found), len(closed)
