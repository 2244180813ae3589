"""`antiphon dama revenue` and `claim`: what assets earn, why, and how it is taken out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.app import run
from antiphon.cli.dama import dama, depot_of, json_option, registry, shelf_of, store_option
from antiphon.cli.figures import ant, counted
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.dama.depot import Depot
    from antiphon.dama.leaderboard import Leaderboard
    from antiphon.dama.revenue import Revenue
    from antiphon.protocol.receipt import Receipt

MAX_SHOWN = 20
"""Uses that are listed for people; JSON has all."""


@dama.command(
    epilog="\b\nExamples:\n  antiphon dama push voice-cards\n  antiphon dama revenue c7e6b0e48b74\n"
    "  antiphon dama revenue c7e6b0e48b74 --json\n"
)
@click.argument("asset")
@click.option("--receipts", type=click.Path(path_type=Path), help="Folder of receipts; by default your own.")
@json_option
@click.pass_obj
def revenue(settings: Settings, asset: str, receipts: Path | None, as_json: bool) -> None:
    """Explain what an asset earned: from each task to each contributor.

    Tasks whose receipts are here are proven offline: signatures, votes, settlement, and the lineage as its owners
    signed it.
    """
    import msgspec

    found, proven = run(_revenue(settings, asset, receipts or settings.home / "receipts"))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found) | {"proven": proven}, indent=2))
        return
    click.echo("\n".join(_told(found, set(proven))))


async def _revenue(settings: Settings, prefix: str, folder: Path) -> tuple[Revenue, list[str]]:
    from antiphon.dama.registry import every_asset, resolve
    from antiphon.dama.revenue import check
    from antiphon.dama.revenue import revenue as asked
    from antiphon.door.connecting import connect

    async with connect(settings, judges_only=True) as session:
        known = {record.asset: record for record in await every_asset(session.ledger)}
        found = await asked(session.ledger, resolve(prefix, list(known)), known)
        own = await session.ledger.identity()
    return found, check(found, _receipts(folder, {use.task for use in found.uses}), known, own)


def _receipts(folder: Path, tasks: set[str]) -> list[Receipt]:
    from antiphon.protocol import receipt

    paths = [folder / f"{task}.json" for task in sorted(tasks)]
    return [receipt.load(path.read_bytes()) for path in paths if path.is_file()]


def _told(found: Revenue, proven: set[str]) -> list[str]:
    lines = [f"Asset     {found.asset}", f"Earned    {ant(found.earned_nano)}, by {counted(len(found.uses), 'use')}"]
    for use in found.uses[-MAX_SHOWN:]:
        how = "itself" if use.used == found.asset else f"{use.used[:12]}, level {use.level}"
        mark = "proven" if use.task in proven else "told"
        lines.append(
            f"Task      {use.task or 'of a copy':<32} {ant(use.amount_nano)}, {use.ppm / 10_000:g}% by {how}, {mark}"
        )
    if len(found.uses) > MAX_SHOWN:
        lines.append(f"          and {len(found.uses) - MAX_SHOWN} before: --json")
    lines += [
        f"Share     {part.node[:12]} {part.share_ppm / 10_000:g}%: {ant(part.earned_nano)}, "
        f"{ant(part.open_nano)} of it to claim"
        for part in found.parts
    ]
    return lines


@dama.command(epilog="\b\nExamples:\n  antiphon dama ahead --most 3\n")
@click.option("--most", default=3, show_default=True, type=click.IntRange(1), help="How many.")
@store_option
@click.pass_obj
def ahead(settings: Settings, most: int, store: str | None) -> None:
    """Fetch the assets that earn most and are not here yet: for processors, before they are asked for them."""
    from antiphon.dama.registry import popular

    depot, shelf = depot_of(settings, store), shelf_of(settings)
    wanted = popular(run(registry(settings)), shelf.held(), most)
    for record in wanted:
        pulled = depot.pull(record.asset, record.owner, shelf)
        click.echo(f"Fetched   {record.asset[:12]}, {pulled.fetched:,} bytes; earned {ant(record.earned_nano)}")
    if not wanted:
        click.echo("Nothing to fetch: what earned something is here")


@dama.command(epilog="\b\nExamples:\n  antiphon dama claim --help\n")
@click.argument("asset")
@click.option("--for", "node", metavar="ID", help="Which contributor; by default you.")
@click.pass_obj
def claim(settings: Settings, asset: str, node: str | None) -> None:
    """Take out what your share of an asset has brought, once the asset is a week old. Anybody may, for anybody."""
    owner, nano = run(_claim(settings, asset, node))
    click.echo(f"Paid      {ant(nano)} to {owner}")


async def _claim(settings: Settings, prefix: str, node: str | None) -> tuple[str, int]:
    from antiphon.dama.registry import every_asset, resolve
    from antiphon.door.connecting import connect
    from antiphon.ledger.operations import ClaimRoyalty

    async with connect(settings, judges_only=True) as session:
        asset = resolve(prefix, [record.asset for record in await every_asset(session.ledger)])
        record = await session.ledger.asset(asset)
        owner = node or session.client.node_id
        fits = [place for place, one in enumerate(record.contributors) if one.node.startswith(owner)]
        if len(fits) != 1:
            raise InputError(f"{owner[:12]} is no contributor of {asset[:12]}", f"See: antiphon dama show {asset[:12]}")
        await session.client.submit(ClaimRoyalty(asset=asset, place=fits[0]))
        after = await session.ledger.asset(asset)
    return record.contributors[fits[0]].node, after.taken_nano[fits[0]] - record.taken_nano[fits[0]]


@dama.command(epilog="\b\nExamples:\n  antiphon dama leaderboard -o leaderboard\n")
@click.option(
    "-o", "--output", default="leaderboard", show_default=True, type=click.Path(path_type=Path), help="Its folder."
)
@store_option
@click.pass_obj
def leaderboard(settings: Settings, output: Path, store: str | None) -> None:
    """Write all assets as one static page and JSON: quality, revenue, rounds, lineage, samples to play.

    Samples are sounds that assets hold; those in the store are laid beside the page.
    """
    from antiphon.dama.publishing import write

    board, played = run(_board(settings, depot_of(settings, store)))
    write(output, board, played)
    click.echo(f"Written   {output / 'index.html'}: {counted(len(board.entries), 'asset')}")


async def _board(settings: Settings, depot: Depot) -> tuple[Leaderboard, dict[str, dict[str, bytes]]]:
    from antiphon.clock import SystemClock
    from antiphon.dama.leaderboard import leaderboard as compiled
    from antiphon.dama.publishing import Samples
    from antiphon.door.connecting import connect

    samples = Samples(depot)
    async with connect(settings, judges_only=True) as session:
        board = await compiled(session.ledger, samples.manifest_of, SystemClock().now_ms())
    return board, samples.played


@dama.command(
    epilog="\b\nExamples:\n  antiphon dama push distillmos --asked 10\n  antiphon dama pull 6551c8984191\n"
    "  antiphon dama compare 6551c8984191 6551c8984191\n"
)
@click.argument("copy")
@click.argument("original")
@click.option("--mark", metavar="NAME", help="Say so on the ledger, as the validator whose key this names.")
@json_option
@click.pass_obj
def compare(settings: Settings, copy: str, original: str, mark: str | None, as_json: bool) -> None:
    """Say whether COPY is a near copy of ORIGINAL, by weights or behaviour. Both must be on this machine (pull)."""
    import msgspec

    from antiphon.dama.likeness import compare as likeness
    from antiphon.dama.registry import resolve

    shelf = shelf_of(settings)
    copy, original = (resolve(one, shelf.held()) for one in (copy, original))
    found = likeness(shelf, copy, original)
    if mark is not None:
        if not found.near_copy:
            raise InputError(f"{copy[:12]} is no near copy of {original[:12]}", "There is nothing to mark.")
        run(_mark(settings, mark, copy, original))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found) | {"near_copy": found.near_copy}, indent=2))
        return
    behaviour = "not comparable" if found.behaviour is None else f"correlation {found.behaviour:.4f}"
    weights = "not comparable" if found.weights is None else f"{found.weights:.1%} of them the original's"
    click.echo(f"Weights   {weights}\nBehaviour {behaviour}\nNear copy {'yes' if found.near_copy else 'no'}")


async def _mark(settings: Settings, name: str, copy: str, original: str) -> None:
    from antiphon.cli.network import owner_of
    from antiphon.dama.likeness import pays_for
    from antiphon.door.connecting import connect
    from antiphon.ledger.operations import MarkCopy

    async with connect(settings, judges_only=True) as session:
        if pays_for(await session.ledger.asset(copy), original):
            raise InputError(f"{copy[:12]} names {original[:12]} in its lineage", "It pays for it, and is no copy.")
        await owner_of(settings, session, name).submit(MarkCopy(asset=copy, original=original))
