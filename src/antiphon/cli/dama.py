"""`antiphon dama`: model assets, their store, and whose they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.cli.app import run
from antiphon.cli.dama_words import plain, told
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError, PartialError

if TYPE_CHECKING:
    from antiphon.dama import AssetFile, Manifest
    from antiphon.dama.depot import Depot
    from antiphon.dama.registry import Terms
    from antiphon.dama.shelf import Shelf
    from antiphon.ledger.assets import AssetRecord
    from antiphon.ledger.base import Ledger

    Files = Callable[[AssetFile], Iterator[bytes]]

C = TypeVar("C", bound=Callable[..., Any])

EPILOG = """\b
Examples:
  antiphon dama push voice-cards
  antiphon dama list
  antiphon dama verify
"""
PUSH_EPILOG = """\b
Examples:
  antiphon dama push voice-cards
  antiphon dama push distillmos --asked 10
"""
SERVE_PORT = 7451

store_option = click.option(
    "--store", envvar="ANTIPHON_STORE", metavar="PLACE", help="Folder, s3:// or http(s):// URL; by default your own."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Verbs, epilog=EPILOG)
def dama() -> None:
    """Models as assets: publish, fetch, verify; see what they earn.

    An asset is the hash of its weights, configuration and card. The ledger says who had it first, what it was made
    from, and who gets which share when it is used. Its files lie in a store that nobody has to trust.
    """


@dama.command("list", epilog="\b\nExamples:\n  antiphon dama list\n  antiphon dama list --shipped --json\n")
@click.option("--shipped", "only_shipped", is_flag=True, help="Only those that ship with us.")
@store_option
@json_option
@click.pass_obj
def list_(settings: Settings, only_shipped: bool, store: str | None, as_json: bool) -> None:
    """List the assets: published, on this machine, or shipped with us."""
    from antiphon.dama import asset_id, shipped

    rows: dict[str, dict[str, Any]] = {
        asset_id(manifest): {"name": name, "version": manifest.card.version, "where": "shipped", "owner": ""}
        for name, manifest in shipped().items()
    }
    if not only_shipped:
        _add_known(rows, settings, store)
    if as_json:
        click.echo(json.dumps([{"asset": asset} | row for asset, row in rows.items()], indent=2))
        return
    for asset, row in rows.items():
        where = f"{row['where']}, here" if row.get("here") and row["where"] != "here" else row["where"]
        whose = f"a copy of {row['copy_of'][:12]}" if row.get("copy_of") else row["owner"][:12]
        click.echo(f"{asset[:12]}  {row['name']:<24} {row['version']:<10} {where:<16} {whose}".rstrip())


def _add_known(rows: dict[str, dict[str, Any]], settings: Settings, store: str | None) -> None:
    """What is published, and what is here. Names of others' assets are those that the store has."""
    from antiphon.errors import AntiphonError

    depot, shelf = depot_of(settings, store), shelf_of(settings)
    for record in run(registry(settings)):
        row = rows.setdefault(record.asset, {"name": "", "version": ""})
        row |= {"where": "published", "owner": record.owner, "earned_nano": record.earned_nano}
        row |= {"parents": list(record.parents), "copy_of": record.copy_of}
        if not row["name"]:
            try:
                card = depot.signed(record.asset, record.owner)[0].manifest.card
            except AntiphonError:
                continue
            row["name"], row["version"] = card.name, card.version
    for asset in shelf.held():
        card = shelf.signed(asset).manifest.card
        row = rows.setdefault(asset, {"where": "here", "owner": ""})
        row |= {"name": card.name, "version": card.version, "here": True}


@dama.command(epilog="\b\nExamples:\n  antiphon dama push voice-cards\n  antiphon dama show c7e6b0e48b74\n")
@click.argument("asset")
@store_option
@json_option
@click.pass_obj
def show(settings: Settings, asset: str, store: str | None, as_json: bool) -> None:
    """Show an asset, by its id or the beginning of it: card, files, lineage, contributors, what it earned."""
    record, manifest = _found(settings, asset, store)
    click.echo(json.dumps(plain(record, manifest), indent=2) if as_json else "\n".join(told(record, manifest)))


def _found(settings: Settings, prefix: str, store: str | None) -> tuple[AssetRecord | None, Manifest | None]:
    from antiphon.dama import asset_id, shipped
    from antiphon.dama.registry import resolve
    from antiphon.errors import AntiphonError

    ours = {asset_id(manifest): manifest for manifest in shipped().values()}
    records = {record.asset: record for record in run(registry(settings))}
    shelf = shelf_of(settings)
    asset = resolve(prefix, [*ours, *records, *shelf.held()])
    record = records.get(asset)
    if asset in ours:
        return record, ours[asset]
    if shelf.complete(asset):
        return record, shelf.signed(asset).manifest
    try:
        owner = record.owner if record else ""
        return record, depot_of(settings, store).signed(asset, owner)[0].manifest
    except AntiphonError:
        return record, None


