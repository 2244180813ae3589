"""Lanes of text over time: words in as many rows as they need, chords as coloured blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from antiphon.pictures.measuring import Inspection
from antiphon.pictures.naming import pitch_class
from antiphon.pictures.palette import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS = 20
ROW_IN = 0.18
PLOT_PX = 1_456
_CHAR_PX, _GAP_PX = 7.6, 8.0
_HUES = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)


def word_rows(seen: Inspection) -> int:
    """Rows that the words need so that none covers another; 0 if they do not fit, or there are none."""
    places = _placed(seen)
    if not places or max(places) >= MAX_ROWS:
        return 0
    return max(places) + 1


def draw_words(axes: Axes, seen: Inspection) -> None:
    """Each word begins where it is written; a line over it lasts as long as it does."""
    assert seen.words is not None
    places = _placed(seen)
    rows = max(places) + 1
    axes.set_ylim(rows, -0.25)
    axes.axis("off")
    axes.text(-0.037, 0.5, "Words", transform=axes.transAxes, rotation=90, ha="center", va="center", size=9.5)
    axes.hlines(
        [row - 0.06 for row in places],
        [word.start_s for word in seen.words],
        [max(word.start_s, word.end_s - 3.0 / _px_per_s(seen)) for word in seen.words],
        color=[GREEN if word.probability >= 0.5 else ORANGE for word in seen.words],
        linewidth=2.0,
    )
    px_per_s = _px_per_s(seen)
    for word, row in zip(seen.words, places, strict=True):
        # The last word may be longer than what is left of the picture.
        room = (seen.duration_s - word.start_s) * px_per_s >= _CHAR_PX * len(word.text)
        place_s, side = (word.start_s, "left") if room else (seen.duration_s, "right")
        axes.text(place_s, row + 0.48, word.text, size=9, va="center", ha=side, color=INK)


def draw_chords(axes: Axes, seen: Inspection) -> None:
    """Blocks; minor chords are paler. The name stands where there is room for it."""
    assert seen.tune is not None
    axes.set_ylim(0, 1)
    axes.axis("off")
    axes.text(-0.037, 0.5, "Chords", transform=axes.transAxes, rotation=0, ha="center", va="center", size=9.5)
    px_per_s = _px_per_s(seen)
    for chord in seen.tune.chords:
        minor = chord.name.endswith("m")
        hue = _HUES[_root(chord.name) % len(_HUES)]
        axes.axvspan(
            chord.start_s, chord.end_s, color=hue, alpha=0.28 if minor else 0.55, linewidth=0, ymin=0.08, ymax=0.92
        )
        axes.axvline(chord.start_s, color="white", linewidth=1.0)
        if (chord.end_s - chord.start_s) * px_per_s > _CHAR_PX * len(chord.name) + 8:
            axes.text((chord.start_s + chord.end_s) / 2, 0.48, chord.name, size=9.5, ha="center", va="center")


def _px_per_s(seen: Inspection) -> float:
    return PLOT_PX / max(seen.duration_s, 1e-3)


def _root(name: str) -> int:
    # In fifths, so that chords that follow each other differ in colour.
    return pitch_class(name.removesuffix("m")) * 7 % 12


def _placed(seen: Inspection) -> list[int]:
    """The row of each word: the first in which it does not touch the one before it."""
    if not seen.words:
        return []
    px_per_s = _px_per_s(seen)
    free: list[float] = []
    places = []
    for word in seen.words:
        width = _CHAR_PX * len(word.text)
        begin = min(word.start_s * px_per_s, PLOT_PX - width)
        end = begin + max(width + _GAP_PX, (word.end_s - word.start_s) * px_per_s)
        row = next((n for n, edge in enumerate(free) if edge <= begin), len(free))
        if row == len(free):
            free.append(end)
        free[row] = end
        places.append(row)
    return places
