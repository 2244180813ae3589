"""From lines on pages to paragraphs: columns one after the other, without running heads and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

REPEATED = 3
"""On so many pages the same line at the same edge is a running head."""
LARGEST_HEAD = 1.15
"""Larger type, beside the body's, is no running head."""
MAX_PEELED = 5
"""So many lines above or below two columns may go across both."""
_NUMBER = re.compile(r"[-\u2013\u2014\s]*(?:page\s+)?(\d{1,5}|[ivxlc]{1,8})[-\u2013\u2014\s]*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?\u2026:][\"'\u201d\u2019\u00bb)\]]*$")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class Line:
    """Text and its edges in points, counted from the page's lower left."""

    left: float
    bottom: float
    right: float
    top: float
    text: str
    page: int = 0

    @property
    def size(self) -> float:
        """Its height: about 1.1 of the font's size."""
        return max(self.top - self.bottom, 1.0)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a heading, its lines by line ends."""

    text: str
    size: float
    page: int


def paragraphs(pages: Sequence[Sequence[Line]], turned: frozenset[int] = frozenset()) -> list[Block]:
    """The text of all pages in the order in which it is read; `turned` pages as the file has it."""
    kept = _without_edges([list(map(_row, _rows(page))) for page in pages], pages)
    lines = [line for number, page in enumerate(kept) for line in (page if number in turned else read_order(page))]
    lines = list(_joined(lines))
    pitches = sorted(before.bottom - line.bottom for before, line in pairwise(lines) if _follows(before, line))
    pitch = pitches[len(pitches) // 4] if pitches else 0.0  # a quarter: in short texts most gaps are between paragraphs
    margins = {page: _Margins(list(found)) for page, found in groupby(lines, key=lambda line: line.page)}
    blocks, held = list[Block](), list[Line]()
    for line in lines:
        if held and _begins(held[-1], line, pitch, margins):
            blocks.append(_block(held))
            held = []
        held.append(line)
    return [*blocks, *([_block(held)] if held else [])]


def read_order(lines: Sequence[Line]) -> list[Line]:
    """Columns from left to right, what goes across them before and after; else from top to bottom."""
    if len(lines) < 4:
        return _from_top(lines)
    ordered = _from_top(lines)
    for peeled in range(2 * MAX_PEELED + 1):
        for above in range(max(0, peeled - MAX_PEELED), min(peeled, MAX_PEELED) + 1):
            inner = ordered[above : len(ordered) - (peeled - above)]
            if (gutter := _gutter(inner)) is not None:
                left = [line for line in inner if line.right <= gutter]
                right = [line for line in inner if line.left >= gutter]
                rest = ordered[len(ordered) - (peeled - above) :]
                return [*ordered[:above], *read_order(left), *read_order(right), *rest]
    return ordered


def _from_top(lines: Sequence[Line]) -> list[Line]:
    return [line for row in _rows(lines) for line in row]


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where an empty stripe runs between two columns of text, from top to bottom."""
    if len(lines) < 4:
        return None
    reach, best, width = -1e9, None, 0.7 * median(line.size for line in lines)
    for line in sorted(lines, key=lambda line: line.left):
        if reach > -1e9 and line.left - reach > width and _two_columns(lines, (gutter := (reach + line.left) / 2)):
            best, width = gutter, line.left - reach
        reach = max(reach, line.right)
    return best


def _two_columns(lines: Sequence[Line], gutter: float) -> bool:
    """Whether both sides are text beside each other: no numbers in a margin, no indented heading."""
    left = [line for line in lines if line.right <= gutter]
    right = [line for line in lines if line.left >= gutter]
    if min(len(left), len(right)) < 2:
        return False
    letters = (sum(len(line.text) for line in side) / len(side) for side in (left, right))
    beside = min(max(line.top for line in side) for side in (left, right)) - max(
        min(line.bottom for line in side) for side in (left, right)
    )
    height = max(line.top for line in lines) - min(line.bottom for line in lines)
    return min(letters) >= 8 and beside > height / 3


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of one height together, from the top; within a row from the left."""
    rows = list[list[Line]]()
    for line in sorted(lines, key=lambda line: -line.bottom - line.top):
        middle = (line.bottom + line.top) / 2
        if rows and rows[-1][0].bottom < middle < rows[-1][0].top:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _row(row: Sequence[Line]) -> Line:
    """One line of several beside each other."""
    return Line(row[0].left, min(one.bottom for one in row), max(one.right for one in row),
                max(one.top for one in row), " ".join(one.text for one in row), row[0].page)  # fmt: skip


def _without_edges(rows: Sequence[Sequence[Line]], pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without running heads, and without numbers that count the pages."""
    sizes = [line.size for page in rows for line in page]
    body = median(sizes) if sizes else 0.0
    edges = [([line for line in page[:2] if line.size < LARGEST_HEAD * body],
              [line for line in page[2:][:-3:-1] if line.size < LARGEST_HEAD * body]) for page in rows]  # fmt: skip
    heads, common = _running([[*above, *below] for above, below in edges])
    found = list[list[Line]]()
    for (above, below), lines in zip(edges, pages, strict=True):
        dropped = list[Line]()
        for edge in (above, below):
            for line in edge:
                if not (heads.intersection(_heads(line)) or common.intersection(_offsets(line))):
                    break  # what is further inside is text
                dropped.append(line)
        found.append([line for line in lines if not any(_within(line, gone) for gone in dropped)])
    return found