_CARD = (
    click.option("--name", help="Its name; by default the folder's."),
    click.option("--version", default="1", show_default=True, help="Its version."),
    click.option("--licence", help="Under which licence it may be used, as in CC-BY-4.0."),
    click.option("--engine", default="", help="Which engine runs it."),
    click.option("--summary", default="", help="What it is, in a sentence."),
    click.option("--rounds", default=0, type=click.IntRange(0), help="Rounds of training together behind it."),
    click.option("--figure", "figures", multiple=True, metavar="NAME=VALUE", help="What you measured."),
    click.option("--parent", "parents", multiple=True, metavar="ID", help="What it was made from."),
    click.option(
        "--asked",
        default=10.0,
        show_default=True,
        type=click.FloatRange(0, 30),
        metavar="PERCENT",
        help="What it asks of assets made from it.",
    ),
    click.option("--share", "shares", multiple=True, metavar="ID=PERCENT", help="A contributor's; the rest is yours."),
)


def card_options(command: C) -> C:
    """What stands on the card, and the terms."""
    for option in reversed(_CARD):
        command = option(command)
    return command


@dama.command(epilog=PUSH_EPILOG)
@click.argument("source")
@card_options
@click.option("--commit", "only_commit", is_flag=True, help="Only say that you have it: nobody sees which, or what.")
@store_option
@json_option
@click.pass_obj
def push(settings: Settings, /, source: str, store: str | None, only_commit: bool, as_json: bool, **given: Any) -> None:
    """Publish SOURCE, a folder of weights or a model that ships with us: commit, send the files, publish.

    Run it again after a stop: it goes on. Nothing of a publication ever changes.
    """
    manifest, files = _packed(source, given)
    found = run(
        published(
            settings,
            depot_of(settings, store),
            manifest,
            files,
            lambda ledger, own: _terms(ledger, own, given),
            only_commit=only_commit,
        )
    )
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif only_commit:
        click.echo(f"Committed {found['asset']}; publish it within a week: the same command without --commit")
    else:
        click.echo(f"Published {found['asset']}\nSent      {found['sent']:,} bytes, {found['there']:,} were there")


async def published(
    settings: Settings,
    depot: Depot,
    manifest: Manifest,
    files: Files,
    terms_of: Callable[[Ledger, str], Awaitable[Terms]],
    *,
    only_commit: bool = False,
) -> dict[str, Any]:
    """Commit, send the files, publish: what goes on when it is run again. `terms_of` gets the ledger and our id."""
    from antiphon.clock import SystemClock
    from antiphon.dama import asset_id, sign
    from antiphon.dama.registry import commit, publish
    from antiphon.door.connecting import connect

    asset = asset_id(manifest)
    async with connect(settings, judges_only=True) as session:
        own = session.client.context.identity
        terms = await terms_of(session.ledger, own.node_id)
        await commit(session.ledger, own, session.client.submit, asset)
        if only_commit:
            return {"asset": asset}
        raw = sign(own, manifest, SystemClock())
        pushed = await asyncio.to_thread(depot.push, raw, files)
        record = await publish(session.ledger, own, session.client.submit, asset, terms)
    return {"asset": record.asset, "owner": record.owner, "sent": pushed.sent, "there": pushed.there}


def _packed(source: str, given: dict[str, Any]) -> tuple[Manifest, Files]:
    from antiphon import models
    from antiphon.dama import Card, pack, shipped

    ours = shipped()
    if source in ours and not Path(source).exists():
        return ours[source], lambda file: iter([models.read(source, file.name)])
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(
            f"{source} is no folder, and no model that ships with us",
            f"Name the folder that holds the weights, or one of: {', '.join(ours)}.",
        )
    if not given["licence"]:
        raise InputError("An asset without a licence may not be used", "Give one: --licence CC-BY-4.0")
    card = Card(
        name=given["name"] or folder.resolve().name,
        version=given["version"],
        licence=given["licence"],
        engine=given["engine"],
        summary=given["summary"],
        rounds=given["rounds"],
        figures={name: _number(value) for name, value in map(_pair, given["figures"])},
    )
    return pack(folder, card), lambda file: chunks(folder / file.name)


async def _terms(ledger: Ledger, own: str, given: dict[str, Any]) -> Terms:
    from antiphon.dama.registry import Terms, every_asset, resolve
    from antiphon.economy.types import PPM
    from antiphon.ledger.operations import Contributor

    known = [record.asset for record in await every_asset(ledger)] if given["parents"] else []
    shares = {who: round(_number(percent) * 10_000) for who, percent in map(_pair, given["shares"])}
    rest = PPM - sum(ppm for who, ppm in shares.items() if who != own)
    if rest < 0 or min(shares.values(), default=0) < 0:
        raise InputError("The shares are more than the whole", "Give at most 100 percent together.")
    shares = {own: rest} | {who: ppm for who, ppm in shares.items() if who != own}
    return Terms(
        parents=tuple(resolve(parent, known) for parent in given["parents"]),
        asked_ppm=round(given["asked"] * 10_000),
        contributors=tuple(Contributor(node=who, ppm=ppm) for who, ppm in shares.items()),
    )


