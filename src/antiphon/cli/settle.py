"""`antiphon chain settle`: what was earned at a relay comes to the chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from antiphon.cli import chain_appeal, chain_epoch, chain_leaving  # noqa: F401 - this module is loaded for all verbs
from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain
from antiphon.cli.figures import counted
from antiphon.errors import AntiphonError, InputError, UnavailableError

if TYPE_CHECKING:
    from antiphon.door.connecting import Session
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.outbox import Receipt
    from antiphon.ledger.records import PartRecord, TaskRecord

LOOK_S = 0.5
SHOWN = 5
"""Of the tasks that wait."""


@chain.command(epilog="\b\nExamples:\n  antiphon chain settle\n  antiphon chain settle --wait 5\n")
@click.argument("task", required=False, default="", metavar="[TASK]")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3_600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the relay is waited for.",
)
@click.pass_obj
def settle(place: Place, task: str, wait: float) -> None:
    """Sign the batches that the relay proposes, until all of this client's tasks are settled on the chain.

    With TASK (its first digits): settle that task's parts alone, by what client, producer and validators have signed.
    It needs no relay, only what this data folder kept, or the receipt; anybody may do so.

    Every other command that uses a relay signs, too, while it runs. A batch is computed anew from the evidence and
    signed only if it says the same.
    """
    run(_alone(place, task.strip().lower()) if task else _settle(place, wait))


async def _settle(place: Place, wait_s: float) -> None:
    from antiphon.door.connecting import connect
    from antiphon.door.relays import PREFIX
    from antiphon.door.sessions import contracts_of

    if not (place.settings.ledger or "").startswith(PREFIX):
        raise InputError("No relay is named", "Name it: --ledger evm:URL")
    if not place.key and not place.password:
        raise InputError("Without its chain key a client signs nothing", "Set ANTIPHON_CHAIN_KEY, or its password.")
    end_s = time.monotonic() + wait_s
    async with contracts_of(place.settings) as contracts, connect(place.settings) as joined:
        while True:
            all_, waiting = await _unsettled(place, joined, contracts)
            await _prove(place, joined, contracts)
            if not waiting or time.monotonic() >= end_s:
                break
            await asyncio.sleep(LOOK_S)
    click.echo(f"Settled  {all_ - len(waiting)} of {counted(all_, 'task')} on the chain")
    for task in waiting[:SHOWN]:
        click.echo(f"Waits    {task[:12]}, for a batch that all sign; alone: antiphon chain settle {task[:12]}")


async def _prove(place: Place, joined: Session, contracts: Contracts) -> None:
    """Write into each receipt here, once its task is settled, where that was."""
    from antiphon.door.receipts import save_receipt
    from antiphon.ledger.relay.proving import prove
    from antiphon.protocol import receipt as receipts

    for file in sorted((place.home / "receipts").glob("*.json")):
        kept = receipts.load(file.read_bytes())
        if kept.settled is not msgspec.UNSET or kept.ledger != await joined.ledger.identity():
            continue
        for batch in await joined.ledger.batches(kept.task):
            if batch.settled is not None:
                proven = msgspec.structs.replace(kept, settled=await prove(contracts, batch))
                save_receipt(place.home, proven)


async def _unsettled(place: Place, joined: Session, contracts: Contracts) -> tuple[int, list[str]]:
    """How many of this client's tasks at the relay are closed, and which of them the chain has not settled yet."""
    from antiphon.ledger.records import TaskState

    closed = [one for one in await joined.ledger.tasks(joined.client.node_id) if one.state is not TaskState.OPEN]
    now_s = (await contracts.rpc.block("latest")).time_s
    waiting = []
    for task in (one.task for one in closed):
        batches = await joined.ledger.batches(task)
        if any(one.settled for one in batches):
            continue
        # One under way ends parts on the chain before the relay says so, and its place belongs into the receipt.
        if any(one.expires_s > now_s for one in batches) or not await _settled_alone(place.home, task, contracts):
            waiting.append(task)
    return len(closed), waiting


async def _settled_alone(home: Path, task: str, contracts: Contracts) -> bool:
    """Whether every part of it was signed for the chain, and is settled there."""
    records = [record for _, record in dict(_kept(home, task)).values()]
    drawn = {(one.operation.session, one.operation.part) for record in records for one in record.endorsed}
    if not records or not all(record.endorsed for record in records):
        return False
    return all([await contracts.quorum.read("is_settled", *one) for one in sorted(drawn)])


async def _alone(place: Place, task: str) -> None:
    from antiphon.ledger.relay import quorum

    found = dict(_kept(place.home, task))
    if not found:
        raise InputError(
            f"Nothing that was signed for a task {task!r} is here",
            "Run it where the task's node or client ran, or with its receipt in the data folder's receipts.",
        )
    async with place.joined() as (contracts, outbox):
        chain_id = contracts.chain.chain_id
        for (name, index), (opened, record) in sorted(found.items()):
            made = quorum.cases(record, opened.request_hash, opened.client, contracts.quorum, chain_id)
            if not made:
                click.echo(f"Task {name[:12]}, part {index}: its client has signed nothing for the chain")
            for case in made:
                told = await _brought(quorum.settle(outbox, contracts.quorum, case), "settled")
                click.echo(f"Task {name[:12]}, part {index}: {told}")
                told = await _brought(quorum.carry_out(outbox, contracts, case), "fines are taken")
                if told:
                    click.echo(f"Task {name[:12]}, part {index}: {told}")


async def _brought(bringing: Awaitable[Receipt | None], what: str) -> str:
    """What became of a transaction, in words; empty: there was none to send."""
    try:
        receipt = await bringing
    except UnavailableError:
        raise
    except AntiphonError as e:
        return e.what.removeprefix("The contract refuses: quorum: ")
    return f"{what} in block {receipt.block}, {receipt.gas:,} gas" if receipt else ""


def _kept(home: Path, task: str) -> Iterator[tuple[tuple[str, int], tuple[TaskRecord, PartRecord]]]:
    """Parts of the tasks that begin so, from what was kept while they ran, and from receipts."""
    from antiphon.ledger.relay.signing import SigningStore
    from antiphon.ledger.replay import replay
    from antiphon.protocol import receipt as receipts

    for file in sorted((home / "relays").glob("*.db")):
        for opened, record in SigningStore(file).cases(task):
            yield (record.task, record.part.index), (opened, record)
    for file in sorted((home / "receipts").glob(f"{task}*.json")):
        loaded = receipts.load(file.read_bytes())
        replayed = replay(loaded.ledger, receipts.verify_signatures(loaded))
        for record in replayed.parts:
            yield (record.task, record.part.index), (replayed.task, record)
