"""The charts of docs/economics.md as SVG: who gains what, and where it stops paying, beside the formulas."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from antiphon.errors import OutputError
from antiphon.simulation.study import Study
from antiphon.simulation.sweeps import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#202124", "#5f6368", "#dfe1e5"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
"""Colours that stay apart for every kind of colour vision (Okabe & Ito 2008), as in `antiphon.pictures`."""
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "antiphon",
}
_ANT = 1e9


def draw(found: Study, folder: Path) -> list[Path]:
    """Writes `study.json` and one SVG for each chart; the same study gives the same bytes. Raises `OutputError`."""
    charts: dict[str, tuple[Callable[[Axes, Study], None], float]] = {
        "profits": (_profits, 4.6),
        "shares": (_shares, 3.8),
        "stake": (_stake, 3.8),
        "quorum": (_quorum, 3.8),
        "sampling": (_sampling, 3.8),
        "copying": (_copying, 3.8),
        "worlds": (_worlds, 3.0),
    }
    ready(folder)
    try:
        written = [folder / "study.json"]
        written[0].write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        for name, (paint, height_in) in charts.items():
            written.append(folder / f"{name}.svg")
            written[-1].write_bytes(svg(lambda figure, paint=paint: paint(figure.add_subplot(), found), height_in))  # type: ignore[misc]
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}", "Choose another folder.") from error
    return written


def ready(folder: Path) -> None:
    """Makes the folder, before anything is measured that could not be kept. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}", "Choose another folder.") from error


def svg(paint: Callable[[Figure], None], height_in: float) -> bytes:
    """What `paint` draws on a figure eight inches wide, in the style of all our charts; the same drawing gives the same
    bytes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    target = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.0, height_in), facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure)
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_axisbelow(True)
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


def _profits(axes: Axes, found: Study) -> None:
    shown = found.comparisons[::-1]
    places = range(len(shown))
    tasks = [(one.tasks_nano - one.honest_tasks_nano) / _ANT for one in shown]
    issued = [(one.issued_nano - one.honest_issued_nano) / _ANT for one in shown]
    axes.barh([place + 0.2 for place in places], tasks, 0.38, color=COLOURS[0], label="by clients' tasks")
    issued_at = [place - 0.2 for place in places]
    axes.barh(issued_at, issued, 0.38, color=COLOURS[1], label="by emission, less synthetic prompts")
    axes.set_yticks(list(places), [one.strategy for one in shown])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_xlabel("gain over the same owner's honest life, ANT an epoch (a third of the nodes, stake or orders)")
    axes.legend(frameon=False, loc="upper right")


def _shares(axes: Axes, found: Study) -> None:
    for colour, (name, row) in zip(COLOURS, found.by_share.items(), strict=False):
        there = [one for one in row if one.honest_nano]  # a tenth of five validators is nobody
        gains = [100 * one.profit_nano / one.honest_nano for one in there]
        axes.plot([100 * one.share for one in there], gains, "o-", color=colour, label=name, markersize=4)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("share of nodes and stake, %")
    axes.set_ylabel("gain, % of an honest income")
    axes.legend(frameon=False, ncols=2)


def _stake(axes: Axes, found: Study) -> None:
    _curves(axes, found.stake, scale=100)
    axes.set_xlabel("the league's share of the stake, %")
    axes.set_ylabel("gain a part, in rewards R")


def _quorum(axes: Axes, found: Study) -> None:
    _curves(axes, found.quorum)
    axes.set_xlabel("seats of a round")
    axes.set_ylabel("gain a part, in rewards R")


def _sampling(axes: Axes, found: Study) -> None:
    _curves(axes, found.sampling, scale=100)
    axes.set_xlabel("rounds that audit, %")
    axes.set_ylabel("profit a part, in rewards R")


def _copying(axes: Axes, found: Study) -> None:
    _curves(axes, found.copying)
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.axhline(0.9, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_xlabel("epochs until committed weights are seen")
    axes.set_ylabel("emission, honest = 1")


def _worlds(axes: Axes, found: Study) -> None:
    places = range(len(found.worlds))
    for side, colour, label, values in (
        (-0.2, COLOURS[1], "producers fined for honest work", [one.wronged_ppm for one in found.worlds]),
        (0.2, COLOURS[0], "validators fined for honest votes", [one.fined_ppm for one in found.worlds]),
    ):
        axes.bar([place + side for place in places], [ppm / 1e4 for ppm in values], 0.38, color=colour, label=label)
    axes.axhline(0.1, color=MUTED, linewidth=0.8, linestyle=":")
    labels = [f"{one.profile}\n{one.paid_nano / 1e6:.1f} mANT" for one in found.worlds]
    axes.set_xticks(list(places), labels)
    axes.set_xlabel("profile, and what a client pays for a part")
    axes.set_ylabel("% of deliveries, votes")
    axes.legend(frameon=False)


def _curves(axes: Axes, curves: Sequence[Curve], scale: float = 1.0) -> None:
    """Measured points with two standard errors, and the formula as a dashed line of the same colour."""
    for colour, one in zip(COLOURS, curves, strict=False):
        places = [scale * point.at for point in one.points]
        errors = [2 * point.error for point in one.points]
        gains = [point.gain for point in one.points]
        axes.errorbar(places, gains, errors, fmt="o-", color=colour, label=one.name, markersize=4)
        formula = [point.formula for point in one.points if point.formula is not None]
        if formula:
            axes.plot(places, formula, "--", color=colour, linewidth=1, label=f"{one.name}, by the formula")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)