def _running(edges: Sequence[Sequence[Line]]) -> tuple[set[tuple[str, int]], set[int]]:
    """Which lines at the edges run along, and by how much the numbers there differ from the pages' own.

    A chapter's heading stands at one place too, but not on pages beside each other.
    """
    places = dict[tuple[str, int], list[int]]()
    offsets = Counter[int]()
    for number, page in enumerate(edges):
        for key in {key for line in page for key in _heads(line)}:
            places.setdefault(key, []).append(number)
        offsets.update({offset for line in page for offset in _offsets(line)})
    near = {
        key: sum(any(0 < abs(one - other) <= 2 for other in found) for one in found) for key, found in places.items()
    }
    least = max(2, min(REPEATED, len(edges)))
    return {key for key, count in near.items() if count >= REPEATED}, {one for one, n in offsets.items() if n >= least}


def _heads(line: Line) -> tuple[tuple[str, int], ...]:
    """A line with any numbers, at a place that may be a little off."""
    text = re.sub(r"\d+", "#", line.text.casefold())
    place = round(line.bottom / 6)
    return ((text, place - 1), (text, place), (text, place + 1)) if any(map(str.isalpha, text)) else ()


def _offsets(line: Line) -> tuple[int, ...]:
    """By how much the number that is all of a line differs from its page's."""
    found = _NUMBER.fullmatch(line.text)
    if found is None:
        return ()
    if found[1].isdecimal():
        return (int(found[1]) - line.page,)
    values = [_ROMAN[sign] for sign in found[1].lower()]
    number = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    return (number - line.page,)


def _within(line: Line, row: Line) -> bool:
    return row.bottom <= (line.bottom + line.top) / 2 <= row.top


def _joined(lines: Sequence[Line]) -> Iterator[Line]:
    """Pieces of one line as one line."""
    held: Line | None = None
    for line in lines:
        beside = (
            held is not None
            and line.page == held.page
            and line.left >= held.right - held.size
            and _within(line, held)
        )  # fmt: skip
        if held is not None and beside:
            held = _row([held, line])
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


class _Margins:
    """Where the lines of a page begin and end, column by column."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def of(self, line: Line) -> tuple[float, float]:
        """Of the column of that line: its left edge, and its right one."""
        column = [one for one in self._lines if one.left < line.right and one.right > line.left]
        lefts = Counter(round(one.left) for one in column if one.left > line.left - 5 * line.size)
        most = max(lefts.values())
        return min(left for left, count in lefts.items() if count >= most / 3), max(one.right for one in column)


def _follows(before: Line, line: Line) -> bool:
    return before.page == line.page and line.bottom < before.bottom and _alike(before, line)


def _alike(before: Line, line: Line) -> bool:
    return 0.87 < line.size / before.size < 1.15


def _begins(before: Line, line: Line, pitch: float, margins: dict[int, _Margins]) -> bool:
    """Whether a line begins a paragraph."""
    if not _alike(before, line):
        return True
    left, _ = margins[line.page].of(line)
    before_left, before_right = margins[before.page].of(before)
    short = before.right < before_left + 0.8 * (before_right - before_left)
    ended = _SENTENCE_END.search(before.text) is not None
    indented = line.left > left + 0.7 * line.size
    if _follows(before, line):
        if before.bottom - line.bottom > 1.3 * pitch:
            return True
        quoted = indented and abs(line.left - before.left) < 0.3 * line.size and not short and not ended
        return (indented and not quoted) or (short and ended)
    return (indented and ended) or (short and ended)


def _block(lines: Sequence[Line]) -> Block:
    return Block("\n".join(line.text for line in lines), median(line.size for line in lines), lines[0].page)
