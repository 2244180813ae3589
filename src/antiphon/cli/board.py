"""The live rows of a running job, drawn from the ledger's records of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from antiphon.cli.figures import ant, clock, paid_nano, score_of
from antiphon.ledger.records import PartState

if TYPE_CHECKING:
    from antiphon.cli.manuscript import Extent
    from antiphon.client.events import Closed, Opened
    from antiphon.ledger.records import PartRecord

MAX_ROWS = 8
"""Up to this many sentences each keep a row to the end; of more only those in work are shown, under a total."""
BAR_WIDTH = 12
WIDE = 72
"""Columns below which rows leave out who does the work."""
LEAST_FOR_ESTIMATE = 5

_STEPS = {
    PartState.WAITING: (0, "waiting", "dim"),
    PartState.ASSIGNED: (1, "making", "cyan"),
    PartState.LEFT: (1, "left", "dim"),
    PartState.DRAWING: (2, "judging", "blue"),
    PartState.DELIVERED: (2, "judging", "blue"),
    PartState.REVEALING: (2, "judging", "blue"),
    PartState.VALID: (3, "valid", "green"),
    PartState.INVALID: (3, "rejected", "red"),
    PartState.REFUNDED: (3, "refunded", "yellow"),
    PartState.CANCELLED: (3, "cancelled", "yellow"),
}


@dataclass(slots=True)
class _Row:
    """One sentence on the board."""

    number: int  # job-wide, from 0
    started_s: float
    record: PartRecord | None = None
    ended_s: float | None = None


class Board:
    """Renders itself for rich. It is told facts and keeps no copy of the job's logic."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started_s = now()
        self._rows: dict[int, _Row] = {}
        self._first = 0
        self._seats = 0
        self._closed_parts = 0
        self.kept = 0  # parts that an earlier run paid for
        self._closed_paid_nano = 0
        self._extent: Extent | None = None
        self._work_started_s: float | None = None
        self.engines: dict[str, str] = {}
        self.client = ""
        self._waiting = "Starting"
        self.seconds = 0.0

    def expect(self, extent: Extent | None) -> None:
        """How much there is to say."""
        self._extent = extent

    def wait_for(self, what: str) -> None:
        """Until the next task is opened there is only this to tell."""
        self._waiting = what

    def opened(self, event: Opened) -> None:
        """Rows for the parts of a task that begins now."""
        now = self._now()
        self._waiting = ""
        self._work_started_s = self._work_started_s or now
        self._first = event.first
        for number in range(event.first, event.first + event.parts):
            self._rows[number] = _Row(number, now)

    def parts(self, parts: Iterable[PartRecord], seats: int) -> None:
        """The records of the open task."""
        self._seats = seats
        for record in parts:
            row = self._rows.get(self._first + record.part.index)
            if row is not None:
                row.record = record
                if record.state.final and row.ended_s is None:
                    row.ended_s = self._now()

    def closed(self, event: Closed) -> None:
        """A task is over: its rows go, unless they are all there is."""
        self.parts(event.parts, event.task.rules.seats)
        if not self._few:
            self._rows.clear()
            self._closed_parts += len(event.parts)
            self._closed_paid_nano += paid_nano(event.task.client, event.parts)

    @property
    def _few(self) -> bool:
        return self._extent is not None and self._extent.exact and self._extent.sentences <= MAX_ROWS

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._waiting:
            yield Text(f"{self._waiting} ...  {clock(self._age(self._started_s))}", style="dim")
            return
        width = options.max_width
        rows = list(self._rows.values())
        if not self._few:
            yield self._total(width)
            rows = [row for row in rows if row.record and row.record.state in _BUSY][:MAX_ROWS]
        if rows:
            yield self._table(rows, width, options.height or console.height)

    def _total(self, width: int) -> Text:
        """`37 of 300 sentences, 2:31 of audio, 0.021 ANT, 0:45 (about 5:10 left)`."""
        final = [row.record for row in self._rows.values() if row.record and row.record.state.final]
        done = self._closed_parts + len(final)
        paid = self._closed_paid_nano + paid_nano(self.client, final)
        age = self._age(self._work_started_s or self._started_s)
        whole = self._extent.sentences if self._extent is not None else None
        about = "" if self._extent is None or self._extent.exact else "~"
        noun = f"{self._extent.noun}s" if self._extent is not None else "sentences"
        count = (
            f"{self.kept + done:,} of {about}{whole:,} {noun}" if whole is not None else f"{self.kept + done:,} {noun}"
        )
        left = ""
        if whole is not None and done >= LEAST_FOR_ESTIMATE:
            left = f" (about {clock(age / done * max(0, whole - self.kept - done))} left)"
        text = f"{count}, {clock(self.seconds)} of audio, {ant(paid)}, {clock(age)}{left}"
        line = Text(text, style="bold", no_wrap=True, overflow="ellipsis")
        line.truncate(width)
        return line

    def _table(self, rows: list[_Row], width: int, height: int) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        wide = width >= WIDE
        table.add_column(justify="right", no_wrap=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(width=BAR_WIDTH, no_wrap=True)
        table.add_column(width=13, no_wrap=True, overflow="ellipsis")
        if wide:
            table.add_column(width=15, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        for row in rows[: max(1, height - 2)]:
            step, words, style, who = self._stage(row)
            cells: list[Text | ProgressBar] = [
                Text(str(row.number + 1), style="dim"),
                Text(self._beginning(row.number)),
                ProgressBar(total=3, completed=step, width=BAR_WIDTH, complete_style=style, finished_style=style),
                Text(words, style=style),
                Text(who, style="dim"),
                Text(clock((row.ended_s or self._now()) - row.started_s), style="dim"),
            ]
            table.add_row(*(cells if wide else cells[:4] + cells[5:]))
        return table

    def _stage(self, row: _Row) -> tuple[int, str, str, str]:
        """How far of 3 steps, the stage in words, its colour, and who is at work."""
        record = row.record
        if record is None:
            return 0, "ordered", "dim", ""
        step, words, style = _STEPS[record.state]
        node = record.assignment.producers[min(record.attempt, len(record.assignment.producers) - 1)].node
        who = f"{self.engines.get(node, '')} {node[:8]}".strip()
        if record.state is PartState.ASSIGNED and record.attempt:
            words = f"making, try {record.attempt + 1}"
        elif record.state in {PartState.DELIVERED, PartState.REVEALING}:
            votes = len(record.reveals) or len(record.commits)
            who = f"{votes} of {self._seats} votes" if self._seats else who
        elif (score := score_of(record)) is not None:
            words = f"{words} {score:.2f}"
        return step, words, style, who

    def _beginning(self, number: int) -> str:
        known = self._extent.beginnings if self._extent is not None else ()
        return known[number] if number < len(known) else ""

    def _age(self, since_s: float) -> float:
        return self._now() - since_s


_BUSY = {PartState.ASSIGNED, PartState.DRAWING, PartState.DELIVERED, PartState.REVEALING}
