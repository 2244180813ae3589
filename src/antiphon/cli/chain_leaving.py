"""`antiphon chain unstake` and `claim`: a node's money comes home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain
from antiphon.cli.figures import ant

if TYPE_CHECKING:
    from antiphon.ledger.evm.leaving import Leaving


@chain.command(epilog="\b\nExamples:\n  antiphon chain unstake\n")
@click.pass_obj
def unstake(place: Place) -> None:
    """Bring all of a node's stake home: do what is due of it, and say when the rest is.

    The bond answers for a week more, longer than any session lasts; then the stake waits for an hour, and is paid out.
    A relay's stake has no bond to wait for.
    """
    run(_unstake(place))


async def _unstake(place: Place) -> None:
    from antiphon.ledger.evm.leaving import leave

    async with place.wallet() as wallet:
        click.echo("\n".join(_told(await leave(wallet))))


def _told(found: Leaving) -> list[str]:
    from antiphon.ledger.evm.epochs.terms import moment_text

    again = "Give this command again then."
    lines = []
    if found.paid_nano:
        lines.append(f"Paid     {ant(found.paid_nano)} into the wallet")
    if found.bond_nano:
        lines.append(f"Bond     {ant(found.bond_nano)}, free after {moment_text(found.bond_s)}. {again}")
    if found.unbonding_nano:
        lines.append(f"Stake    {ant(found.unbonding_nano)}, paid out after {moment_text(found.unbonded_s)}. {again}")
    if found.locked_nano:
        lines.append(f"Locked   {ant(found.locked_nano)}, until work or an appeal releases it. Try again.")
    return lines


@chain.command(epilog="\b\nExamples:\n  antiphon chain claim\n")
@click.pass_obj
def claim(place: Place) -> None:
    """Take out what others' penalties brought this key."""
    run(_claim(place))


async def _claim(place: Place) -> None:
    from antiphon.ledger.evm.leaving import claim as take

    async with place.wallet() as wallet:
        click.echo(f"Claimed  {ant(await take(wallet))}")
