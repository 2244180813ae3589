"""`antiphon nodes` and `antiphon account`: who is in the network, and whose money is where."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click
import msgspec

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.cli.figures import ant
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.economy.types import PPM
from antiphon.errors import FundsError, InputError

if TYPE_CHECKING:
    from antiphon.door.connecting import Session
    from antiphon.ledger.records import Account, NodeRecord
    from antiphon.parties.actor import Actor

NODES_EPILOG = """\b
Examples:
  antiphon nodes
  antiphon --ledger http://127.0.0.1:7411 nodes --json
"""
ACCOUNT_EPILOG = """\b
Examples:
  antiphon account
  antiphon account deposit 10
  antiphon account --name client
"""
PAY_EPILOG = """\b
Examples:
  antiphon account pay 0.5 --to 0f6f25ba9d25e8921ac25fa841437800f3f60ff917a91b0ffa70ab6adc8c162c
"""
UNSTAKE_EPILOG = """\b
Examples:
  antiphon account unstake 90 --name kokoro
"""
DEPOSIT_EPILOG = """\b
Examples:
  antiphon account deposit 10
  antiphon account deposit 100 --to 0f6f25ba9d25e8921ac25fa841437800f3f60ff917a91b0ffa70ab6adc8c162c
"""


@click.command(epilog=NODES_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def nodes(settings: Settings, as_json: bool) -> None:
    """List the nodes: role, price, quality, work done, stake."""
    run(_nodes(settings, as_json))


async def _nodes(settings: Settings, as_json: bool) -> None:
    from antiphon.door.connecting import connect
    from antiphon.ledger.listing import every_node

    async with connect(settings) as session:
        found = await every_node(session.ledger)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(node, str_keys=True) for node in found], indent=2))
        return
    if not found:
        click.echo("No node has joined. Start one: antiphon node processor --engine hibari", err=True)
        return
    head = ("node", "role", "offers", "uANT/unit", "quality", "parts", "stake", "locked", "", "address")
    order = sorted(found, key=lambda node: (node.role, node.offers[0].engine if node.offers else "", node.node))
    rows = [head, *map(_row, order)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = (
            f"{cell:>{width}}" if 3 <= column <= 7 else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo("  ".join(cells).rstrip())


def _row(node: NodeRecord) -> tuple[str, ...]:
    return (
        node.node[:8],
        str(node.role),
        ", ".join(offer.engine or offer.service for offer in node.offers),
        ", ".join(f"{offer.price_nano / 1000:g}" for offer in node.offers),
        ", ".join(f"{value / PPM:.2f}" for value in node.quality_ppm.values()) or "new",
        str(sum(node.settled.values())),
        ant(node.stake_nano),
        ant(node.locked_nano),
        "live" if node.live else "away",
        node.endpoint,
    )


@click.group(cls=Verbs, invoke_without_command=True, epilog=ACCOUNT_EPILOG)
@click.option("--name", default="client", help="A node's: the name of its key in the data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def account(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show your account, or a node's of yours: balance, escrow, stake. Deposit, pay, take stake back."""
    if ctx.invoked_subcommand is None:
        run(_account(ctx.obj, name, as_json))


async def _account(settings: Settings, name: str, as_json: bool) -> None:
    from antiphon.door import relays
    from antiphon.door.connecting import connect

    settled_nano = None
    async with connect(settings) as session:
        owner = session.client if name == "client" else owner_of(settings, session, name)
        found = await session.ledger.account(owner.node_id)
        where = session.joined or f"the network in {settings.home}"
        if session.joined.startswith(relays.PREFIX):
            settled_nano = await relays.settled_nano(settings, owner.node_id, own=name == "client")
    on_chain = {} if settled_nano is None else {"on_chain_nano": settled_nano}
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found) | on_chain, indent=2))
        return
    click.echo("\n".join(_told(found, where)))
    if settled_nano is not None:
        click.echo(f"On chain {ant(settled_nano)}, settled: antiphon chain withdraw. The balance above is not yet.")


