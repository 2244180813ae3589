"""`antiphon epoch`: weights, consensus and newly issued money; why everybody got what they got."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from antiphon.cli.app import run
from antiphon.cli.figures import ant, counted
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError, OutputError, UnavailableError

if TYPE_CHECKING:
    from antiphon.ledger.base import Ledger
    from antiphon.ledger.epochs import EpochRecord
    from antiphon.protocol import Receipt

ONE = 1 << 31
WAIT_S = 20.0
MAX_COLUMNS = 8
"""Most validators whose weights are shown side by side."""

EPILOG = """\b
Examples:
  antiphon epoch run
  antiphon epoch show
"""
RUN_EPILOG = """\b
Examples:
  antiphon epoch run
  antiphon epoch run --json
"""
SHOW_EPILOG = """\b
Examples:
  antiphon epoch show
  antiphon epoch show 1 --receipt epoch-1.json
  antiphon epoch show --json
"""
RULES_EPILOG = """\b
Examples:
  antiphon epoch rules
  antiphon epoch rules --set emission_nano=5000000000 --set yuma3=true
"""


@click.group(cls=Verbs, epilog=EPILOG)
def epoch() -> None:
    """Weights, consensus and newly issued money."""


@epoch.command("run", epilog=RUN_EPILOG)
@click.option("--wait", "wait_s", default=300.0, show_default=True, type=click.FloatRange(1, 86_400), help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def run_epoch(settings: Settings, wait_s: float, as_json: bool) -> None:
    """Call the open epoch now, instead of when it is due, and show what it paid.

    Only with the key of the ledger's operator. It pays for the time since the last one, never more than one epoch's.
    """
    run(_run(settings, wait_s, as_json))


async def _run(settings: Settings, wait_s: float, as_json: bool) -> None:
    from antiphon.door.connecting import bank_of, connect
    from antiphon.ledger.operations import CallEpoch

    async with connect(settings, judges_only=True) as session:
        bank = bank_of(settings, session)
        record = await session.ledger.epoch()
        await bank.submit(CallEpoch(epoch=record.number), record.id)
        receipt = await _closed(session.ledger, record, wait_s)
        _print(receipt, await _supply(session.ledger), as_json)


async def _closed(ledger: Ledger, record: EpochRecord, wait_s: float) -> Receipt:
    """The receipt of the epoch once it is closed. Raises UnavailableError when that takes too long."""
    import asyncio

    from antiphon.ledger import epoch_receipts

    loop = asyncio.get_running_loop()
    end_s, version = loop.time() + wait_s, -1
    while (left_s := end_s - loop.time()) > 0:
        now = await ledger.epoch(newer_than=version, wait_s=min(WAIT_S, left_s))
        if now.number > record.number:
            return await epoch_receipts.build(ledger, record.number)
        version = now.version
        await ledger.expire()
    raise UnavailableError(
        f"Epoch {record.number} is still {now.state}; committed: {counted(len(now.committed), 'validator')}, "
        f"revealed: {len(now.revealed)}",
        "It stays called: it closes by itself once they have. Run validators: antiphon node validator",
    )


@epoch.command("show", epilog=SHOW_EPILOG)
@click.argument("number", metavar="[N]", type=click.IntRange(1), required=False)
@click.option("--receipt", "file", type=click.Path(path_type=Path, dir_okay=False), help="Also save its receipt.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show_epoch(settings: Settings, number: int | None, file: Path | None, as_json: bool) -> None:
    """Explain an epoch: weights, consensus, and every amount. By default the last one that was paid."""
    run(_show(settings, number, file, as_json))


async def _show(settings: Settings, number: int | None, file: Path | None, as_json: bool) -> None:
    from antiphon.door.connecting import connect
    from antiphon.ledger import epoch_receipts

    async with connect(settings, judges_only=True) as session:
        ledger = session.ledger
        now = await ledger.epoch()
        wanted = number or now.number - 1
        if wanted in {0, now.number}:
            _print_open(now, as_json)
            return
        receipt = await epoch_receipts.build(ledger, wanted)
        supply = await _supply(ledger)
    if file is not None:
        _save(receipt, file)
    _print(receipt, supply, as_json)


def _save(receipt: Receipt, file: Path) -> None:
    from antiphon.protocol import receipt as receipts

    try:
        file.write_text(receipts.dump(receipt))
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another place.") from e


async def _supply(ledger: Ledger) -> dict[str, int]:
    found: dict[str, int] = msgspec.to_builtins(await ledger.supply())
    return found


@epoch.command("rules", epilog=RULES_EPILOG)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Repeatable; from the next epoch on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def epoch_rules(settings: Settings, changes: tuple[str, ...], as_json: bool) -> None:
    """Show by which rules the open epoch goes, or set those of the next ones (the ledger's operator alone)."""
    run(_rules(settings, changes, as_json))


async def _rules(settings: Settings, changes: tuple[str, ...], as_json: bool) -> None:
    from antiphon.door.connecting import bank_of, connect
    from antiphon.economy.epochs import EpochRules
    from antiphon.ledger.operations import SetEpochRules

    async with connect(settings, judges_only=True) as session:
        record = await session.ledger.epoch()
        rules = record.coming or record.rules if changes else record.rules
        if changes:
            try:
                changed = {**msgspec.to_builtins(rules), **dict(map(_change, changes))}
                rules = msgspec.convert(changed, EpochRules)
            except msgspec.ValidationError as e:
                raise InputError(f"These are no rules: {e}", "See their names: antiphon epoch rules") from e
            await bank_of(settings, session).submit(SetEpochRules(rules=rules))
    told = msgspec.to_builtins(rules)
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(f"{name:<16} {told[name]}" for name in told))
    if changes:
        click.echo("These count from the next epoch on.", err=True)
    elif record.coming:
        coming = msgspec.to_builtins(record.coming)
        found = ", ".join(f"{name}={json.dumps(coming[name])}" for name in told if coming[name] != told[name])
        click.echo(f"From the next epoch on: {found or 'the same'}.", err=True)


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} sets nothing", "Write NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError as e:
        raise InputError(f"{value!r} is no value", "Write a number, true, null, [700000, 900000] or JSON.") from e


