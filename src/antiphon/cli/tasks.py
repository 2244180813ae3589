"""`antiphon task` and `antiphon receipt`: what was done, and the proof of every payment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from antiphon.cli.app import run
from antiphon.cli.figures import ant, counted, paid_nano
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, InputError, ProtocolError

if TYPE_CHECKING:
    from antiphon.cli.explain import Story
    from antiphon.ledger.epoch_receipts import EpochReport
    from antiphon.ledger.evm.epochs.receipts import EmissionReceipt
    from antiphon.ledger.operations import Selector
    from antiphon.ledger.receipts import AuditReport
    from antiphon.ledger.records import PartRecord, TaskRecord
    from antiphon.protocol import Receipt

MAX_TASKS = 1_000

TASK_EPILOG = """\b
Examples:
  antiphon task list
  antiphon task show 3f2a
"""
LIST_EPILOG = """\b
Examples:
  antiphon task list --limit 5
  antiphon task list --all --json
"""
SHOW_EPILOG = """\b
Examples:
  antiphon task show 3f2a
  antiphon task show 3f2a --json
"""
RECEIPT_EPILOG = """\b
Examples:
  antiphon receipt show receipt.json
  antiphon receipt verify receipt.json other.json
"""
VERIFY_EPILOG = """\b
Examples:
  antiphon receipt verify receipt.json
  antiphon receipt verify receipts/*.json
"""
EXPLAIN_EPILOG = """\b
Examples:
  antiphon receipt show receipt.json
  antiphon receipt show receipt.json --json
"""


@click.group(cls=Verbs, epilog=TASK_EPILOG)
def task() -> None:
    """List tasks, and show one."""


@task.command("list", epilog=LIST_EPILOG)
@click.option("--limit", type=click.IntRange(1, MAX_TASKS), default=20, show_default=True, help="Most tasks to list.")
@click.option("--all", "everybody", is_flag=True, help="Everybody's tasks, not only your own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_tasks(settings: Settings, limit: int, everybody: bool, as_json: bool) -> None:
    """List tasks, newest first."""
    run(_list(settings, limit, everybody, as_json))


async def _list(settings: Settings, limit: int, everybody: bool, as_json: bool) -> None:
    from antiphon.door.connecting import connect

    async with connect(settings) as session:
        client = None if everybody else session.client.node_id
        found = await session.ledger.tasks(client, limit)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(one, str_keys=True) for one in found], indent=2))
        return
    for one in found:
        click.echo(
            f"{one.task[:12]}  {_moment(one.opened_ms)}  {one.state:<9}  {counted(len(one.quote.parts), 'part'):>8}  "
            f"{_asked(one):<16}  at most {ant(one.quote.total_nano)}"
        )
    if not found:
        click.echo('No tasks yet. Try: antiphon say "Hello from a whole network."', err=True)


@task.command("show", epilog=SHOW_EPILOG)
@click.argument("task_id", metavar="TASK")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show_task(settings: Settings, task_id: str, as_json: bool) -> None:
    """Show a task: its parts, votes and payments. The first digits of its id are enough."""
    run(_show(settings, task_id, as_json))


async def _show(settings: Settings, task_id: str, as_json: bool) -> None:
    from antiphon.cli.explain import Story
    from antiphon.door.connecting import connect

    async with connect(settings) as session:
        found = await _find(session.ledger.tasks, task_id.strip().lower())
        parts = await session.ledger.parts(found.task)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins({"task": found, "parts": parts}, str_keys=True), indent=2))
        return
    click.echo("\n".join(_heading(found, parts)))
    click.echo("\n".join(_stories([Story.of(part) for part in parts], found.client, found.selector)))


async def _find(tasks: Any, beginning: str) -> TaskRecord:
    """The one task whose id begins so."""
    if not beginning:
        raise InputError("The task's id is empty", "See: antiphon task list")
    found: list[TaskRecord] = [one for one in await tasks(None, MAX_TASKS) if one.task.startswith(beginning)]
    if not found:
        raise InputError(f"No task begins with {beginning!r}", "See: antiphon task list")
    if len(found) > 1:
        some = ", ".join(one.task[:12] for one in found[:3])
        raise InputError(f"{len(found)} tasks begin with {beginning!r}", f"Give more digits: {some} ...")
    return found[0]


def _heading(task: TaskRecord, parts: tuple[PartRecord, ...]) -> Iterator[str]:
    yield f"Task      {task.task}, {task.state}"
    yield f"Opened    {_moment(task.opened_ms)} by {task.client[:8]}"
    yield f"Asked for {task.selector.service}, {_asked(task)}, {task.selector.language or 'any language'}, {task.mode}"
    yield f"Quote     {ant(task.quote.expected_nano)}, at most {ant(task.quote.total_nano)}"
    yield f"Paid      {ant(paid_nano(task.client, parts))}"
    for ref in task.grants:
        yield f"Consent   {ref.id}, granted by {ref.grantor[:8]}"


def _stories(stories: list[Story], client: str, selector: Selector) -> Iterator[str]:
    from antiphon.cli.explain import narrative

    for story in stories:
        yield ""
        yield from narrative(story, client, selector)


@click.group(cls=Verbs, epilog=RECEIPT_EPILOG)
def receipt() -> None:
    """Explain receipts, and verify them without any network."""


@receipt.command("verify", epilog=VERIFY_EPILOG)
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--ledger", "trusted", metavar="ID", help="Insist on the ledger that you trust.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing about valid receipts.")
def verify_receipt(files: tuple[Path, ...], trusted: str | None, quiet: bool) -> int:
    """Check every signature, and compute every quote, draw, vote and payment again, offline.

    Of an epoch: from every validator's weights to every amount. The exit code is 0 only if all are valid.
    """
    worst = 0
    for file in files:
        try:
            long, short = _audited(_raw(file), file, trusted)
        except AntiphonError as error:
            if len(files) == 1:
                raise
            click.echo(f"antiphon: {file}: {error}", err=True)
            worst = max(worst, error.exit_code)
            continue
        if not quiet:
            click.echo(long if len(files) == 1 else f"{file}: valid, {short}")
    return worst


def _audited(raw: bytes, file: Path, trusted: str | None) -> tuple[str, str]:
    """What an audit found, at length and in short."""
    from antiphon.ledger import epoch_receipts, receipts

    if emission := _emission(raw):
        from antiphon.cli.chain_receipt import audited

        return audited(emission, trusted)
    receipt = _load(raw, file)
    if epoch_receipts.is_epoch(receipt):
        epoch = epoch_receipts.audit(receipt, ledger=trusted)
        return _epoch_report(epoch), f"epoch {epoch.number}, {ant(epoch.emission_nano)}"
    report = receipts.audit(receipt, ledger=trusted)
    return "\n".join((_report(report), *_settled(receipt))), f"task {report.task[:12]}, {report.state}"


def _settled(receipt: Receipt) -> Iterator[str]:
    """Where the task's pay was settled, as far as that can be proven without the chain."""
    proof = receipt.settled
    if proof is msgspec.UNSET:
        return
    place = f"chain {proof.chain_id}, contract {proof.contract}, block {proof.block}"
    if find_spec("web3") is None:
        yield f"Settled   on {place}, it says; to check it: pip install 'antiphon[evm]'"
        return
    from antiphon.ledger.relay.proving import check

    net = check(proof, receipt.task)
    yield f"Settled   on {place}, in a batch of {counted(len(proof.tasks), 'task')}"
    yield f"          all {counted(len(net.changes), 'signature')} checked; transaction {proof.transaction}"
    whole = "" if len(proof.tasks) == 1 else ", for all of its tasks"
    for address, nano in net.changes:
        yield f"          {ant(nano):>14}  to {address}{whole}"


def _epoch_report(report: EpochReport) -> str:
    proven = "" if report.evidence_only else "; its statement says the same, number by number"
    heard = f"{counted(report.revealed, 'reveal')} and {report.carried} of earlier epochs"
    return "\n".join(
        (
            f"Valid     epoch {report.number}",
            f"Ledger    {report.ledger}",
            f"Signed    all {counted(report.envelopes, 'envelope')}, closed by the ledger",
            f"Computed  {counted(report.paid, 'payment')} again, from {heard}{proven}",
            f"Money     {ant(report.emission_nano)} was issued, all of it paid or burnt; all accounts sum to 0",
        )
    )


def _report(report: AuditReport) -> str:
    paid = -report.net_nano.get(f"balance:{report.client}", 0)
    proven = "" if report.evidence_only else "; its statement says the same, number by number"
    return "\n".join(
        (
            f"Valid     task {report.task}, {report.state}",
            f"Ledger    {report.ledger}",
            f"Signed    all {counted(report.envelopes, 'envelope')}, closed by the ledger",
            f"Computed  {counted(report.parts, 'part')} and {counted(report.rulings, 'ruling')} again{proven}",
            f"Money     {ant(report.locked_nano)} was held, {ant(paid)} of it paid; all accounts sum to 0",
        )
    )


@receipt.command("show", epilog=EXPLAIN_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the statement as JSON.")
def show_receipt(file: Path, as_json: bool) -> None:
    """Explain a receipt: who was asked, what was measured, every vote and every payment. It is verified too."""
    from antiphon.ledger import epoch_receipts, receipts

    raw = _raw(file)
    if emission := _emission(raw):
        from antiphon.cli.chain_receipt import shown

        click.echo(shown(emission, as_json=as_json))
        return
    loaded = _load(raw, file)
    if as_json:
        click.echo(json.dumps(loaded.statement, indent=2))
    elif not epoch_receipts.is_epoch(loaded):
        click.echo("\n".join(_explained(loaded)))
    if epoch_receipts.is_epoch(loaded):
        from antiphon.cli.epoch import explained

        epoch = epoch_receipts.audit(loaded)  # nothing of it is shown before it is known to be true
        if not as_json:
            click.echo("\n".join(explained(loaded.statement)))
            click.echo(f"\nVerified: {counted(epoch.envelopes, 'signature')}; every amount computed again.")
        return
    report = receipts.audit(loaded)  # what does not verify is shown, and then disowned
    if not as_json:
        click.echo(f"\nVerified: {counted(report.envelopes, 'signature')}; every vote and payment computed again.")


def _explained(receipt: Receipt) -> Iterator[str]:
    from antiphon.cli.explain import Story, consents, net, roles_of
    from antiphon.economy.types import Assignment, Candidate, Terms
    from antiphon.ledger.operations import Selector
    from antiphon.ledger.records import Ruling

    told = receipt.statement
    if not told:
        yield f"Task      {receipt.task}\nLedger    {receipt.ledger}\nThe receipt holds the signed evidence only."
        return
    try:
        asked = told["asked_for"]
        yield f"Task      {receipt.task}, {told['state']}"
        yield f"Ledger    {receipt.ledger}"
        yield f"Opened    {_moment(told['opened_ms'])} by {told['client'][:8]}, closed {_moment(told['closed_ms'])}"
        yield f"Asked for {asked['service']}, {_wanted(asked)}, {told['mode']}"
        yield f"Quote     {ant(told['quote']['expected_nano'])}, at most {ant(told['quote']['total_nano'])}"
        yield from consents(told["consents"], told["client"])
        stories = [
            Story(
                index=part["index"],
                units=part["units"],
                state=part["state"],
                assignment=Assignment(
                    index=part["index"],
                    producers=msgspec.convert(part["producers"], tuple[Terms, ...]),
                    validators=msgspec.convert(part["validators"], tuple[Candidate, ...]),
                    reserve_nano=part["reserve_nano"],
                ),
                notes=msgspec.convert(part["notes"], tuple[str, ...]),
                rulings=msgspec.convert(part["rulings"], tuple[Ruling, ...]),
            )
            for part in told["parts"]
        ]
        yield from _stories(stories, told["client"], msgspec.convert(asked, Selector))
        yield "\nIn all"
        yield from (f"  {line}" for line in net(told["net_nano"], told["client"], roles_of(stories)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError, msgspec.ValidationError) as e:
        raise ProtocolError("The receipt's statement cannot be read", "Do not trust it.") from e


def _emission(raw: bytes) -> EmissionReceipt | None:
    """A chain's receipt, if it begins as one."""
    if b'"antiphon emission receipt ' not in raw[:64]:
        return None
    from antiphon.ledger.evm.epochs import receipts

    return receipts.load(raw)


def _raw(file: Path) -> bytes:
    from antiphon.protocol import receipt as receipts

    try:
        if file.stat().st_size > receipts.MAX_RECEIPT_BYTES:
            raise InputError(f"{file} is larger than any receipt", "Give the path that `antiphon say` printed.")
        return file.read_bytes()
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise InputError(f"{file} cannot be read: {reason}", "Give the path that `antiphon say` printed.") from e


def _load(raw: bytes, file: Path) -> Receipt:
    from antiphon.protocol import receipt as receipts

    try:
        return receipts.load(raw)
    except ProtocolError as e:
        raise ProtocolError(f"{file} is not a receipt, or it is damaged", "Give the file `antiphon say` wrote.") from e


def _wanted(asked: Mapping[str, Any]) -> str:
    """Voice and language of a receipt's order; music has neither."""
    if asked["service"] == "music":
        return str(asked["engine"] or "any engine")
    return f"{asked['voice'] or asked['engine'] or 'any voice'}, {asked['language'] or 'any language'}"


def _asked(task: TaskRecord) -> str:
    return task.selector.voice or task.selector.engine or task.selector.service


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