def _told(found: Account, where: str) -> list[str]:
    stake = f"{ant(found.stake_nano)}, {ant(found.locked_nano)} of it locked" if found.stake_nano else "none"
    return [
        f"Account  {found.owner}",
        f"Network  {where}",
        f"Balance  {ant(found.balance_nano)}",
        f"Escrow   {ant(found.escrow_nano)}",
        f"Stake    {stake}",
        *_returning(found),
    ]


def _returning(found: Account) -> list[str]:
    if not found.unbonding_nano:
        return []
    when = datetime.fromtimestamp(found.unbonding_until_ms / 1000).astimezone()
    return [f"Returns  {ant(found.unbonding_nano)} at {when:%Y-%m-%d %H:%M:%S}; until then penalties can take it"]


@account.command(epilog=UNSTAKE_EPILOG)
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option("--name", required=True, help="The node's key in the data folder: see `antiphon node processor --name`.")
@click.pass_obj
def unstake(settings: Settings, amount: int, name: str) -> None:
    """Take back a node's stake. It arrives after an hour; less than the minimum left means no more work."""
    run(_unstake(settings, amount, name))


async def _unstake(settings: Settings, amount_nano: int, name: str) -> None:
    from antiphon.door.connecting import connect
    from antiphon.ledger.operations import Unstake

    async with connect(settings) as session:
        owner = owner_of(settings, session, name)
        await owner.submit(Unstake(amount_nano=amount_nano))
        found = await session.ledger.account(owner.node_id)
    click.echo("\n".join(_told(found, session.joined or f"the network in {settings.home}")))


def owner_of(settings: Settings, session: Session, name: str) -> Actor:
    """Who holds a key of the data folder. Raises `InputError` with the names there are."""
    from antiphon.parties.actor import Actor, Context
    from antiphon.plugins import unknown
    from antiphon.protocol import load_or_create

    key = settings.home / "keys" / f"{name}.key"
    if "/" in name or not key.is_file():
        raise unknown("key", name, sorted(one.stem for one in key.parent.glob("*.key")))
    context = session.client.context
    return Actor(Context(load_or_create(key), context.ledger, context.transport, context.clock))


@account.command(epilog=PAY_EPILOG)
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option(
    "--name", default="client", help="Whose money: the name of a key in the data folder; by default your own."
)
@click.option("--to", "target", metavar="ID", help="Another account; by default your own.")
@click.pass_obj
def pay(settings: Settings, amount: int, name: str, target: str | None) -> None:
    """Give money to another account: what a node earned to your own, or yours to anybody."""
    run(_pay(settings, amount, name, target))


async def _pay(settings: Settings, amount_nano: int, name: str, target: str | None) -> None:
    from antiphon.door.connecting import connect
    from antiphon.ledger.operations import Pay

    if name == "client" and target is None:
        raise InputError("Nobody to pay is named", "Name whose money it is (--name), or who gets it (--to).")
    async with connect(settings) as session:
        owner = session.client if name == "client" else owner_of(settings, session, name)
        receiver = target or session.client.node_id
        has_nano = (await session.ledger.account(owner.node_id)).balance_nano
        if has_nano < amount_nano:
            raise FundsError(f"The balance is {ant(has_nano)}, less than {ant(amount_nano)}", "Pay less.")
        await owner.submit(Pay(account=receiver, amount_nano=amount_nano))
        found = await session.ledger.account(owner.node_id)
    click.echo(f"Paid {ant(amount_nano)} to {receiver[:8]}; the balance is {ant(found.balance_nano)}")


@account.command(epilog=DEPOSIT_EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option("--to", "target", metavar="ID", help="Another account; by default your own.")
@click.pass_obj
def deposit(settings: Settings, amount: int, target: str | None) -> None:
    """Credit an account. Only the ledger's operator can: whoever owns the data folder of the ledger."""
    run(_deposit(settings, amount, target))


async def _deposit(settings: Settings, amount_nano: int, target: str | None) -> None:
    from antiphon.door.connecting import bank_of, connect
    from antiphon.ledger.operations import Deposit

    async with connect(settings) as session:
        owner = target or session.client.node_id
        await bank_of(settings, session).submit(Deposit(account=owner, amount_nano=amount_nano))
        found = await session.ledger.account(owner)
    click.echo(f"Deposited {ant(amount_nano)}; the balance is {ant(found.balance_nano)}")
