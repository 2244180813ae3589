"""`antiphon simulate`: thousands of nodes with strategies, under the real rules, before anybody stakes on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.simulation.network import Earned, Outcome
    from antiphon.simulation.profiles import Profile

EPILOG = """\b
Examples:
  antiphon simulate --nodes 100 --epochs 20
  antiphon simulate --strategy league=0.33 --nodes 60 --epochs 20
  antiphon simulate --nodes 200 --epochs 10 --plots charts
  antiphon simulate --nodes 40 --epochs 5 --strategy lazy=0.2 --strategy whitewasher=0.1 --json
"""
EACH = 0.02
"""Share of every strategy when none is named."""


@click.command(epilog=EPILOG)
@click.option(
    "--profile", "profile_name", default="default", show_default=True, metavar="NAME", help="Rules and prices."
)
@click.option("--nodes", default=1000, show_default=True, help="Producers and validators together.")
@click.option("--epochs", default=200, show_default=True, help="How long it goes on.")
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME[=SHARE]",
    help="Who is there beside honest nodes, and with what share of nodes, stake or orders; several times. By default "
    "every strategy with 2%.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same figures.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Instead, measure what each strategy gains at several shares, stakes, sampling rates and quorums, and draw "
    "it: the charts of docs/economics.md. Each network there has a tenth of the nodes, for a fifth of the epochs.",
)
def simulate(
    profile_name: str,
    nodes: int,
    epochs: int,
    strategies: tuple[str, ...],
    seed: int,
    as_json: bool,
    plots: Path | None,
) -> None:
    """Play the market's real rules with nodes that cheat, and see who earns what.

    Income is what a strategy's keys earn by tasks (fees, less penalties and costs) and by emission (less the cost of
    synthetic prompts). Beside each stands the share of an honest node's, in the same role and with the same stake.
    """
    from antiphon.simulation.network import Network
    from antiphon.simulation.profiles import profile

    world, shares = profile(profile_name), _shares(strategies)
    if plots is not None:
        _draw(world, nodes, epochs, seed, strategies, plots)
        return
    outcome = Network(world, nodes, shares, seed).run(epochs)
    click.echo(json.dumps(_as_dict(outcome), indent=2) if as_json else _table(outcome))


def _draw(world: Profile, nodes: int, epochs: int, seed: int, strategies: tuple[str, ...], folder: Path) -> None:
    from antiphon.simulation.charts import draw, ready
    from antiphon.simulation.study import Size, study

    if strategies:
        raise InputError("Charts are of every strategy", "Leave --strategy out.")
    ready(folder)
    seeds = (seed, seed + 1, seed + 2)
    size = Size(nodes=nodes // 10, epochs=epochs // 5, seeds=seeds, parts=nodes * epochs // 50)
    for path in draw(study(world, size, lambda what: click.echo(what, err=True)), folder):
        click.echo(path)


def _shares(given: tuple[str, ...]) -> dict[str, float]:
    from antiphon.plugins import unknown
    from antiphon.simulation.strategies import DISHONEST, STRATEGIES

    found: dict[str, float] = {}
    for one in given:
        name, _, share = one.partition("=")
        if name not in STRATEGIES:
            raise unknown("strategy", name, STRATEGIES)
        try:
            found[name] = float(share or EACH)
        except ValueError:
            raise InputError(f"{share!r} is no share", f"Write {name}=0.1 for a tenth.") from None
    return found or dict.fromkeys(DISHONEST, EACH)


def _usual(outcome: Outcome, one: Earned) -> tuple[float, float]:
    """What as much honest stake in this role earns by tasks, and by emission, in nano."""
    honest = [other for other in outcome.earned if other.strategy == "honest" and other.role == one.role]
    part = one.stake_nano / max(1, sum(other.stake_nano for other in honest))
    return part * sum(other.tasks_nano for other in honest), part * sum(other.emission_nano for other in honest)


def _as_dict(outcome: Outcome) -> dict[str, object]:
    from antiphon.simulation.measured import sources

    counts = outcome.counts
    return {
        "epochs": outcome.epochs,
        "earned": [
            {
                "strategy": one.strategy,
                "role": str(one.role),
                "keys": one.keys,
                "stake_nano": one.stake_nano,
                "tasks_nano": one.tasks_nano,
                "issued_nano": one.issued_nano,
                "probing_nano": one.probing_nano,
                "honest_tasks_nano": round(_usual(outcome, one)[0]),
                "honest_emission_nano": round(_usual(outcome, one)[1]),
            }
            for one in outcome.earned
        ],
        "clients_paid_nano": outcome.paid(),
        "sources": [{"what": one.what, "command": one.command, "when": one.when} for one in sources()],
        "counts": {name: getattr(counts, name) for name in counts.__slots__},
    }


def _table(outcome: Outcome) -> str:
    from antiphon.economy.types import NANO

    lines = [f"{'strategy':16} {'role':10} {'keys':>5} {'tasks':>10} {'honest':>7} {'emission':>10} {'honest':>7}"]
    for one in outcome.earned:
        told = f"{one.strategy:16} {one.role:10} {one.keys:5}"
        for nano, usual in zip((one.tasks_nano, one.emission_nano), _usual(outcome, one), strict=True):
            told += f" {nano / NANO:10.3f} " + (f"{nano / usual:7.2f}" if usual else 7 * " ")
        lines.append(told.rstrip())
    counts = outcome.counts
    lines += [
        "Money in ANT, of all keys and epochs together; honest = what the same stake earns honestly is 1.",
        f"{counts.parts} parts, {counts.valid} paid; clients paid {outcome.paid() / NANO:.3f} ANT.",
        f"Honest work fined: {counts.wronged} of {counts.honest} deliveries, {counts.fined} of {counts.votes} votes.",
        f"Cheats paid: {counts.passed} of {counts.cheats}. Appeals: {counts.appeals}, overturned {counts.overturned}.",
    ]
    return "\n".join(lines)
