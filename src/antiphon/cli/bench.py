"""`antiphon bench`: measures every promised figure on this machine, now."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import click
import msgspec

from antiphon.cli.app import Settings, run
from antiphon.errors import OutputError

EPILOG = """\b
Examples:
  antiphon bench
  antiphon bench --only network --json figures.json
  antiphon bench --only sound --tries 20
  antiphon bench --only soundstorm
"""
AREAS = ("network", "sound", "soundstorm")


@click.command(epilog=EPILOG)
@click.option("--only", type=click.Choice(AREAS), help="One area; by default all.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the list as JSON.")
@click.option("--tries", default=100, show_default=True, type=click.IntRange(1, 1000), help="Tries for each cheat.")
@click.option("--peer-python", help="An interpreter with bittensor==10.5.0, to measure the peer beside us.")
@click.pass_obj
def bench(settings: Settings, only: str | None, file: Path | None, tries: int, peer_python: str | None) -> None:
    """Measure. Nothing printed here is stored anywhere: every figure is taken now."""
    from antiphon.bench.figure import Figure

    found: list[Figure] = []

    async def measure() -> None:
        for area in (only,) if only else AREAS:
            figures = importlib.import_module(f"antiphon.bench.{area}").figures
            async for figure in figures(settings.profile, tries=tries, peer_python=peer_python):
                found.append(figure)
                click.echo(_line(figure))

    run(measure())
    missed = [figure for figure in found if figure.reached is False]
    click.echo(f"{sum(figure.reached is True for figure in found)} reached, {len(missed)} missed")
    if file is not None:
        try:
            file.write_text(json.dumps([msgspec.to_builtins(figure) for figure in found], indent=2) + "\n")
        except OSError as e:
            raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another place.") from e


def _line(figure: object) -> str:
    from antiphon.bench.figure import Figure

    assert isinstance(figure, Figure)
    mark = {True: "ok    ", False: "MISSED", None: "      "}[figure.reached]
    value = "not measured" if figure.value is None else f"{figure.value:g} {figure.unit}"
    target = f"  (target {figure.target})" if figure.target else ""
    note = f"  {figure.note}" if figure.note else ""
    return f"{mark} {figure.name}: {value}{target}{note}"