@dama.command(epilog="\b\nExamples:\n  antiphon dama push voice-cards\n  antiphon dama pull c7e6b0e48b74\n")
@click.argument("asset")
@store_option
@click.option("--owner", help="Who signed it; by default whom the ledger names.")
@json_option
@click.pass_obj
def pull(settings: Settings, asset: str, store: str | None, owner: str | None, as_json: bool) -> None:
    """Fetch an asset onto this machine, or go on fetching it. Everything is checked before it counts."""
    depot, shelf = depot_of(settings, store), shelf_of(settings)
    if owner is None:
        record = one_of(settings, asset)
        asset, owner = record.asset, record.owner
    pulled = depot.pull(asset, owner, shelf)
    if as_json:
        found = {"asset": asset, "folder": str(pulled.folder), "fetched": pulled.fetched, "there": pulled.there}
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"Verified  {asset}\nFetched   {pulled.fetched:,} bytes, {pulled.there:,} were here")
    click.echo(f"Folder    {pulled.folder}")


@dama.command(epilog="\b\nExamples:\n  antiphon dama verify\n")
@click.argument("assets", nargs=-1)
@json_option
@click.pass_obj
def verify(settings: Settings, assets: tuple[str, ...], as_json: bool) -> None:
    """Check assets on this machine: every file's hash, the signature, whose it is, and its lineage."""
    from antiphon.dama.registry import check_lineage, check_owner, resolve
    from antiphon.errors import AntiphonError

    shelf = shelf_of(settings)
    known = {record.asset: record for record in run(registry(settings))}
    found: dict[str, str] = {}
    for asset in [resolve(one, shelf.held()) for one in assets] or shelf.held():
        try:
            signed = shelf.verify(asset)
            if (record := known.get(asset)) is not None:
                check_owner(signed, record)
                check_lineage(record, known)
            found[asset] = "verified" if record else "verified, but nobody has published it on this ledger"
        except AntiphonError as error:
            found[asset] = str(error)
    lines = [f"{asset[:12]}  {said}" for asset, said in found.items()] or ["No assets here: antiphon dama pull"]
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines))
    if bad := [asset for asset, said in found.items() if not said.startswith("verified")]:
        raise PartialError(f"{len(bad)} of {len(found)} assets are not what they should be", "The lines above say why.")


@dama.command(epilog="\b\nExamples:\n  antiphon dama pull c7e6b0e48b74\n  antiphon dama drop c7e6b0e48b74\n")
@click.argument("asset")
@click.pass_obj
def drop(settings: Settings, asset: str) -> None:
    """Take an asset off this machine."""
    from antiphon.dama.registry import resolve

    shelf = shelf_of(settings)
    asset = resolve(asset, [*shelf.held(), *shelf.begun()])
    shelf.drop(asset)
    click.echo(f"Dropped   {asset}")


@dama.command(epilog="\b\nExamples:\n  antiphon dama serve --help\n")
@click.option("--folder", type=click.Path(path_type=Path), help="The store's folder; by default your own.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--port", default=SERVE_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.pass_obj
def serve(settings: Settings, folder: Path | None, host: str, port: int) -> None:
    """Serve a folder's assets over HTTP, for reading only: others pull with --store http://HOST:PORT/."""
    from antiphon.dama.serving import serve as serving

    run(serving(folder or settings.home / "store", host, port, tell=lambda line: click.echo(line, err=True)))


def depot_of(settings: Settings, store: str | None) -> Depot:
    """The store named, or the one in the data folder."""
    from antiphon.dama import Depot
    from antiphon.objects import opened

    return Depot(opened(store or settings.home / "store"))


def shelf_of(settings: Settings) -> Shelf:
    """Assets on this machine."""
    from antiphon.dama import Shelf

    return Shelf(settings.home / "assets")


async def registry(settings: Settings) -> list[AssetRecord]:
    """All that is published."""
    from antiphon.dama.registry import every_asset
    from antiphon.door.connecting import connect

    async with connect(settings, judges_only=True) as session:
        return await every_asset(session.ledger)


def one_of(settings: Settings, prefix: str) -> AssetRecord:
    """The published asset whose id begins so."""
    from antiphon.dama.registry import resolve

    records = {record.asset: record for record in run(registry(settings))}
    return records[resolve(prefix, list(records))]


def _pair(written: str) -> tuple[str, str]:
    name, found, value = written.rpartition("=")
    if not found or not name:
        raise InputError(f"{written!r} is no NAME=VALUE", "Write for example perplexity=3.2")
    return name, value


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError as error:
        raise InputError(f"{written!r} is no number", "Write for example 3.2") from error


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
