"""What a row gives: curves in panels, and figures beside their targets. Kept as JSON and as a chart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from antiphon import __version__
from antiphon.bench.figure import Figure
from antiphon.errors import OutputError
from antiphon.simulation.charts import COLOURS, ready, svg

PANELS_IN_A_LINE = 3


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of one quantity: for each name its points (x, y)."""

    x: str
    y: str
    curves: dict[str, list[tuple[float, float]]]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    models: dict[str, str]  # by what was made or trained
    panels: list[Panel]
    figures: list[Figure]
    version: str = __version__


QUALITIES = {
    "wer": "words wrong, %",
    "likeness": "likeness to the speaker, cosine",
    "mel": "distance from the recording, log-mel",
    "mos": "naturalness, DistillMOS",
    "speed": "seconds for a second of sound",
}
"""What is told of sound by `measuring.Cases.heard`, and how a chart calls it."""


def qualities(found: Mapping[str, Mapping[int, Mapping[str, float]]], x: str, wanted: tuple[str, ...]) -> list[Panel]:
    """A panel for each wanted quality that was measured, from name -> number of passes -> quality -> value."""
    panels = []
    for quality in wanted:
        curves = {
            name: [(float(at), round(values[quality], 4)) for at, values in sorted(by.items()) if quality in values]
            for name, by in found.items()
        }
        curves = {name: points for name, points in curves.items() if points}
        if curves:
            panels.append(Panel(x=x, y=QUALITIES[quality], curves=curves))
    return panels


def written(row: Row, folder: Path) -> list[Path]:
    """`NAME.json` and `NAME.svg`. Raises `OutputError`."""
    ready(folder)
    files = {
        folder / f"{row.name}.json": msgspec.json.format(msgspec.json.encode(row), indent=1) + b"\n",
        folder / f"{row.name}.svg": chart(row),
    }
    try:
        for file, content in files.items():
            file.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}", "Choose another folder.") from error
    return list(files)


def chart(row: Row) -> bytes:
    """The panels side by side; a name has the same colour in all of them."""
    from matplotlib.figure import Figure as Drawing

    names = list(dict.fromkeys(name for panel in row.panels for name in panel.curves))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    columns = min(PANELS_IN_A_LINE, len(row.panels))
    lines = -(-len(row.panels) // columns)

    def paint(drawing: Drawing) -> None:
        for number, panel in enumerate(row.panels, 1):
            axes = drawing.add_subplot(lines, columns, number)
            for name, points in panel.curves.items():
                axes.plot(*zip(*points, strict=True), "o-", color=colours[name], label=name, markersize=3)
            axes.set_xlabel(panel.x)
            axes.set_title(panel.y, fontsize=9)
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            if number == 1:
                axes.legend(frameon=False, fontsize=8)

    return svg(paint, 2.8 * lines)
