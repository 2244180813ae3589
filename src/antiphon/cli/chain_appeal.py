"""`antiphon chain appeal`: fines that wait, and the jury that whoever is fined may ask for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain
from antiphon.cli.figures import ant
from antiphon.economy.types import PPM, Verdict
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.ledger.evm.appealing import AppealWallet, Dispute
    from antiphon.ledger.evm.outbox import Receipt


@asynccontextmanager
async def _wallet(place: Place) -> AsyncIterator[AppealWallet]:
    from antiphon.ledger.evm.appealing import AppealWallet

    async with place.joined() as (contracts, outbox):
        yield AppealWallet(contracts, outbox)


async def _list(place: Place, as_json: bool) -> None:
    from antiphon.ledger.evm.epochs.terms import moment_text

    async with _wallet(place) as wallet:
        found = await wallet.disputes()
    if as_json:
        click.echo(json.dumps([_fields(one) for one in found], indent=2))
        return
    for one in found:
        ours = " (you)" if wallet.address in one.fined else ""
        click.echo(
            f"{one.id.hex()[:16]}  {one.state.name.lower():<8} until {moment_text(one.deadline_s)}  "
            f"fined {', '.join(one.fined)}{ours}"
        )
    if not found:
        click.echo("No fines wait.")


def _fields(one: Dispute) -> dict[str, object]:
    return {
        "dispute": one.id.hex(),
        "market": one.market,
        "reference": one.reference,
        "state": one.state.name.lower(),
        "deadline_s": one.deadline_s,
        "fined": list(one.fined),
        "appellant": one.appellant,
    }


@chain.command(epilog="\b\nExamples:\n  antiphon chain appeal\n  antiphon chain appeal --json\n")
@click.argument("dispute", required=False, default="", metavar="[DISPUTE]")
@click.option(
    "--vote", type=click.Choice([one.value for one in Verdict]), help="Vote as a juror: commit, and later reveal."
)
@click.option("--score", type=click.FloatRange(0, 1), help="Of a vote valid or invalid.")
@click.option("--draw", is_flag=True, help="Draw the jury. Anybody may.")
@click.option("--end", is_flag=True, help="Decide it, or take the fines that nobody appealed. Anybody may.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_obj
def appeal(
    place: Place, dispute: str, vote: str | None, score: float | None, draw: bool, end: bool, as_json: bool
) -> None:
    """Show verdicts whose fines wait; ask for a jury, if this key is fined; or take a step of an appeal.

    DISPUTE: its first digits, as the list shows them. Asking locks a fee for each of 48 tickets, out of
    this key's ANT; whoever turns out to be wrong pays the jury.
    """
    if not dispute and not (vote or draw or end):
        run(_list(place, as_json))
        return
    if bool(vote) + draw + end > 1:
        raise InputError("Only one step at a time", "Give one of --vote, --draw and --end, or none to appeal.")
    verdict = Verdict(vote) if vote else None
    if (score is not None) != (verdict is not None and verdict.conclusive):
        raise InputError("A vote valid or invalid has a score, no other", "Give --score 0.8 with --vote valid.")
    run(_appeal(place, dispute, verdict, round((score or 0) * PPM), draw, end))


async def _appeal(place: Place, digits: str, verdict: Verdict | None, score_ppm: int, draw: bool, end: bool) -> None:
    from antiphon.ledger.evm.appealing import State

    async with _wallet(place) as wallet:
        found = await wallet.dispute(digits)
        if draw:
            _told("jury drawn", await wallet.draw(found))
        elif end:
            _told("ended", await wallet.settle(found))
        elif verdict is None:
            _told(f"appealed, with at most {ant(wallet.price(found))} at stake", await wallet.appeal(found))
        elif found.state is State.COMMIT:
            _told("committed: give the same command again to reveal", await wallet.commit(found, verdict, score_ppm))
        else:
            _told("revealed", await wallet.reveal(found, verdict, score_ppm))


def _told(what: str, receipt: Receipt) -> None:
    click.echo(f"{what[0].upper()}{what[1:]} (block {receipt.block}, {receipt.gas:,} gas)")
