"""`antiphon genki`: train a model together with others, each on data that stays at home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.dama import store_option
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.genki.learning import Learner, Piece
    from antiphon.genki.rounds.history import History
    from antiphon.genki.rounds.plan import Plan
    from antiphon.genki.rounds.store import Report

PORT = 7431
FOLDER = "genki"
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_pool_option = click.option("--pool", type=_FOLDER, help="Folder of music that all have, if the plan names a pool.")
_rent_option = click.option("--rent", is_flag=True, help="Have the training done by a rented node of the market.")
_data_option = click.option("--data", metavar="NAME|FOLDER", help="A private collection, or a folder of MIDI files.")

EPILOG = """\b
Examples, from cards to a model:
  antiphon genki join --card alice.json
  antiphon genki serve plan.toml --members cards
  antiphon genki explain invitation.json --data songs
  antiphon genki join invitation.json --data songs
  antiphon genki join invitation.json --data songs --rent --max-price 0.01
  antiphon genki status federation
  antiphon genki explain federation --round 1
  antiphon genki vote federation --held-out kept
  antiphon genki publish federation
"""


@click.group(cls=Verbs, epilog=EPILOG)
def genki() -> None:
    """Train a model together: everybody learns at home, and hands in one small signed update a round.

    Needs `pip install 'antiphon[genki,train]'`. docs/genki.md tells it from the beginning.
    """


@genki.command(epilog="\b\nExamples:\n  antiphon genki serve plan.toml --members cards\n"
               "  antiphon genki serve plan.toml --members cards --secure\n")  # fmt: skip
@click.argument("plan", type=_FILE)
@click.option("--members", type=_FOLDER, required=True, help="Folder of the cards of those who may take part.")
@click.option("--held-out", type=_FOLDER, help="Folder of music that nobody learns from: each round is measured on it.")
@_pool_option
@click.option("--secure", is_flag=True, help="Learn the sum of updates only; as secure = true, screen = false in PLAN.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.option("--name", default="", help="Host that others are told; by default --host.")
@click.pass_obj
def serve(
    settings: Settings,
    plan: Path,
    members: Path,
    held_out: Path | None,
    pool: Path | None,
    secure: bool,
    host: str,
    port: int,
    name: str,
) -> None:
    """Coordinate a federation by PLAN, a TOML file, until its last round. Run it again to go on after a stop."""
    from antiphon.genki.rounds.plan import read_plan
    from antiphon.genki.rounds.serving import coordinate
    from antiphon.genki.rounds.store import Store

    made = read_plan(plan, secure=secure)
    store, learner = Store(federation_at(settings, made.name), made), _learner(made)
    coordinate(
        store,
        learner,
        members,
        host=host,
        port=port,
        name=name,
        held_out=learner.read(held_out) if held_out else (),
        pool=learner.read(pool) if pool else (),
        ready=lambda file, bound: click.echo(f"Port {bound}. Give this to those who take part: {file}", err=True),
        tell=lambda report: click.echo(_line(report)),
    )
    click.echo(f"{made.name}: all {made.rounds} rounds are over. {store.folder}", err=True)


@genki.command(epilog="\b\nExamples:\n  antiphon genki join --card alice.json\n"
               "  antiphon genki join invitation.json --data songs\n"
               "  antiphon genki join invitation.json --data songs --rent --max-price 0.01\n")  # fmt: skip
@click.argument("invitation", type=_FILE, required=False)
@_data_option
@_pool_option
@click.option("--card", type=_FILE, help="Write your card there, for the coordinator, and end.")
@_rent_option
@click.option("--max-price", type=Amount(), metavar="ANT", help="With --rent: leave out a round that may cost more.")
@store_option
@click.pass_obj
def join(
    settings: Settings,
    invitation: Path | None,
    data: str | None,
    pool: Path | None,
    card: Path | None,
    rent: bool,
    max_price: int | None,
    store: str | None,
) -> None:
    """Take part in the federation of INVITATION, learning from --data. It comes back after any break, until the last
    round is over, or Ctrl-C.

    With --rent a node of the market does the training, and this machine signs the update; `antiphon genki explain
    --rent` lists what others get.
    """
    from antiphon.genki.rounds import membership
    from antiphon.protocol.keystore import load_or_create

    identity = load_or_create(settings.home / "keys" / "genki.key")
    private, _ = membership.flower_key(settings.home / "keys" / "genki-node.pem")
    if card is not None:
        membership.write_file(card, membership.card_of(identity, private))
        click.echo(f"{card}: send it to the coordinator. You are {identity.node_id[:12]}.", err=True)
        return
    if invitation is None or data is None:
        raise InputError("An invitation and --data are needed to join", "To get one, send your card: --card FILE.")
    if max_price is not None and not rent:
        raise InputError("--max-price is of rented training", "Add --rent, or leave it out.")
    from antiphon.cli.genki_renting import renting
    from antiphon.genki.rounds.contributor import Contributor
    from antiphon.genki.rounds.supernode import take_part

    told = membership.read_invitation(invitation)
    learner = _learner(told.plan)
    pieces = _pieces(settings, learner, data)
    folder = settings.home / FOLDER / f"part-{told.plan.id[:16]}"
    click.echo(f"{told.plan.name}: {len(pieces)} pieces to learn from", err=True)
    train = renting(settings, told.plan, learner, store, max_price) if rent else None
    take_part(
        Contributor(identity, learner, pieces, folder, told.plan, pool=learner.read(pool) if pool else (), train=train),
        told,
        private,
        tell=lambda line: click.echo(line, err=True),
    )


@genki.command(
    epilog="\b\nExamples:\n  antiphon genki explain invitation.json --data songs\n"
    "  antiphon genki explain federation --round 1\n"
)
@click.argument("what")
@_data_option
@_rent_option
@click.option("--round", "round_", type=click.IntRange(1), help="Tell the shares of this round instead.")
@click.option("--who", default="", metavar="ID", help="With --round: of one contributor, by the beginning of its id.")
@click.pass_obj
def explain(settings: Settings, what: str, data: str | None, rent: bool, round_: int | None, who: str) -> None:
    """List what leaves this machine when you join the invitation WHAT, and what does not. Nothing is sent.

    With --round: why each contributor has its share. WHAT is then a federation that is coordinated here, or the file
    rounds.json of an asset that one has published.
    """
    from antiphon.genki.rounds import membership
    from antiphon.genki.rounds.explaining import explained

    if round_ is not None:
        click.echo("\n".join(_history(settings, what).explained(round_, who)))
        return
    if who:
        raise InputError("--who is told of a round", "Name one: --round N")
    plan = membership.read_invitation(Path(what)).plan
    learner = _learner(plan)
    size = sum(value.size for value in learner.initial().values())
    pieces = len(_pieces(settings, learner, data)) if data else None
    click.echo("\n".join(explained(plan, size, pieces, rents=rent)))


@genki.command(epilog="\b\nExamples:\n  antiphon genki status federation\n")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(settings: Settings, name: str, as_json: bool) -> None:
    """Show the rounds of a federation that is coordinated here."""
    import msgspec

    from antiphon.genki.rounds.store import opened

    store = opened(federation_at(settings, name))
    reports = store.reports()
    if as_json:
        told: dict[str, Any] = {"plan": msgspec.to_builtins(store.plan), "rounds": msgspec.to_builtins(reports)}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{name}: {len(reports)} of {store.plan.rounds} rounds of {store.plan.model}")
    for report in reports:
        click.echo(_line(report))


def _line(report: Report) -> str:
    facts = [f"round {report.round:>4}", f"{len(report.accepted)} updates", f"{report.seconds:.1f} s"]
    if report.loss is not None:
        facts.append(f"loss {report.loss:.4f}")
    if report.epsilon is not None:
        facts.append(f"epsilon {report.epsilon:.3g}")
    if report.bytes:
        facts.append(f"at most {max(report.bytes.values()):,} bytes each")
    facts.extend(f"without {one[:12]}: {why}" for one, why in report.refused.items())
    return "  ".join(facts)


def federation_at(settings: Settings, name: str) -> Path:
    """The folder of a federation that is coordinated here. Raises `InputError` for what is no name."""
    import re

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise InputError(f"{name[:60]!r} is no name for a federation", "Use 1-40 of a-z, 0-9 and -.")
    return settings.home / FOLDER / f"at-{name}"


def _history(settings: Settings, what: str) -> History:
    from antiphon.genki.rounds.history import history, read_history
    from antiphon.genki.rounds.store import opened

    return read_history(Path(what)) if what.endswith(".json") else history(opened(federation_at(settings, what)))


def _learner(plan: Plan) -> Learner:
    from antiphon.genki.rounds.learners import learner_for

    return learner_for(plan)


def _pieces(settings: Settings, learner: Learner, data: str) -> list[Piece]:
    """A collection of that name, else a folder."""
    from antiphon.genki.data import collections

    folder = settings.home / "data" / data if data in collections(settings.home) else Path(data)
    return learner.read(folder)
