"""`antiphon nodes` and `antiphon account`: who is in the network, and whose money is where."""

from __future__ import annotations

import json

import click
import msgspec

from antiphon.cli.app import Settings, run
from antiphon.cli.figures import ant
from antiphon.economy.types import NANO, PPM
from antiphon.errors import InputError


@click.command(epilog="Example: antiphon --ledger http://127.0.0.1:7411 nodes")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def nodes(settings: Settings, as_json: bool) -> None:
    """List the nodes: role, price, quality, stake."""
    run(_nodes(settings, as_json))


async def _nodes(settings: Settings, as_json: bool) -> None:
    from antiphon.cli.connect import connect

    async with connect(settings) as session:
        found = await session.ledger.nodes()
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(node, str_keys=True) for node in found], indent=2))
        return
    for node in sorted(found, key=lambda node: (node.role, node.offers[0].engine if node.offers else "", node.node)):
        what = ", ".join(offer.engine or offer.service for offer in node.offers)
        price = ", ".join(f"{offer.price_nano / 1000:g}" for offer in node.offers)
        quality = ", ".join(f"{value / PPM:.2f}" for value in node.quality_ppm.values()) or "new"
        settled = sum(node.settled.values())
        state = "live" if node.live else "away"
        click.echo(
            f"{node.node[:8]}  {node.role:<9}  {what:<8}  {price:>7} uANT/char  Q {quality:<5}  {settled:>5} parts  "
            f"stake {ant(node.stake_nano)} ({ant(node.locked_nano)} locked)  {state}  {node.endpoint}"
        )


@click.group(invoke_without_command=True, epilog="Example: antiphon account deposit 10")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def account(ctx: click.Context, as_json: bool) -> None:
    """Show your account: balance, escrow, stake."""
    if ctx.invoked_subcommand is None:
        run(_account(ctx.obj, as_json))


async def _account(settings: Settings, as_json: bool) -> None:
    from antiphon.cli.connect import connect

    async with connect(settings) as session:
        found = await session.ledger.account(session.client.node_id)
        where = session.joined or "embedded network"
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    click.echo(f"Account  {found.owner}  ({where})")
    click.echo(f"Balance  {ant(found.balance_nano)}")
    click.echo(f"Escrow   {ant(found.escrow_nano)}")
    click.echo(f"Stake    {ant(found.stake_nano)} ({ant(found.locked_nano)} locked)")


@account.command()
@click.argument("amount", type=float, metavar="ANT")
@click.option("--to", "target", help="Another account; by default your own.")
@click.pass_obj
def deposit(settings: Settings, amount: float, target: str | None) -> None:
    """Credit an account. Only the ledger's operator can: whoever owns the data folder of the ledger."""
    nano = round(amount * NANO)
    if nano <= 0:
        raise InputError(f"{amount:g} ANT is not a positive amount")
    run(_deposit(settings, nano, target))


async def _deposit(settings: Settings, nano: int, target: str | None) -> None:
    from antiphon.cli.connect import bank_of, connect
    from antiphon.ledger.operations import Deposit

    async with connect(settings) as session:
        owner = target or session.client.node_id
        await bank_of(settings, session).submit(Deposit(account=owner, amount_nano=nano))
        found = await session.ledger.account(owner)
    click.echo(f"Balance  {ant(found.balance_nano)}")
