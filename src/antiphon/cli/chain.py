"""`antiphon chain`: contracts and money on a chain."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
import msgspec

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.cli.figures import ant
from antiphon.cli.groups import Verbs
from antiphon.door.settings import DEFAULT_RPC, Settings
from antiphon.errors import AntiphonError, InputError

if TYPE_CHECKING:
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.deploy import Plan
    from antiphon.ledger.evm.keys import Key
    from antiphon.ledger.evm.outbox import Outbox
    from antiphon.ledger.evm.rpc import Rpc
    from antiphon.ledger.evm.wallet import Holdings, Wallet
    from antiphon.protocol import Identity

MAX_FEE = click.FloatRange(min=0, min_open=True, max=1_000_000)
GWEI = 10**9
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Place:
    """Which chain, by which node of it, with which key."""

    settings: Settings
    home: Path
    rpc: str
    file: Path
    max_fee: int  # wei per gas
    key: str  # hex, from the environment; empty = the keystore
    password: str

    @property
    def keystore(self) -> Path:
        return self.home / "keys" / "chain.json"

    def open_key(self) -> Key:
        from antiphon.ledger.evm import keys

        if self.key:
            return keys.from_hex(self.key)
        password = self.password
        if self.keystore.exists() and not password:
            password = click.prompt("Password of the chain key", hide_input=True, err=True)
        return keys.load(self.keystore, password)

    @asynccontextmanager
    async def outbox(self, confirmations: int) -> AsyncIterator[tuple[Rpc, Outbox]]:
        """The node of the chain and what is sent through it."""
        from antiphon.ledger.evm.outbox import Fees, Outbox
        from antiphon.ledger.evm.rpc import Rpc

        key = self.open_key()
        rpc = Rpc(self.rpc)
        try:
            fees = Fees(max_fee=self.max_fee)
            file = self.home / "outbox.db"
            yield rpc, await Outbox.open(rpc, key, file, confirmations=confirmations, fees=fees)
        finally:
            await rpc.close()

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[tuple[Contracts, Outbox]]:
        """The contracts that the chain file names, checked, and what is sent to them."""
        import time

        from antiphon.ledger.evm import config
        from antiphon.ledger.evm.contracts import Contracts

        chain = config.load(self.file)
        async with self.outbox(chain.confirmations) as (rpc, outbox):
            contracts = await Contracts.open(rpc, chain, str(self.file))
            await rpc.expect_alive(time.time())
            yield contracts, outbox

    @asynccontextmanager
    async def wallet(self) -> AsyncIterator[Wallet]:
        """The key's doings with the contracts."""
        from antiphon.ledger.evm.wallet import Wallet

        async with self.joined() as (contracts, outbox):
            yield Wallet(contracts, outbox)


def chain_options(command: F) -> F:
    """Options of whatever uses a chain; the command gets a `Place`. The environment is read here, once."""

    @wraps(command)
    def placed(ctx: click.Context, *args: Any, rpc: str, file: Path | None, max_fee: float, **given: Any) -> Any:
        found = ctx.find_object(Settings)
        assert found is not None
        file = file or found.home / "chain.json"
        place = Place(
            replace(found, rpc=rpc, chain=file),
            found.home,
            rpc,
            file,
            int(max_fee * GWEI),
            os.environ.get("ANTIPHON_CHAIN_KEY", ""),
            os.environ.get("ANTIPHON_CHAIN_PASSWORD", ""),
        )
        return ctx.invoke(command, *args, place=place, **given)

    made: Any = click.pass_context(placed)
    for option in (
        click.option(
            "--max-fee",
            type=MAX_FEE,
            default=200,
            show_default=True,
            metavar="GWEI",
            help="Most that a unit of gas may cost.",
        ),
        click.option(
            "--chain",
            "file",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="ANTIPHON_CHAIN",
            metavar="FILE",
            help="Where the contracts are; by default chain.json in the data folder.",
        ),
        click.option(
            "--rpc",
            default=DEFAULT_RPC,
            show_default=True,
            envvar="ANTIPHON_RPC",
            metavar="URL",
            help="A node of the chain.",
        ),
    ):
        made = option(made)
    return cast("F", made)


