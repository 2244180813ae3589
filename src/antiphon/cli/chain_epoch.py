"""`antiphon chain epoch`: weights, consensus and newly issued money on a chain. Importing this adds it to `chain`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain
from antiphon.cli.figures import ant, counted
from antiphon.errors import ConflictError, OutputError

if TYPE_CHECKING:
    from antiphon.ledger.evm.epochs.doing import EpochWallet
    from antiphon.ledger.evm.epochs.keeping import Keeper
    from antiphon.ledger.evm.epochs.reading import Column, Reader
    from antiphon.ledger.evm.epochs.receipts import EmissionReceipt
    from antiphon.ledger.evm.epochs.standing import Standing

SERVICE = "speech"
EPILOG = """\b
Examples:
  antiphon chain epoch
  antiphon chain epoch run
"""


@chain.group(epilog=EPILOG, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def epoch(ctx: click.Context, as_json: bool) -> None:
    """Weights, consensus and newly issued money on the chain. Alone: show how the epoch stands.

    `run` and `watch` do by themselves whatever is due; the other commands do one step each.
    """
    if ctx.invoked_subcommand is None:
        run(_status(ctx.obj, as_json))


service_option = click.option(
    "--service", default=SERVICE, show_default=True, help="Whose scores, out of the validator's memory, are weights."
)
number_argument = click.argument("number", metavar="[N]", type=click.IntRange(0), required=False)


@epoch.command("run", epilog="\b\nExamples:\n  antiphon chain epoch run\n")
@service_option
@click.pass_obj
def run_due(place: Place, service: str) -> None:
    """Do what is due now: take a place, weigh, reveal, post, challenge, finish, claim. Repeated, it does the rest."""
    run(_run(place, service))


async def _run(place: Place, service: str) -> None:
    from antiphon.ledger.evm.epochs.terms import moment_text

    async with _keeper(place, service) as (keeper, reader):
        told = [line async for line in keeper.act()]
        now = await reader.moment()
    click.echo("\n".join(told or ["Nothing is due."]))
    click.echo(f"Epoch {now.epoch} is in its phase {now.phase.value!r} until {moment_text(now.ends_s)}.")


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch watch\n")
@service_option
@click.option("--every", "poll_s", default=5.0, show_default=True, type=click.FloatRange(0.1, 600), help="Seconds.")
@click.pass_obj
def watch(place: Place, service: str, poll_s: float) -> None:
    """Do what is due, until Ctrl-C, and challenge whatever is posted wrongly. What was cut off goes on."""
    run(_watch(place, service, poll_s))


async def _watch(place: Place, service: str, poll_s: float) -> None:
    import asyncio

    from antiphon.cli.process_host import ended, log_to_stderr, until_signalled

    log_to_stderr("antiphon.ledger.evm")
    async with _keeper(place, service) as (keeper, reader), until_signalled() as stop:
        del reader

        async def tell() -> None:
            async for line in keeper.watch(poll_s):
                click.echo(line)

        watching, stopping = asyncio.create_task(tell()), asyncio.create_task(stop.wait())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if watching.done():  # it never ends by itself: what ended it is raised
            watching.result()
        await ended(watching)


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch join\n")
@click.pass_obj
def join(place: Place) -> None:
    """Take a place: a column, in which a node is weighed, or a seat, from which a validator weighs."""
    run(_step(place, lambda wallet: wallet.join(), "It has a place already."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch weigh --weights weights.json\n")
@service_option
@click.option(
    "--weights",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help='JSON {"ADDRESS or node": 0..65535}; by default what this validator heard.',
)
@click.pass_obj
def weigh(place: Place, service: str, file: Path | None) -> None:
    """Commit to weights. They and their salt are in the data folder before the chain hears of them."""

    async def do(wallet: EpochWallet) -> str:
        columns = await wallet.reader.columns()
        weights = _read(file, columns) if file else _remembered(place, await _node(wallet), columns, service)
        return await wallet.weigh(weights)

    run(_step(place, do, "These are committed to already."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch reveal\n")
@click.pass_obj
def reveal(place: Place) -> None:
    """Show the weights that were committed to."""
    run(_step(place, lambda wallet: wallet.reveal(), "They are revealed already."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch post\n")
@click.pass_obj
def post(place: Place) -> None:
    """Compute the consensus and post it. Its bond comes back when the epoch is finished."""
    run(_step(place, lambda wallet: wallet.post(), "A consensus is posted already: antiphon chain epoch challenge"))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch challenge\n")
@click.pass_obj
def challenge(place: Place) -> None:
    """Compute what was posted again; have the contract strike it if it is wrong. Half of its bond is yours then."""
    run(_step(place, lambda wallet: wallet.challenge(), "What is posted is right."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch finish\n")
@number_argument
@click.pass_obj
def finish(place: Place, number: int | None) -> None:
    """Issue what an epoch pays, once it has ended. By default the last one."""

    async def do(wallet: EpochWallet) -> str:
        return await wallet.finish(await _last(wallet.reader, number))

    run(_step(place, do, "It is finished already."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch claim\n")
@number_argument
@click.pass_obj
def claim(place: Place, number: int | None) -> None:
    """Take out what an epoch pays to this key, in each place that it held. By default of the last one."""

    async def do(wallet: EpochWallet) -> str:
        return "\n".join(await wallet.claim(await _last(wallet.reader, number)))

    run(_step(place, do, "Nothing more is paid to this key."))


@epoch.command(epilog="\b\nExamples:\n  antiphon chain epoch receipt -o epoch.json\n")
@number_argument
@click.option("-o", "--output", "file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@click.pass_obj
def receipt(place: Place, number: int | None, file: Path) -> None:
    """Save why everybody got what they got. Offline: antiphon receipt verify FILE. By default of the last epoch."""
    from antiphon.ledger.evm.epochs import receipts

    made = run(_receipt(place, number))
    try:
        file.write_text(receipts.dump(made))
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another place.") from e
    click.echo(f"Epoch {made.epoch}: {file}")


async def _receipt(place: Place, number: int | None) -> EmissionReceipt:
    from antiphon.ledger.evm.epochs import receipts

    async with _wallet(place) as wallet:
        return await receipts.build(wallet.reader, await _last(wallet.reader, number))


async def _step(place: Place, what: Callable[[EpochWallet], Awaitable[str]], nothing: str) -> None:
    async with _wallet(place) as wallet:
        told = await what(wallet)
    click.echo(told or nothing)


@asynccontextmanager
async def _wallet(place: Place) -> AsyncIterator[EpochWallet]:
    from antiphon.ledger.evm.epochs.doing import EpochWallet
    from antiphon.ledger.evm.epochs.reading import Reader
    from antiphon.ledger.evm.epochs.weights import Secrets

    async with place.joined() as (contracts, outbox):
        kept = Secrets(place.home / "epochs", contracts.chain.chain_id, contracts.epochs.address, outbox.key.address)
        yield EpochWallet(await Reader.open(contracts), outbox, kept)


@asynccontextmanager
async def _keeper(place: Place, service: str) -> AsyncIterator[tuple[Keeper, Reader]]:
    from antiphon.cli.process_host import locked
    from antiphon.ledger.evm.epochs.keeping import Keeper

    async with _wallet(place) as wallet:
        node = await _node(wallet)
        name = f"{wallet.contracts.epochs.address[2:12]}-{wallet.address[2:12]}".lower()
        folder = place.home / "epochs"
        with locked(folder / f"{name}.lock", "Another process does this key's epochs from this data folder"):
            keeper = Keeper(wallet, lambda found: _remembered(place, node, found, service), folder / f"{name}.done")
            yield keeper, wallet.reader


async def _node(wallet: EpochWallet) -> str:
    """The Ed25519 key that belongs to this one."""
    return str((await wallet.contracts.registry.read("nodes", wallet.address))[7].hex())


async def _last(reader: Reader, number: int | None) -> int:
    if number is not None:
        return number
    now = (await reader.moment()).epoch
    if not now:
        raise ConflictError("No epoch has ended", "Wait: antiphon chain epoch")
    return now - 1


def _remembered(place: Place, node: str, columns: list[Column], service: str) -> list[int]:
    """By column, from what a validator of this data folder heard."""
    from antiphon.ledger.evm.epochs.weights import row
    from antiphon.nodes.memory import memory_of

    heard = memory_of(place.home, node).opinions.get(service, {})
    values = {name: one.quality_ppm for name, one in heard.items() if name != node}
    return row(values, [column.node for column in columns])


def _read(file: Path, columns: list[Column]) -> list[int]:
    """By column, as they are written. Raises InputError for whoever has no column."""
    from antiphon.errors import InputError
    from antiphon.ledger.evm.epochs.weights import read_weights

    by_name = {column.address.lower(): column.number for column in columns}
    by_name |= {column.node: column.number for column in reversed(columns) if column.node}
    found = [0] * len(columns)
    for name, value in read_weights(file).items():
        if name.lower() not in by_name:
            raise InputError(f"{name[:66]} has no column", "It takes one: antiphon chain epoch join. Or leave it out.")
        found[by_name[name.lower()]] = value
    return found


async def _status(place: Place, as_json: bool) -> None:
    from antiphon.ledger.evm.epochs.standing import standing

    async with _wallet(place) as wallet:
        found = await standing(wallet.reader, wallet.address)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    click.echo("\n".join(_told(found)))


def _told(found: Standing) -> list[str]:
    from antiphon.ledger.evm.epochs.terms import moment_text

    places = {"column": found.column, "seat": found.seat}
    own = ", ".join(f"{name} {number}" for name, number in places.items() if number is not None)
    return [
        f"Epoch    {found.epoch}, {found.phase.value} until {moment_text(found.ends_s)}",
        f"Issues   {ant(found.emission_nano)}",
        f"Places   {counted(found.columns, 'column')}, {counted(found.seats, 'seat')}; of this key: {own or 'none'}",
        f"Weights  {counted(len(found.revealed), 'validator')} revealed{', this one committed' * found.committed}",
        f"Posted   {'by ' + found.poster if found.poster else 'nothing'}",
    ]
