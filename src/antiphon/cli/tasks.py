"""`antiphon task` and `antiphon receipt`: what was done, and the proof of every payment."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from antiphon.cli.app import Settings, run
from antiphon.cli.figures import ant, score_of
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.protocol import Receipt

MAX_RECEIPT_BYTES = 64 * 1024 * 1024


@click.group(epilog="Example: antiphon task show 3f2a")
def task() -> None:
    """List and show tasks."""


@task.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--all", "everybody", is_flag=True, help="Everybody's tasks, not only your own.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_tasks(settings: Settings, limit: int, everybody: bool, as_json: bool) -> None:
    """List tasks, newest first."""
    run(_list(settings, limit, everybody, as_json))


async def _list(settings: Settings, limit: int, everybody: bool, as_json: bool) -> None:
    from antiphon.cli.connect import connect

    async with connect(settings) as session:
        client = None if everybody else session.client.node_id
        found = await session.ledger.tasks(client, limit)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(one, str_keys=True) for one in found], indent=2))
        return
    for one in found:
        opened = datetime.fromtimestamp(one.opened_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        click.echo(
            f"{one.task}  {opened}  {one.state:<9}  {len(one.quote.parts):>4} parts  "
            f"{one.selector.voice or one.selector.service:<12}  at most {ant(one.quote.total_nano)}"
        )
    if not found:
        click.echo('No tasks yet. Try: antiphon say "Hello."', err=True)


@task.command("show")
@click.argument("task_id")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_task(settings: Settings, task_id: str, as_json: bool) -> None:
    """Show a task: its parts, votes and payments. The first digits of its id are enough."""
    run(_show(settings, task_id, as_json))


async def _show(settings: Settings, task_id: str, as_json: bool) -> None:
    from antiphon.cli.connect import connect

    async with connect(settings) as session:
        found = [one for one in await session.ledger.tasks(None, 1000) if one.task.startswith(task_id)]
        if len(found) != 1:
            what = "No task" if not found else f"{len(found)} tasks"
            raise InputError(f"{what} begins with {task_id!r}", "See `antiphon task list`.")
        parts = await session.ledger.parts(found[0].task)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins({"task": found[0], "parts": parts}, str_keys=True), indent=2))
        return
    click.echo(f"Task {found[0].task}: {found[0].state}, {found[0].mode}, at most {ant(found[0].quote.total_nano)}")
    for part in parts:
        score = score_of(part)
        click.echo(f"  part {part.part.index}: {part.state}" + ("" if score is None else f", score {score:.2f}"))
        for ruling in part.rulings:
            for validator, vote in ruling.votes.items():
                click.echo(f"    {validator[:8]} votes {vote.verdict}")
            for transfer in ruling.settlement.transfers:
                click.echo(f"    {ant(transfer.amount_nano):>16}  {_short(transfer.target)}  {transfer.why}")
        for note in part.notes:
            click.echo(f"    {note}")


@click.group(epilog="Example: antiphon receipt verify receipt.json")
def receipt() -> None:
    """Show receipts, and verify them without any network."""


@receipt.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
def verify_receipt(file: Path) -> None:
    """Check every signature, and compute every vote and payment again, offline."""
    from antiphon.ledger import receipts

    report = receipts.audit(_load(file))
    click.echo(f"Valid. {report}")


@receipt.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def show_receipt(file: Path, as_json: bool) -> None:
    """Show what a receipt says. (`verify` proves it.)"""
    loaded = _load(file)
    if as_json:
        click.echo(json.dumps(loaded.statement, indent=2))
        return
    click.echo(f"Task    {loaded.task}\nLedger  {loaded.ledger}")
    _tell(loaded.statement, 0)


def save_receipt(home: Path, done: Receipt) -> Path:
    """Write a receipt into the data folder; returns its path."""
    from antiphon.protocol import receipt as receipts

    path = home / "receipts" / f"{done.task}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(receipts.dump(done))
        part.replace(path)
    except OSError as e:
        raise OutputError(f"The receipt cannot be written to {path}: {e.strerror}", "Free space, or set --home.") from e
    return path


def _load(file: Path) -> Receipt:
    from antiphon.protocol import receipt as receipts

    try:
        if file.stat().st_size > MAX_RECEIPT_BYTES:
            raise InputError(f"{file} is larger than any receipt")
        return receipts.load(file.read_bytes())
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Give the path that `antiphon say` printed.") from e


def _tell(value: object, depth: int) -> None:
    """Nested values as indented lines."""
    indent = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                click.echo(f"{indent}{key}:")
                _tell(inner, depth + 1)
            else:
                click.echo(f"{indent}{key}: {inner}")
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, (dict, list)):
                click.echo(f"{indent}-")
                _tell(inner, depth + 1)
            else:
                click.echo(f"{indent}- {inner}")


def _short(account: str) -> str:
    kind, _, owner = account.partition(":")
    return f"{kind}:{owner[:8]}" if owner else kind