@click.group(cls=Verbs, epilog="\b\nExamples:\n  antiphon chain status\n  antiphon chain deposit 100\n")
@chain_options
@click.pass_context
def chain(ctx: click.Context, place: Place) -> None:
    """Put the contracts on a chain; deposit, withdraw, stake.

    The key is the one in the data folder (ANTIPHON_CHAIN_PASSWORD opens it), or ANTIPHON_CHAIN_KEY.
    """
    ctx.obj = place


@chain.command("key", epilog="\b\nExamples:\n  antiphon chain key\n")
@click.pass_obj
def make_key(place: Place) -> None:
    """Make a key, encrypted in the data folder, or show the address of the one that is there."""
    from antiphon.ledger.evm import keys

    if place.key or place.keystore.exists():
        click.echo(place.open_key().address)
        return
    password = place.password or click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    click.echo(keys.create(place.keystore, password).address)


@chain.command("deploy", epilog="\b\nExamples:\n  antiphon chain deploy\n")
@click.option(
    "--confirmations",
    type=click.IntRange(0, 1_000),
    default=2,
    show_default=True,
    help="Blocks until it counts; 0: as the chain itself says.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON with numbers of the economy that differ from the defaults.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON with numbers of token and epochs that differ: docs/chain.md.",
)
@click.pass_obj
def deploy_contracts(place: Place, confirmations: int, rules: Path | None, plan_file: Path | None) -> None:
    """Put the contracts on a chain and write the chain file. All of the token belongs to this key then."""
    run(_deploy(place, confirmations, _plan(rules, plan_file)))


async def _deploy(place: Place, confirmations: int, plan: Plan) -> None:
    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.deploy import deploy

    if place.file.exists():
        raise InputError(f"{place.file} names contracts already", "Use them, or choose another file: --chain FILE")
    async with place.outbox(confirmations) as (rpc, outbox):
        made = await deploy(rpc, outbox, plan, confirmations=confirmations, name=str(place.file.resolve()))
    config.save(place.file, made)
    for name, one in made.contracts.items():
        click.echo(f"{name:<9} {one.address}")
    click.echo(f"Give {place.file} to everybody who joins.")


def _plan(rules: Path | None, file: Path | None) -> Plan:
    """The defaults, but for what the files say. Raises InputError for a file that says something else."""
    from antiphon.cli.process_host import read_rules
    from antiphon.ledger.evm.deploy import Plan

    plan = Plan()
    if file is not None:
        try:
            plan = msgspec.json.decode(file.read_bytes(), type=Plan)
        except OSError as e:
            raise InputError(f"{file} cannot be read: {e.strerror}", "Give a file with JSON.") from e
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise InputError(f"{file} is no plan: {e}", "Its fields are in docs/chain.md.") from e
    own = read_rules(rules)
    return msgspec.structs.replace(plan, rules=own) if own else plan


@chain.command(epilog="\b\nExamples:\n  antiphon chain status\n  antiphon chain status --json\n")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(place: Place, as_json: bool) -> None:
    """Show what the key has: coin for gas, ANT, balance, stake."""
    run(_status(place, as_json))


async def _status(place: Place, as_json: bool) -> None:
    async with place.wallet() as wallet:
        found = await wallet.holdings()
        contracts = wallet.contracts
        head, final = await contracts.rpc.block("latest"), await contracts.rpc.final(contracts.chain.confirmations)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    click.echo(f"Chain    {contracts.chain.chain_id} at {place.rpc}, block {head.number}, final {final.number}")
    click.echo("\n".join(_told(found)))
    if (place.settings.ledger or "").startswith("evm:"):
        click.echo(await _unsettled(place, found.node if found.role not in {"", "relay"} else ""))