def _print_open(record: EpochRecord, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(record), indent=2))
        return
    click.echo(f"Epoch     {record.number}, {record.state}")
    click.echo(f"Opened    {_moment(record.opened_ms)}, due {_moment(record.due_ms)}{', called' * record.called}")
    click.echo(f"Weights   {counted(len(record.committed), 'validator')} committed, {len(record.revealed)} revealed")


def _print(receipt: Receipt, supply: Mapping[str, int], as_json: bool) -> None:
    told = receipt.statement | {"supply": dict(supply)}
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join([*explained(receipt.statement), _money(supply)]))


def _money(supply: Mapping[str, int]) -> str:
    rest = supply["issued_nano"] - supply["emitted_nano"]
    return (
        f"\nSupply    {ant(supply['issued_nano'])} in all: {ant(rest)} deposited, "
        f"{ant(supply['emitted_nano'])} by epochs; {ant(supply['burnt_nano'])} of it burnt"
    )


def explained(told: Mapping[str, Any]) -> Iterator[str]:
    """An epoch's statement, in words and tables."""
    rules = told["rules"]
    names = {one["uid"]: one["node"] for one in told["validators"]}
    yield f"Epoch     {told['epoch']}, closed {_moment(told['closed_ms'])}"
    passed_s = min((told["closed_ms"] - told["opened_ms"]) / 1000, rules["epoch_s"])
    yield (
        f"Emission  {ant(told['emission_nano'])}: {ant(rules['emission_nano'])} for {rules['epoch_s']} s, "
        f"of which {passed_s:.0f} s count"
    )
    share = {"nodes": "nodes_ppm", "validators": "validators_ppm", "burnt": "burn_ppm"}
    rest = 1_000_000 - sum(rules[key] for key in share.values())
    parts = [f"{rules[key] / 10_000:g}% {name}" for name, key in share.items() if rules[key]]
    yield f"Parts     {', '.join([*parts, f'{rest / 10_000:g}% owner'])}; what rounding leaves is the owner's"
    for one in told["validators"]:
        yield f"Weights   {one['node'][:8]}: {_weights_of(one, told['epoch'])}, stake {ant(one['stake_nano'])}"
    if last := rules["evidence_epochs"]:
        yield (
            f"Evidence  a weight counts if its validator judged the node in the last {counted(last, 'epoch')}, as good "
            "as it was found; judged: what part of the incentives goes to nodes that it judged"
        )
    for service, market in told["services"].items():
        yield from _market(service, market, told, names)
    others = [one for one in told["payments"] if not one["service"]]
    yield ""
    for one in others:
        yield f"{ant(one['amount_nano']):>14}  {one['to'][:8]}: {one['why']}"
    if not told["payments"]:
        yield "Nothing was paid."


def _weights_of(validator: Mapping[str, Any], number: int) -> str:
    if not validator["permit"]:
        return "no permit"
    of = validator["weights_of_epoch"]
    return "none" if of is None else "revealed" if of == number else f"those of epoch {of}"


def _market(
    service: str, market: Mapping[str, Any], told: Mapping[str, Any], names: Mapping[int, str]
) -> Iterator[str]:
    paid = {(one["to"], one["why"]): one["amount_nano"] for one in told["payments"] if one["service"] == service}
    judges = market["validators"]
    yield f"\n{service}: {ant(market['nodes_nano'])} to nodes, {ant(market['validators_nano'])} to validators"
    shown = [names[one["uid"]][:8] for one in judges[:MAX_COLUMNS]]
    yield f"  {'node':<10}" + "".join(f"{name:>10}" for name in shown) + f"{'consensus':>11}{'incentive':>11}  paid"
    whole = sum(one["rank"] for one in market["nodes"]) or 1
    for one in sorted(market["nodes"], key=lambda one: -one["rank"]):
        weights = "".join(f"{_share(one['weights'].get(str(judge['uid']), 0)):>10}" for judge in judges[:MAX_COLUMNS])
        amount = ant(paid.get((one["node"], "incentive"), 0))
        incentive = f"{one['rank'] / whole:.2%}"
        yield f"  {one['node'][:8]:<10}{weights}{_share(one['consensus']):>11}{incentive:>11}  {amount}"
    yield f"  {'validator':<10}{'stake':>10}{'trust':>10}{'judged':>10}{'dividends':>11}  paid"
    whole = sum(one["dividends"] for one in judges) or 1
    for one in judges:
        node = names[one["uid"]]
        amount = ant(paid.get((node, "dividends"), 0))
        dividends = f"{one['dividends'] / whole:.2%}"
        shares = "".join(f"{_share(one[key]):>10}" for key in ("stake", "trust", "judged"))
        yield f"  {node[:8]:<10}{shares}{dividends:>11}  {amount}"


def _share(value: int) -> str:
    return f"{value / ONE:.2%}"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
