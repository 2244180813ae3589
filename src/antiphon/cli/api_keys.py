"""`antiphon up key`: who may use the HTTP API, for how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.figures import ant
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.gateway.database import Storage
from antiphon.gateway.keys import MAX_PER_MINUTE, PER_MINUTE, SCOPES, Key, KeyStore

EPILOG = """\b
Examples:
  antiphon up key create radio --scope speech --scope read --budget 5
  antiphon up key list
  antiphon up key usage radio
  antiphon up key revoke radio
"""


def _store_url(_: click.Context, __: click.Parameter, value: str) -> str:
    return "" if value == "sqlite" else value


store_option = click.option(
    "--store",
    "place",
    metavar="URL",
    default="sqlite",
    show_default=True,
    envvar="ANTIPHON_STORE",
    callback=_store_url,
    help="Keys, tasks and webhooks: files of the data folder, or postgresql://USER@HOST/DATABASE (PGPASSWORD).",
)


@click.group(cls=Verbs, epilog=EPILOG)
def key() -> None:
    """API keys: once there is one, every request to `antiphon up` needs one."""


@key.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; by default all.")
@click.option("--budget", type=Amount(), metavar="ANT", help="What it may spend in all; by default no limit.")
@click.option(
    "--rate",
    "per_minute",
    default=PER_MINUTE,
    show_default=True,
    type=click.IntRange(1, MAX_PER_MINUTE),
    help="Requests a minute.",
)
@store_option
@click.pass_obj
def create(
    settings: Settings, name: str, scopes: tuple[str, ...], budget: int | None, per_minute: int, place: str
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    with _store(settings, place) as store:
        chosen = tuple(one for one in SCOPES if one in scopes) or SCOPES
        made, secret = store.create(name, chosen, budget_nano=budget, per_minute=per_minute)
    click.echo(f"Key {made.name!r}. Keep it now: it is not shown again.", err=True)
    click.echo(secret)


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
@click.pass_obj
def list_(settings: Settings, as_json: bool, place: str) -> None:
    """List the keys, the revoked ones too."""
    _show(settings, place, None, as_json=as_json)


@key.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
@click.pass_obj
def usage(settings: Settings, name: str | None, as_json: bool, place: str) -> None:
    """Show what a key, or every key, has cost, day by day."""
    _show(settings, place, name, as_json=as_json, by_day=True)


@key.command()
@click.argument("name")
@store_option
@click.pass_obj
def revoke(settings: Settings, name: str, place: str) -> None:
    """Have a key refused from its next request on."""
    with _store(settings, place) as store:
        store.revoke(name)
    click.echo(f"Revoked {name!r}", err=True)


def _show(settings: Settings, place: str, name: str | None, *, as_json: bool, by_day: bool = False) -> None:
    from antiphon.gateway.keyring import usage_body
    from antiphon.plugins import unknown

    with _store(settings, place) as store:
        keys = store.keys()
        if name is not None and name not in {one.name for one in keys}:
            raise unknown("key", name, sorted({one.name for one in keys}))
        found = [(one, usage_body(one, store.usage(one))) for one in keys if name in (None, one.name)]
    if as_json:
        click.echo(json.dumps([body | {"revoked": one.revoked_s is not None} for one, body in found], indent=2))
        return
    if not found:
        click.echo("There are no keys: whoever reaches the server may use it. antiphon up key create NAME", err=True)
    for one, body in found:
        budget = "no budget" if one.budget_nano is None else f"of {ant(one.budget_nano)}"
        reserved = f", {ant(body['reserved_nano'])} reserved" if body["reserved_nano"] else ""
        click.echo(f"{one.name}  {_state(one)}  {', '.join(one.scopes)}  {one.per_minute}/min", nl=False)
        click.echo(f"  paid {ant(body['paid_nano'])} {budget}{reserved}")
        for day in body["days"] if by_day else ():
            click.echo(f"  {day['day']}  {day['scope']}  {day['orders']} orders  {ant(day['paid_nano'])}")


def _state(one: Key) -> str:
    if one.revoked_s is None:
        return "in force"
    return f"revoked {datetime.fromtimestamp(one.revoked_s, UTC):%Y-%m-%d}"


@contextmanager
def _store(settings: Settings, place: str) -> Iterator[KeyStore]:
    store = KeyStore(Storage(settings.home, place))
    try:
        yield store
    finally:
        store.close()