async def _unsettled(place: Place, node: str) -> str:
    """What a node, or this data folder's client, has at the relay and not yet on the chain, in words."""
    from antiphon.door.connecting import connect

    try:
        async with connect(place.settings) as joined:
            account = await joined.ledger.account(node or joined.client.node_id)
    except AntiphonError as e:
        return f"Relay    {e.what}"
    return f"Relay    {ant(account.balance_nano)} of {account.owner[:8]}, not settled yet"


def _told(found: Holdings) -> list[str]:
    lines = [
        f"Address  {found.address}",
        f"Coin     {found.coin_wei / 10**18:.6g}, for gas",
        f"Wallet   {ant(found.wallet_nano)}",
        f"Balance  {ant(found.balance_nano)}",
    ]
    if found.role:
        lines += [
            f"Node     {found.node}, {found.role}",
            f"Stake    {ant(found.stake_nano)}, {ant(found.bond_nano)} of it bonded",
        ]
    if found.unbonding_nano:
        lines.append(f"Leaving  {ant(found.unbonding_nano)} of stake: antiphon chain unstake says when")
    if found.claims_nano:
        lines.append(f"Claims   {ant(found.claims_nano)} of others' penalties: antiphon chain claim")
    return lines


@chain.command(epilog="\b\nExamples:\n  antiphon chain deposit 100\n")
@click.argument("amount", type=Amount(), metavar="ANT")
@click.pass_obj
def deposit(place: Place, amount: int) -> None:
    """Bring money in, for tasks. Cut off and given again, it goes on: nothing is paid twice."""
    run(_do(place, lambda wallet: wallet.deposit(amount)))


@chain.command(epilog="\b\nExamples:\n  antiphon chain pay 200 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8\n")
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option("--to", required=True, metavar="ADDRESS", help="Who gets it.")
@click.pass_obj
def pay(place: Place, amount: int, to: str) -> None:
    """Give ANT to another address, such as a node's chain key."""
    run(_do(place, lambda wallet: wallet.pay(amount, to)))


@chain.command(epilog="\b\nExamples:\n  antiphon chain withdraw 40\n")
@click.argument("amount", type=Amount(), metavar="ANT")
@click.pass_obj
def withdraw(place: Place, amount: int) -> None:
    """Take free money out. No owner can stop it."""
    run(_do(place, lambda wallet: wallet.withdraw(amount)))


@chain.command(epilog="\b\nExamples:\n  antiphon chain stake 100 --role validator --name validator\n")
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option("--role", type=click.Choice(["processor", "validator", "trainer", "relay"]), help="Register as a node.")
@click.option("--name", help="The node's key in the data folder; by default the role. Made if it is missing.")
@click.option("--endpoint", default="", metavar="URL", help="Where the node is reached.")
@click.pass_context
def stake(ctx: click.Context, amount: int, role: str | None, name: str | None, endpoint: str) -> None:
    """Stake money of this key. With --role: register as a node, whose own key signs that it belongs to this one."""
    place: Place = ctx.obj
    node = _node(place, name or role) if role else None
    run(_do(place, lambda wallet: wallet.stake(amount, node, role or "", endpoint)))


def _node(place: Place, name: str) -> Identity:
    from antiphon.protocol import load_or_create

    if "/" in name or name.startswith("."):
        raise InputError(f"{name!r} is no name of a key", "Use letters, digits and hyphens.")
    return load_or_create(place.home / "keys" / f"{name}.key")


async def _do(place: Place, what: Callable[[Wallet], Any]) -> None:
    async with place.wallet() as wallet:
        await what(wallet)
        found = await wallet.holdings()
    click.echo("\n".join(_told(found)))


@chain.command(epilog="\b\nExamples:\n  antiphon chain session 20\n")
@click.argument("amount", type=Amount(), metavar="ANT")
@click.option("--parts", type=click.IntRange(1, 65_536), default=1_000, show_default=True, help="Parts to share it.")
@click.option("--hours", type=click.IntRange(2, 167), default=48, show_default=True, help="Until the rest comes back.")
@click.pass_obj
def session(place: Place, amount: int, parts: int, hours: int) -> None:
    """Set deposited money apart for tasks; at the relay that --ledger names, this data folder's client spends it."""
    run(_session(place, amount, parts, hours))


