"""What each subplot of a picture draws. Axes come prepared, with time in seconds as their x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from antiphon.audio.loudness import HOP_S, MOMENTARY_HOPS, SHORT_TERM_HOPS
from antiphon.pictures.measuring import PITCH_HOP_S, Inspection
from antiphon.pictures.naming import USUAL
from antiphon.pictures.palette import BLUE, GREEN, GRID, HEAT, INK, MUTED, ORANGE, RED, SKY
from antiphon.pictures.spectrogram import mel
from antiphon.pictures.tune import CHROMA_S, CHROMA_START_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGE_DB, FLOOR_DB = 80.0, -120.0
LOUDEST_LUFS, QUIETEST_LUFS = 0.0, -60.0
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
CLIPPED, SILENT = 0.9999, 1e-4
FINE_S = 0.003
"""Columns this narrow show the wave itself, which has no level yet."""

_AMPLITUDES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
MOST_BEATS = 400
"""More are no lines but a grey wash."""


@dataclass(frozen=True, slots=True)
class Subplot:
    """A strip of the picture."""

    title: str
    height_in: float
    draw: Callable[[Axes, Inspection], None]
    framed: bool = True


def subplots_of(seen: Inspection) -> list[Subplot]:
    """The subplots that suit what was found, from top to bottom."""
    from antiphon.pictures.lanes import ROW_IN, draw_chords, draw_words, word_rows

    subplots = [Subplot("Amplitude", 1.5 if seen.channels == 1 else 2.0, draw_outline)]
    rows = word_rows(seen)
    if rows:
        subplots.append(Subplot("Words", ROW_IN * rows + 0.06, draw_words, framed=False))
    subplots.append(Subplot("Frequency (Hz)", 2.9, draw_spectrogram))
    if seen.pitch_hz is not None:
        subplots.append(Subplot("Pitch (Hz)", 1.5, draw_pitch))
    if seen.tune is not None:
        if seen.tune.chords:
            subplots.append(Subplot("Chords", 0.34, draw_chords, framed=False))
        subplots.append(Subplot("Pitch class", 1.5, draw_chroma))
    if seen.registers is not None:
        subplots.append(Subplot("", 2.0, draw_registers))
    subplots.append(Subplot("Loudness (LUFS)", 1.5, draw_loudness))
    return subplots


def draw_outline(axes: Axes, seen: Inspection) -> None:
    """Extremes as an area, RMS inside it; channels above each other; beats behind."""
    outline, channels = seen.outline, seen.channels
    times = outline.span_s * (np.arange(outline.low.shape[1]) + 0.5)
    peak = float(max(outline.high.max(), -outline.low.min()))
    full = next((step for step in _AMPLITUDES if step >= peak), peak) if peak > SILENT else 1.0
    for channel in range(channels):
        middle = 2.0 * (channels - 1 - channel)
        low, high, rms = (part[channel] / full for part in (outline.low, outline.high, outline.rms))
        if outline.span_s < FINE_S:
            axes.fill_between(times, middle + low, middle + high, facecolor=BLUE, linewidth=0.8, edgecolor=BLUE)
        else:
            axes.fill_between(times, middle + low, middle + high, facecolor=SKY, linewidth=0.3, edgecolor=SKY)
            axes.fill_between(times, middle - rms, middle + rms, facecolor=BLUE, linewidth=0)
        axes.axhline(middle, color=INK, linewidth=0.4, alpha=0.5)
    clipped = np.maximum(-outline.low, outline.high).max(axis=0) >= CLIPPED
    if clipped.any():
        axes.plot(times[clipped], np.full(np.count_nonzero(clipped), 2.0 * channels - 1.06), "|", color=RED, ms=6)
    if seen.tune is not None and len(seen.tune.beats_s) <= MOST_BEATS:
        axes.vlines(seen.tune.beats_s, -1, 2 * channels - 1, color=ORANGE, linewidth=0.8, alpha=0.8, zorder=0)
    axes.set_ylim(-1.0, 2.0 * channels - 1.0)
    if channels == 1:
        axes.set_yticks([-1, -0.5, 0, 0.5, 1], [_signed(full * part) for part in (-1, -0.5, 0, 0.5, 1)])
        return
    names = ["left", "right"] if channels == 2 else [f"channel {n + 1}" for n in range(channels)]
    axes.set_yticks([2.0 * (channels - 1 - n) for n in range(channels)], [f"{name}\n±{full:.3g}" for name in names])


def draw_spectrogram(axes: Axes, seen: Inspection) -> None:
    spectrogram = seen.spectrogram
    loudest = max(float(spectrogram.decibels.max()), -60.0)
    top_mel = float(mel(spectrogram.top_hz))
    image = axes.imshow(
        spectrogram.decibels,
        origin="lower",
        aspect="auto",
        extent=(0.0, spectrogram.decibels.shape[1] * spectrogram.span_s, 0.0, top_mel),
        cmap=HEAT,
        vmin=max(loudest - RANGE_DB, FLOOR_DB),
        vmax=loudest,
        interpolation="antialiased",
    )
    ticks = [hz for hz in (100, 300, 600, 1_000, 2_000, 4_000, 8_000, 16_000) if hz <= spectrogram.top_hz]
    axes.set_yticks([float(mel(hz)) for hz in ticks], [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks])
    figure = axes.get_figure()
    assert figure is not None
    box = axes.get_position()
    scale = figure.add_axes((box.x1 + 0.004, box.y0, 0.006, box.height))
    bar = axes.figure.colorbar(image, cax=scale)
    bar.outline.set_linewidth(0.5)
    scale.tick_params(labelsize=8, length=2, pad=2)
    scale.set_title("dB", size=8, pad=3)


def draw_pitch(axes: Axes, seen: Inspection) -> None:
    """Voiced frames as dots on a logarithmic axis, so that equal intervals look equal."""
    assert seen.pitch_hz is not None
    voiced = seen.pitch_hz > 0
    times = PITCH_HOP_S * np.arange(seen.pitch_hz.size)
    size = float(np.clip(20_000 / max(1, seen.pitch_hz.size), 1.5, 12.0))
    axes.set_yscale("log")
    axes.set_ylim(LOWEST_HZ, HIGHEST_HZ)
    axes.set_yticks([75, 100, 150, 200, 300, 400], ["75", "100", "150", "200", "300", "400"])
    axes.minorticks_off()
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if not voiced.any():
        _say(axes, "no voice")
        return
    axes.scatter(times[voiced], seen.pitch_hz[voiced], s=size, color=RED, linewidths=0)
    median = float(np.median(seen.pitch_hz[voiced]))
    axes.axhline(median, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    _label(axes, median, f"{median:.0f}")


def draw_chroma(axes: Axes, seen: Inspection) -> None:
    assert seen.tune is not None
    chroma = seen.tune.chroma
    axes.imshow(
        chroma.T,
        origin="lower",
        aspect="auto",
        extent=(CHROMA_START_S, CHROMA_START_S + chroma.shape[0] * CHROMA_S, -0.5, 11.5),
        cmap=HEAT,
        vmin=0.0,
        vmax=1.0,
        interpolation="antialiased",
    )
    axes.set_facecolor("black")  # as silence, where the last window does not fit
    axes.set_yticks(range(0, 12, 2), USUAL[::2])


def draw_registers(axes: Axes, seen: Inspection) -> None:
    """One lane a channel: pitch (or darkness of noise) as height, volume as strength; drums by name."""
    from matplotlib.colors import to_rgb

    from antiphon.codecs.chip import rows
    from antiphon.codecs.chip.layout import DRUMS, FRAME_RATE_HZ
    from antiphon.pictures.lanes import PLOT_PX

    assert seen.registers is not None
    lanes = rows(seen.registers.grid)
    axes.set_ylim(-0.5, len(lanes) - 0.5)
    for number, (lane, hue) in enumerate(zip(lanes, (BLUE, SKY, GREEN, MUTED, RED), strict=True)):
        middle = len(lanes) - 1.0 - number
        on = np.flatnonzero(lane.volume > 0)
        axes.axhline(middle - 0.5, color=GRID, linewidth=0.8)
        if not on.size:
            continue
        if lane.channel == "sample":
            height = lane.kind[on] / max(1, len(DRUMS) - 1)
        elif lane.channel == "noise":
            height = 1.0 - lane.pitch[on] / 15.0
        else:
            low, high = float(np.min(lane.pitch[on])), float(np.max(lane.pitch[on]))
            height = (lane.pitch[on] - low) / max(high - low, 12.0)
        colours = np.array([*to_rgb(hue), 1.0]) * np.ones((on.size, 4))
        colours[:, 3] = np.clip(lane.volume[on] / 15.0, 0.3, 1.0)
        drum = lane.channel == "sample"
        # As wide as a frame, as far as that can be seen.
        wide_px = float(np.clip(PLOT_PX / max(1, lane.volume.size), 2.4, 6.0))
        axes.scatter(
            on / FRAME_RATE_HZ,
            middle - 0.38 + 0.76 * height,
            s=30.0 if drum else (wide_px * 0.72) ** 2,
            c=colours,
            marker="|" if drum else "s",
            linewidths=1.2 if drum else 0,
        )
    axes.set_yticks(range(len(lanes)), [lane.channel for lane in reversed(lanes)])
    how = "exact" if seen.registers.exact else "transcribed"
    told = f"chip registers, {how}"
    backing = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
    axes.text(0.995, 0.96, told, transform=axes.transAxes, ha="right", va="top", size=8.5, color=MUTED, bbox=backing)


def draw_loudness(axes: Axes, seen: Inspection) -> None:
    """Momentary and short-term curves at the middle of their windows, and the integrated loudness."""
    loudness = seen.loudness
    axes.set_ylim(QUIETEST_LUFS, LOUDEST_LUFS)
    axes.set_yticks([-60, -48, -36, -24, -12, 0])
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if loudness.integrated_lufs is None:
        _say(axes, "silence")
        return
    for curve, hops, colour, width, name in (
        (loudness.momentary_lufs, MOMENTARY_HOPS, SKY, 1.0, "momentary (0.4 s)"),
        (loudness.short_term_lufs, SHORT_TERM_HOPS, BLUE, 2.0, "short-term (3 s)"),
    ):
        if curve.size > 1:
            times = HOP_S * (np.arange(curve.size) + hops / 2)
            axes.plot(times, np.maximum(curve, QUIETEST_LUFS - 1), color=colour, linewidth=width, label=name)
    axes.axhline(
        loudness.integrated_lufs, color=RED, linewidth=1.2, linestyle=(0, (5, 3)), label="integrated", zorder=3
    )
    _label(axes, loudness.integrated_lufs, f"{loudness.integrated_lufs:.1f}")
    axes.legend(loc="upper right", ncols=3, fontsize=8.5, frameon=True, framealpha=0.85, edgecolor="none")


def _label(axes: Axes, value: float, text: str) -> None:
    """A value written beside the right edge, at its height."""
    axes.annotate(
        text.replace("-", "\N{MINUS SIGN}"),
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        size=9,
        color=INK,
        annotation_clip=False,
    )


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, size=11)
