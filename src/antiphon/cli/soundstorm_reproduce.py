"""`antiphon soundstorm reproduce`: figures of the paper at small scale."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.bench.reproducing.row import Row

ROWS = ("masking", "passes", "objectives", "fusion", "parallel")
"""As `antiphon.bench.reproducing.rows` has them: --help imports nothing heavy."""

MOST_PASSES = 500

EPILOG = """\b
masking     cosine against linear, with the models that ship
passes      4, 7, 12, 19 and 27 passes, with the models that ship
objectives  MaskGIT against discrete diffusion
fusion      embeddings of levels added up, against a U-Net over them
parallel    27 passes against one token at a time
\b
The last three train small models first, and go on where they were stopped.
\b
Examples:
  antiphon soundstorm reproduce passes --out reproduced
  antiphon soundstorm reproduce parallel --out reproduced --steps 1000
"""


@click.command(epilog=EPILOG)
@click.argument("row", type=click.Choice(ROWS))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where ROW.json and "
              "ROW.svg go, and what is trained.")  # fmt: skip
@click.option("--clips", default=20, show_default=True, type=click.IntRange(1, 20), help="Sentences made for a point.")
@click.option("--passes", default="4,7,12,19,27", show_default=True, help="Of a window.")
@click.option("--long", "long_s", default=30.0, show_default=True, type=click.FloatRange(1, 100), help="Seconds of the "
              "piece that is timed.")  # fmt: skip
@click.option("--sentences", default=300, show_default=True, type=click.IntRange(10, 100_000), help="To learn from.")
@click.option("--steps", default=500, show_default=True, type=click.IntRange(1), help="Of each model that is trained.")
def reproduce(row: str, out: Path, clips: int, passes: str, long_s: float, sentences: int, steps: int) -> None:
    """Measure what a figure of the SoundStorm paper shows, in some minutes.

    Words are those that a recogniser hears; docs/reproduce.md tells how each row is made.
    """
    from antiphon.bench.reproducing.row import written
    from antiphon.bench.reproducing.rows import ROWS as rows  # noqa: N811  # functions by name
    from antiphon.bench.reproducing.rows import Request
    from antiphon.simulation.charts import ready

    numbers = _numbers(passes)
    ready(out)
    began = time.monotonic()

    def report(what: str, at: int) -> None:
        click.echo(f"{time.monotonic() - began:6.0f} s  {what} {at}", err=True)

    made = rows[row](Request(out, clips, numbers, sentences, steps, long_s, report))
    files = written(made, out)
    _tell(made)
    for file in files:
        click.echo(f"Written     {file}")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(one) for one in text.split(",")}))
    except ValueError as error:
        raise InputError(f"{text!r} is no list of passes", "Write whole numbers with commas: 4,7,12.") from error
    if not 1 <= found[0] <= found[-1] <= MOST_PASSES:
        raise InputError(f"{text} passes are not within 1..{MOST_PASSES}", "Choose others.")
    return found


def _tell(row: Row) -> None:
    from antiphon.cli.bench import _line

    for panel in row.panels:
        click.echo(f"{panel.y}, by {panel.x}:")
        for name, points in panel.curves.items():
            click.echo(f"  {name:20} " + "  ".join(f"{x:g}: {y:.4g}" for x, y in points))
    for figure in row.figures:
        click.echo(_line(figure))
