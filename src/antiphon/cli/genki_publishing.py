"""`antiphon genki publish`: what a federation has trained becomes an asset that pays those who trained it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.app import run
from antiphon.cli.dama import chunks, depot_of, json_option, published, store_option
from antiphon.cli.genki import federation_at
from antiphon.cli.genki_voting import genki
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from antiphon.dama import Card
    from antiphon.dama.registry import Terms
    from antiphon.genki.rounds.history import History
    from antiphon.genki.rounds.store import Store
    from antiphon.ledger.base import Ledger


@genki.command(epilog="\b\nExamples:\n  antiphon dama push ruby-1\n  antiphon genki publish federation\n")
@click.argument("name")
@click.option("--licence", default="", help="Of the model; by default that of the weights it began with.")
@click.option("--summary", default="", help="What it is, in a sentence.")
@click.option(
    "--asked",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 30),
    metavar="PERCENT",
    help="What it asks of assets made from it.",
)
@store_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Print the asset's id alone.")
@click.pass_obj
def publish(
    settings: Settings,
    name: str,
    licence: str,
    summary: str,
    asked: float,
    store: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Publish the model of the federation NAME after its last round, for those who trained it, by what each brought.

    What it pays goes to the contributors, and part of it to the model that it began with, which has to be published
    already. The asset holds the plan, the reports and the shares of all rounds. Run it again after a stop: it goes on.
    """
    from antiphon.dama import pack
    from antiphon.genki.rounds.history import history
    from antiphon.genki.rounds.store import opened

    at = opened(federation_at(settings, name))
    told = history(at)
    parent, folder, card = _exported(at, told, licence, summary)
    shares = told.shares()
    manifest = pack(folder, card)
    found = run(
        published(
            settings,
            depot_of(settings, store),
            manifest,
            lambda file: chunks(folder / file.name),
            lambda ledger, own: _terms(ledger, own, parent, shares, round(asked * 10_000)),
        )
    )
    if as_json:
        click.echo(json.dumps(found | {"parent": parent, "shares": dict(shares)}, indent=2))
        return
    if quiet:
        click.echo(found["asset"])
        return
    click.echo(f"Published {found['asset']}\nSent      {found['sent']:,} bytes, {found['there']:,} were there")
    for who, ppm in sorted(shares.items(), key=lambda pair: -pair[1]):
        click.echo(f"Share     {who[:12]} {ppm / 10_000:g}%")
    if not shares:
        click.echo("Share     nobody earned one: all of it is yours")


def _exported(at: Store, told: History, licence: str, summary: str) -> tuple[str, Path, Card]:
    """The parent's id (or empty), the folder of files, and the card. Raises `InputError` for what cannot be one."""
    import msgspec

    from antiphon.dama import Card, asset_id, shipped
    from antiphon.genki.learning import Publishable
    from antiphon.genki.rounds import files
    from antiphon.genki.rounds.history import FILE
    from antiphon.genki.rounds.learners import learner_for

    learner = learner_for(at.plan)
    if not isinstance(learner, Publishable):
        raise InputError(f"No engine runs {at.plan.model} alone", 'Train Ruby: model = "ruby-base" in the plan.')
    if not told.rounds:
        raise InputError(f"No round of {at.plan.name} is over", "Wait for one: antiphon genki status")
    origin = shipped().get(learner.made_from)
    licence = licence or (origin.card.licence if origin else "")
    if not licence:
        raise InputError("An asset without a licence may not be used", "Give one: --licence CC-BY-4.0")
    folder = at.folder / f"export-{at.state.round:05d}"
    if not (folder / FILE).exists():  # it is written last
        learner.export(at.parameters(), folder)
        files.write(folder / FILE, msgspec.json.encode(told))
    figures: dict[str, float] = {}
    if (loss := told.rounds[-1].report.loss) is not None:
        figures["held-out loss"] = loss
    card = Card(
        name=at.plan.name,
        version=str(at.state.round),
        licence=licence,
        engine=learner.engine,
        summary=summary,
        rounds=at.state.round,
        figures=figures,
    )
    return asset_id(origin) if origin else "", folder, card


async def _terms(ledger: Ledger, own: str, parent: str, shares: Mapping[str, int], asked_ppm: int) -> Terms:
    """The lineage: the parent, and the contributors with what they earned in all rounds. Of more than an asset may have
    the largest."""
    from antiphon.dama.registry import Terms, find
    from antiphon.economy.royalty import MAX_CONTRIBUTORS
    from antiphon.economy.types import PPM
    from antiphon.genki.contribution import shares as shared
    from antiphon.ledger.operations import Contributor

    if parent and await find(ledger, parent) is None:
        raise InputError(
            f"The weights that it began with, {parent[:12]}, are not published on this ledger",
            "Their owner publishes them first: antiphon dama push ruby-1",
        )
    largest = sorted(shares, key=lambda who: (-shares[who], who))[:MAX_CONTRIBUTORS]
    paid: dict[str, Any] = shared({who: shares[who] for who in largest}) or {own: PPM}
    contributors = tuple(Contributor(node=who, ppm=ppm) for who, ppm in paid.items() if ppm)
    return Terms(parents=(parent,) if parent else (), asked_ppm=asked_ppm, contributors=contributors)
