"""`antiphon data share|offers|buy|withdraw`: collections as goods of the market. Only these may open connections."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.cli.dama import json_option, store_option
from antiphon.cli.data import data
from antiphon.cli.figures import ant
from antiphon.door.settings import Settings
from antiphon.errors import FundsError, InputError

if TYPE_CHECKING:
    from antiphon.genki.sharing import Purchase, SignedOffer
    from antiphon.ledger.base import Ledger
    from antiphon.objects import ObjectStore

SHARE_EPILOG = """\b
Examples:
  antiphon data add recordings --licence CC-BY-4.0 --consent "my own recordings"
  antiphon data share recordings --price 2
"""


@data.command(epilog=SHARE_EPILOG)
@click.argument("name")
@click.option("--price", type=Amount(), required=True, metavar="ANT", help="What one copy costs.")
@store_option
@json_option
@click.pass_obj
def share(settings: Settings, name: str, price: int, store: str | None, as_json: bool) -> None:
    """Offer the collection NAME for sale: its clips go to a store, sealed, with their licences and consents.

    The key stays here; `antiphon node seller` sells it. What is known of each clip, but where it lies, is for everybody
    to read. Nothing is offered of a collection with a clip that lacks a licence or a consent, or that was changed.
    """
    from antiphon.clock import SystemClock
    from antiphon.genki.data import Collection
    from antiphon.genki.sharing import KEY_NAME
    from antiphon.genki.sharing import share as sharing
    from antiphon.protocol import load_or_create

    collection = Collection(settings.home, name).require()
    seller = load_or_create(settings.home / "keys" / f"{KEY_NAME}.key")
    offer = sharing(collection, settings.home, _store(settings, store), seller, price, SystemClock())
    if as_json:
        click.echo(json.dumps(_plain(offer), indent=2))
        return
    click.echo(f"Offered   {offer.id}\nSealed    {offer.offer.clips} clips, {offer.offer.size:,} bytes")
    click.echo("Sold by   antiphon node seller; on your own network by every command", err=True)


@data.command(epilog="\b\nExamples:\n  antiphon data offers\n  antiphon data offers --json\n")
@store_option
@json_option
@click.pass_obj
def offers(settings: Settings, store: str | None, as_json: bool) -> None:
    """List what is offered in a store."""
    from antiphon.genki.sharing import every_offer

    found = list(every_offer(_store(settings, store)))
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], indent=2))
        return
    for one in found:
        offer = one.offer
        facts = f"{offer.clips} clips, {offer.seconds:.0f} s, {', '.join(offer.licences)}, {ant(offer.price_nano)}"
        click.echo(f"{one.id[:12]}  {offer.name}: {facts}")
    if not found:
        click.echo("Nothing is offered: antiphon data share")


@data.command(epilog="\b\nExamples:\n  antiphon data offers\n  antiphon data buy recordings -o bought\n")
@click.argument("offer")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the clips."
)
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if it could cost more.")
@store_option
@json_option
@click.pass_obj
def buy(settings: Settings, offer: str, output: Path, max_cost: int | None, store: str | None, as_json: bool) -> None:
    """Buy OFFER, named by its id or its collection's name: sealed clips first, then the key, then they are opened.

    Drawn validators check the key and what it opens before the seller is paid; else the money comes back. Run it again
    after a stop: it goes on, and pays once.
    """
    from antiphon.genki.sharing import Purchase, find_offer

    place = _store(settings, store)
    purchase = Purchase(find_offer(place, offer), output)
    if not purchase.paid:
        _fetched(purchase, place, quiet=as_json)
        paid_nano = run(_paid(settings, purchase, max_cost))
    else:
        paid_nano = 0
    files = purchase.open()
    if as_json:
        told = _plain(purchase.offer) | {"paid_nano": paid_nano, "files": [str(file) for file in files]}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"Bought    {purchase.offer.id}\nPaid      {ant(paid_nano)}\nFolder    {output}: {len(files)} clips")


def _fetched(purchase: Purchase, place: ObjectStore, *, quiet: bool) -> None:
    came = purchase.fetch(place)
    if not quiet:
        click.echo(f"Fetched   {came:,} bytes, sealed", err=True)


async def _paid(settings: Settings, purchase: Purchase, max_cost: int | None) -> int:
    """Buy the key; what it cost, in nano."""
    from antiphon.client.budget import cost_nano
    from antiphon.client.buying import buy as buying
    from antiphon.client.events import Closed
    from antiphon.door.connecting import connect
    from antiphon.door.receipts import save_receipt
    from antiphon.genki.sharing import SERVICE

    offer, paid = purchase.offer, 0
    async with connect(settings, engine=SERVICE) as session:
        await _expect_price(session.ledger, offer, max_cost)
        async with aclosing(buying(session.client, offer, purchase.nonce, max_total_nano=max_cost)) as events:
            async for event in events:
                if isinstance(event, bytes):
                    purchase.keep_sale(event)
                elif isinstance(event, Closed):
                    paid += cost_nano(event.receipt, session.client.node_id)
                    save_receipt(settings.home, event.receipt)
    return paid


@data.command(epilog="\b\nExamples:\n  antiphon data withdraw recordings\n")
@click.argument("offer")
@store_option
@click.pass_obj
def withdraw(settings: Settings, offer: str, store: str | None) -> None:
    """Take OFFER back: its sealed clips are deleted from the store. Who bought it keeps it."""
    from antiphon.genki.sharing import find_offer, sold_here
    from antiphon.genki.sharing import withdraw as withdrawing

    place = _store(settings, store)
    found = find_offer(place, offer)
    if found.id not in sold_here(settings.home):
        raise InputError(f"{found.id[:12]} is not offered by you", "Only its seller can withdraw it.")
    withdrawing(settings.home, place, found)
    click.echo(f"Withdrawn {found.id}")


async def _expect_price(ledger: Ledger, offer: SignedOffer, max_cost: int | None) -> None:
    """Raise `UnavailableError` where nobody sells it now, `FundsError` where its seller asks another price than he
    signed, or it could cost more than `max_cost`: before anything is bought."""
    from antiphon.client.buying import selector_of
    from antiphon.economy.types import Part, Role

    node = await ledger.node(offer.seller, Role.PROCESSOR)
    asked = [one.price_nano for one in node.offers if offer.id in one.voices]
    if asked != [offer.offer.price_nano]:
        raise FundsError(f"Its seller does not sell it for {ant(offer.offer.price_nano)} now", "Ask the seller.")
    quote = await ledger.quote(selector_of(offer), (Part(index=0, units=1, role=Role.PROCESSOR),))
    if max_cost is not None and quote.total_nano > max_cost:
        raise FundsError(f"This could cost up to {ant(quote.total_nano)}", "Raise --max-cost.")


def _store(settings: Settings, store: str | None) -> ObjectStore:
    from antiphon.nodes.evaluation.evaluator import STORE
    from antiphon.objects import opened

    return opened(store or settings.home / STORE)


def _plain(one: SignedOffer) -> dict[str, object]:
    import msgspec

    return {"id": one.id, "seller": one.seller, **msgspec.to_builtins(one.offer)}