async def _session(place: Place, nano: int, parts: int, hours: int) -> None:
    from antiphon.door.connecting import connect
    from antiphon.door.sessions import claim

    async with place.wallet() as wallet:
        terms = (parts, nano // parts, hours * 3_600)
        if not place.settings.ledger:
            number = await wallet.open_session(*terms)
            click.echo(_opened(number, *terms))
            return
        async with connect(replace(place.settings, chain_key="", chain_password="")) as joined:  # it opens none itself
            client = joined.client
            number = await wallet.open_session(*terms, await client.ledger_id())
            click.echo(_opened(number, *terms))
            await claim(client, wallet, number)
            found = await joined.ledger.account(client.node_id)
        click.echo(f"Account  {client.node_id} has {ant(found.balance_nano)} at {place.settings.ledger}")


def _opened(number: int, parts: int, part_nano: int, lasts_s: int) -> str:
    return f"Session  {number}: {ant(part_nano)} for each of {parts} parts, for {lasts_s // 3_600} hours"


@chain.command(epilog="\b\nExamples:\n  antiphon chain sessions\n  antiphon chain sessions --close\n")
@click.option("--close", "closes", is_flag=True, help="Bring back what is left of expired ones.")
@click.pass_obj
def sessions(place: Place, closes: bool) -> None:
    """List money that is set apart: at which relay, how much is left, until when."""
    run(_sessions(place, closes))


async def _sessions(place: Place, closes: bool) -> None:
    async with place.wallet() as wallet:
        if closes:
            click.echo(f"Closed   {await wallet.close_expired()}")
        now_s = (await wallet.contracts.rpc.block("latest")).time_s
        found = await wallet.sessions()
        for one in found:
            left_s = one.expires_s - now_s
            until = f"expires in {left_s / 3_600:.1f} hours" if left_s > 0 else "expired: chain sessions --close"
            click.echo(f"Session  {one.session} at {one.relay or 'no relay'}: {ant(one.left_nano)} left, {until}")
        if not found:
            click.echo("No money of this key is set apart: antiphon chain session ANT")


@chain.command(epilog="\b\nExamples:\n  antiphon chain redeem\n")
@click.pass_obj
def redeem(place: Place) -> None:
    """Bring a producer's vouchers to the chain: of streams that a listener left, where the relay has not paid them."""
    run(_redeem(place))


async def _redeem(place: Place) -> None:
    import time

    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.relay import collecting
    from antiphon.ledger.relay.facts import Facts

    found = config.load(place.file)
    async with place.outbox(found.confirmations) as (rpc, outbox):
        contracts = await Contracts.open(rpc, found, str(place.file))
        await rpc.expect_alive(time.time())
        nano = await collecting.redeem(Facts(contracts), outbox, place.home / collecting.FILE, place.open_key().address)
    click.echo(f"Redeemed {ant(nano)}")


@chain.command(epilog="\b\nExamples:\n  antiphon chain relays\n")
@click.pass_obj
def relays(place: Place) -> None:
    """List the relays that the registry names, with their bonds."""
    run(_relays(place))


async def _relays(place: Place) -> None:
    from antiphon.door.sessions import contracts_of
    from antiphon.ledger.relay.facts import Facts

    async with contracts_of(place.settings) as contracts:
        for one in await Facts(contracts).relays():
            click.echo(f"Relay    {one.node} with {ant(one.nano)} at {one.endpoint or 'no address'}")


@chain.command("report", epilog="\b\nExamples:\n  antiphon chain report FILE\n")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.pass_obj
def report_relay(place: Place, file: Path) -> None:
    """Show the chain that a relay has signed two histories: it loses its bond, and a share is whose report it is."""
    from antiphon.door import convicting

    run(convicting.report(place.settings, convicting.read(file)))
    click.echo("Reported. The share is claimed from the registry: see antiphon chain status.")
