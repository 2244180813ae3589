"""A signed and sealed 100 KB exchange over HTTP, beside bare Starlette and Bittensor's Dendrite -> Axon.

    python benchmarks/http_exchange.py --seconds 15 --peer-python PATH

PATH is an interpreter that has bittensor==10.5.0: this one after `pip install antiphon[peers]`, or one of its own
environment. Without it the peer is left out. Exit status 1 if a target was missed.
"""

from __future__ import annotations

import click

from antiphon.bench.exchange import run
from antiphon.bench.figure import figure


@click.command(help=__doc__)
@click.option("--seconds", default=15.0, show_default=True, help="Measuring time for each server, in five turns.")
@click.option("--peer-python", help="Interpreter with bittensor==10.5.0.")
def main(seconds: float, peer_python: str | None) -> None:
    missed = 0
    for row in run(seconds, peer_python):
        found = figure(row["name"], row["value"], row["unit"], row["target"])
        missed += found.reached is False
        click.echo(f"{found.name:60} {found.value:10.2f} {found.unit:45} {found.target}")
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
