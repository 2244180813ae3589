"""The picture of an inspection: subplots under each other, on one time axis, in colours that all can tell apart."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from antiphon.pictures.kind import SPEECH
from antiphon.pictures.lanes import word_rows
from antiphon.pictures.measuring import Inspection
from antiphon.pictures.palette import INK, MUTED
from antiphon.pictures.subplots import Subplot, subplots_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, DPI = 16.0, 100
"""1600 px wide."""

_HEAD_IN, _FOOT_IN, _GAP_IN = 0.62, 0.5, 0.12
_LEFT, _RIGHT = 0.052, 0.962
_TICKS = 15
_STEPS_S = (
    *(scale * step for scale in (1e-4, 1e-3, 1e-2, 0.1) for step in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600),
)
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": "#9aa0a6",
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "antiphon",
    "path.simplify": True,
}


def draw(seen: Inspection, form: str = "png") -> bytes:
    """The picture as the bytes of a `png` or `svg` file."""
    import matplotlib

    target = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A word in a script that the font lacks is drawn as boxes; that is no reason to complain.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = _figure(seen)
        # Without a date the same measurements give the same bytes.
        figure.savefig(target, format=form, dpi=DPI, metadata={"Date": None} if form == "svg" else None)
    return target.getvalue()


def _figure(seen: Inspection) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    subplots = subplots_of(seen)
    height_in = _HEAD_IN + _FOOT_IN + sum(subplot.height_in + _GAP_IN for subplot in subplots)
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _head(figure, seen, height_in)
    top_in = height_in - _HEAD_IN
    for number, subplot in enumerate(subplots):
        top_in -= subplot.height_in
        box = (_LEFT, top_in / height_in, _RIGHT - _LEFT, subplot.height_in / height_in)
        axes = figure.add_axes(box)
        _prepare(axes, subplot, seen, last=number == len(subplots) - 1)
        subplot.draw(axes, seen)
        axes.set_xlim(0.0, max(seen.duration_s, 1e-3))
        top_in -= _GAP_IN
    return figure


def _head(figure: Figure, seen: Inspection, height_in: float) -> None:
    """File, duration, rate, LUFS, dBTP: what one looks for first."""
    line = 1.0 - 0.27 / height_in
    name = seen.name if len(seen.name) <= 60 else f"{seen.name[:28]}...{seen.name[-28:]}"
    figure.text(_LEFT, line, name, size=14, weight="bold", va="center")
    figure.text(_RIGHT, line, "   ".join(facts(seen)), size=11, ha="right", va="center")
    notes = list(seen.notes)
    if seen.words and not word_rows(seen):
        notes.append(f"{len(seen.words)} words are too many to draw; --json prints them.")
    if notes:
        figure.text(_LEFT, 0.09 / height_in, "  ".join(notes), size=8.5, color=MUTED, va="center")


def facts(seen: Inspection) -> list[str]:
    """The title line's figures in words."""
    loudness = seen.loudness
    layout = {1: "mono", 2: "stereo"}.get(seen.channels, f"{seen.channels} channels")
    parts = [clock(seen.duration_s), f"{seen.rate_hz / 1000:g} kHz {layout}"]
    if loudness.integrated_lufs is None:
        parts.append("no loudness (silence)")
    else:
        parts.append(f"{_minus(loudness.integrated_lufs)} LUFS")
        parts.append(f"{_minus(loudness.true_peak_dbtp)} dBTP")
    if loudness.range_lu is not None:
        parts.append(f"LRA {loudness.range_lu:.1f} LU")
    if seen.tune is not None:
        parts += [f"{seen.tune.tempo_bpm:.0f} bpm"] if seen.tune.tempo_bpm else []
        parts += [seen.tune.key] if seen.tune.key else []
    if seen.kind == SPEECH and seen.pitch_hz is not None and (seen.pitch_hz > 0).any():
        parts.append(f"F0 {np.median(seen.pitch_hz[seen.pitch_hz > 0]):.0f} Hz")
    return parts


def clock(seconds: float) -> str:
    """`0.30 s`, `24.4 s` or `10:00`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _minus(value: float) -> str:
    # Adding 0.0 makes -0.0 a plain 0.0.
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "\N{MINUS SIGN}")


def _prepare(axes: Axes, subplot: Subplot, seen: Inspection, *, last: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    for side in ("top", "right"):
        axes.spines[side].set_visible(subplot.framed)
    axes.set_ylabel(subplot.title, size=9.5, labelpad=6)
    axes.yaxis.set_label_coords(-0.037, 0.5)
    axes.xaxis.set_major_locator(MultipleLocator(_step_s(seen.duration_s)))
    if last:
        axes.set_xlabel("Time" if seen.duration_s >= 100 else "Time in seconds", labelpad=3)
        if seen.duration_s >= 100:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock_tick(value)))
    else:
        axes.tick_params(axis="x", labelbottom=False, length=2.5)


def _step_s(duration_s: float) -> float:
    """Round distance between ticks, at most `_TICKS` of them."""
    return next((step for step in _STEPS_S if duration_s / step <= _TICKS), duration_s / _TICKS)


def clock_tick(seconds: float) -> str:
    """Minutes and seconds of a tick."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
