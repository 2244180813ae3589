"""`antiphon simulate`: thousands of nodes with strategies, under the real rules, before anybody stakes on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.simulation.network import Earned, Outcome

EPILOG = """\b
Examples:
  antiphon simulate --nodes 100 --epochs 20
  antiphon simulate --strategy league=0.33 --nodes 60 --epochs 20
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
def simulate(
    profile_name: str,
    nodes: int,
    epochs: int,
    strategies: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Play the market's real rules with nodes that cheat, and see who earns what.

    Net income is what a strategy's keys earn by tasks and emission, less penalties and what the work costs them; an
    honest node's beside it, in the same role and with the same stake, is 1.
    """
    from antiphon.simulation.network import Network
    from antiphon.simulation.profiles import profile

    network = Network(profile(profile_name), nodes, _shares(strategies), seed)
    outcome = network.run(epochs)
    click.echo(json.dumps(_as_dict(outcome), indent=2) if as_json else _table(outcome))


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


def per_stake(outcome: Outcome, role: str) -> float:
    """What an honest node of the role earns for each nano of its stake."""
    honest = [one for one in outcome.earned if one.strategy == "honest" and one.role == role]
    return sum(one.net_nano for one in honest) / max(1, sum(one.stake_nano for one in honest))


def _ratio(one: Earned, outcome: Outcome) -> float | None:
    usual = per_stake(outcome, one.role) * one.stake_nano
    return one.net_nano / usual if usual else None


def _as_dict(outcome: Outcome) -> dict[str, object]:
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
                "against_honest": _ratio(one, outcome),
            }
            for one in outcome.earned
        ],
        "clients_paid_nano": outcome.paid(),
        "counts": {name: getattr(counts, name) for name in counts.__slots__},
    }


def _table(outcome: Outcome) -> str:
    lines = [
        f"{'strategy':16} {'role':10} {'keys':>5} {'tasks':>12} {'emission':>12} {'prompts':>12} {'honest = 1':>10}"
    ]
    for one in outcome.earned:
        ratio = _ratio(one, outcome)
        told = "" if ratio is None else f"{ratio:10.2f}"
        money = "".join(f" {nano / 1e9:12.3f}" for nano in (one.tasks_nano, one.issued_nano, -one.probing_nano))
        lines.append(f"{one.strategy:16} {one.role:10} {one.keys:5}{money} {told}".rstrip())
    counts = outcome.counts
    lines += [
        "Money in ANT, of all keys and epochs together.",
        f"{counts.parts} parts, {counts.valid} paid; clients paid {outcome.paid() / 1e9:.3f} ANT.",
        f"Honest work fined: {counts.wronged} of {counts.honest} deliveries, {counts.fined} of {counts.votes} votes.",
        f"Cheats paid: {counts.passed} of {counts.cheats}. Appeals: {counts.appeals}, overturned {counts.overturned}.",
    ]
    return "\n".join(lines)
