"""The lineage of all assets as a picture: ancestors above, descendants below, in SVG that scales with the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

from antiphon.dama.leaderboard import Entry

BOX_W, BOX_H, GAP_X, GAP_Y, EDGE = 150, 44, 18, 46, 8
MAX_NAME = 18


def generations(entries: Sequence[Entry]) -> dict[str, int]:
    """By asset: 0 for what was made from nothing that is listed, else one more than its youngest parent."""
    parents = {entry.asset: list(entry.parents) for entry in entries}
    found: dict[str, int] = {}
    for entry in sorted(entries, key=lambda one: len(one.lineage)):
        _place(entry.asset, parents, found)
    return found


def picture(entries: Sequence[Entry]) -> str:
    """One `<svg>`; empty where nothing is published."""
    if not entries:
        return ""
    rows: dict[int, list[Entry]] = defaultdict(list)
    for asset, row in generations(entries).items():
        rows[row].append(next(entry for entry in entries if entry.asset == asset))
    widest = max(map(len, rows.values()))
    width = widest * (BOX_W + GAP_X) - GAP_X + 2 * EDGE
    height = len(rows) * (BOX_H + GAP_Y) - GAP_Y + 2 * EDGE
    places = {
        entry.asset: (width / 2 + (column - (len(rows[row]) - 1) / 2) * (BOX_W + GAP_X), EDGE + row * (BOX_H + GAP_Y))
        for row in rows
        for column, entry in enumerate(rows[row])
    }
    lines = [_edge(places[parent], places[one.asset]) for one in entries for parent in one.parents if parent in places]
    boxes = [_box(one, *places[one.asset]) for one in entries]
    return (
        f'<svg class="family" role="img" aria-label="What was made from what" viewBox="0 0 {width} {height}" '
        f'style="min-width:{min(width, 640)}px;max-width:{width}px">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _place(asset: str, parents: Mapping[str, list[str]], found: dict[str, int]) -> int:
    if asset not in found:
        known = [parent for parent in parents.get(asset, []) if parent in parents]
        found[asset] = 1 + max((_place(parent, parents, found) for parent in known), default=-1)
    return found[asset]


def _edge(above: tuple[float, float], below: tuple[float, float]) -> str:
    x0, y0, x1, y1 = above[0], above[1] + BOX_H, below[0], below[1]
    middle = (y0 + y1) / 2
    return f'<path d="M{x0:g} {y0:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"/>'


def _box(entry: Entry, x: float, y: float) -> str:
    name = entry.name if len(entry.name) <= MAX_NAME else entry.name[: MAX_NAME - 1] + "…"
    kind = ' class="copy"' if entry.copy_of else ""
    return (
        f'<a href="#a{entry.asset[:12]}"><g{kind}><rect x="{x - BOX_W / 2:g}" y="{y:g}" width="{BOX_W}" '
        f'height="{BOX_H}" rx="6"/><text x="{x:g}" y="{y + 19:g}">{escape(name)}</text>'
        f'<text class="id" x="{x:g}" y="{y + 35:g}">{entry.asset[:12]}</text></g></a>'
    )
