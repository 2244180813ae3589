"""One piece of each style, to look at: `docs/music-styles.md` (lead lines) and `docs/music-styles.png` (eight bars).

python scripts/style_sheets.py
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from antiphon.music import Score, compose, read
from antiphon.music.meter import TICKS
from antiphon.music.spelling import spelt
from antiphon.music.styles import STYLES

SECONDS, SEED, BARS, LEAD_BARS = 40.0, 1, 8, 4
COLUMNS = 3
COLOURS = {"lead": "#b03030", "counter": "#c9b458", "bass": "#3a5f8f"}
DOCS = Path(__file__).parents[1] / "docs"


def first_bar(score: Score) -> int:
    """Tick at which the first section with a letter begins."""
    return next(section.start for section in score.sections if len(section.letter) == 1)


def lead_line(score: Score) -> str:
    """Notes with their lengths in quarters, bars apart; a dot is a rest."""
    begin = first_bar(score)
    bars = []
    for bar in range(LEAD_BARS):
        low, high = begin + bar * score.bar_ticks, begin + (bar + 1) * score.bar_ticks
        now, words = low, []
        for note in score.track("lead").notes:
            if low <= note.start < high:
                if note.start - now >= TICKS // 4:
                    words.append(f".{(note.start - now) / TICKS:.3g}")
                letter, alter, octave = spelt(note.pitch, score.tonic, score.mode)
                words.append(f"{letter}{'#' * alter if alter > 0 else 'b' * -alter}{octave}:{note.length / TICKS:.3g}")
                now = note.stop
        bars.append(" ".join(words) or ".")
    return " / ".join(bars)


def draw(scores: dict[str, Score]) -> None:
    rows = -(-len(scores) // COLUMNS)
    figure = Figure(figsize=(5 * COLUMNS, 1.7 * rows), dpi=60, layout="constrained")
    panels = figure.subplots(rows, COLUMNS).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, (style, score) in zip(panels, scores.items(), strict=False):
        begin, end = first_bar(score), first_bar(score) + BARS * score.bar_ticks
        for part, colour in COLOURS.items():
            for note in score.track(part).notes:
                if begin <= note.start < end:
                    panel.hlines(note.pitches, note.start, note.stop, colors=colour, linewidth=1.8)
        drums = [note for note in score.track("drums").notes if begin <= note.start < end]
        panel.scatter([n.start for n in drums], [26 + n.pitch % 12 / 2 for n in drums], s=2, color="#777777")
        for bar in range(BARS + 1):
            panel.axvline(begin + bar * score.bar_ticks, color="#cccccc", linewidth=0.5)
        for chord in score.chords:
            if begin <= chord.start < end:
                panel.text(chord.start, 97, chord.symbol, fontsize=6)
        panel.set(xlim=(begin, end), ylim=(24, 102))
        panel.set_title(f"{style}: {score.tempo_bpm:g} bpm, {score.meter}", fontsize=8, loc="left")
    figure.savefig(DOCS / "music-styles.png", metadata={"Software": None})


def main() -> None:
    scores = {style: compose(read(style), SECONDS, SEED) for style in STYLES}
    draw(scores)
    lines = [
        "# One piece of each style",
        "",
        f"Made by `python scripts/style_sheets.py`: {SECONDS:g} s, seed {SEED}, the prompt is the style's name. Red is",
        f"the lead, yellow the counter-voice or chords, blue the bass, grey the drums; {BARS} bars of each.",
        "",
        "![Eight bars of each style as piano rolls](music-styles.png)",
        "",
        f"The lead's first {LEAD_BARS} bars: note, octave, length in quarters; `.` is a rest, `/` a bar line.",
        "",
    ]
    for style, score in scores.items():
        form = "".join(section.letter for section in score.sections if len(section.letter) == 1)
        lines.append(f"- **{style}**, {score.meter}, {score.tempo_bpm:g} bpm, form {form}: `{lead_line(score)}`")
    (DOCS / "music-styles.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
