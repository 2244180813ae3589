"""What a person sees while a job runs: the quote, a bar for each subtask in work, then the outcome. All on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from antiphon.cli.figures import ant, measured, paid_nano, score_of
from antiphon.nodes.events import Closed, Opened, Stage

if TYPE_CHECKING:
    from antiphon.cli.say import Result

STEPS = {"quoted": 0, "making": 1, "judging": 2, "valid": 3, "invalid": 3, "refunded": 3, "cancelled": 3}
MAX_BARS = 8
"""More subtasks than this in one task share one bar."""


class Progress:
    """Bars on a terminal, plain lines elsewhere, nothing when disabled."""

    def __init__(self, *, enabled: bool) -> None:
        self._console = Console(stderr=True, quiet=not enabled, highlight=False, soft_wrap=True)
        self._bars = Bars(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not (enabled and sys.stderr.isatty()),
        )
        self._ids: dict[int, TaskID] = {}
        self._shared: TaskID | None = None
        self._seconds = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def event(self, event: Opened | Stage | Closed) -> None:
        """Show one event of the job."""
        if isinstance(event, Opened):
            self._opened(event)
        elif isinstance(event, Stage):
            self._stage(event)
        else:
            for task in self._ids.values():
                self._bars.remove_task(task)
            self._ids.clear()

    def sound(self, seconds: float) -> None:
        """So much audio is ready."""
        self._seconds = seconds

    def _opened(self, event: Opened) -> None:
        quote = event.quote
        noun = "subtask" if event.parts == 1 else "subtasks"
        self._console.print(
            f"Quote {ant(quote.expected_nano)} for {event.parts} {noun}, at most {ant(quote.total_nano)} in escrow"
        )
        shared = event.parts > MAX_BARS
        for number in range(event.first, event.first + event.parts):
            if shared:
                break
            self._ids[number] = self._bars.add_task(f"part {number + 1}", total=3, stage="quoted")

    def _stage(self, event: Stage) -> None:
        task = self._ids.get(event.number)
        who = f" by {event.node[:8]}" if event.node else ""
        if task is None:
            if event.what in STEPS and STEPS[event.what] == STEPS["valid"]:
                self._shared = self._shared if self._shared is not None else self._bars.add_task("parts", stage="")
                self._bars.update(self._shared, advance=1, stage=f"{event.number + 1} judged, {self._seconds:.0f} s")
            return
        self._bars.update(task, completed=STEPS.get(event.what, 1), stage=event.what + who)

    def summary(self, result: Result) -> None:
        """The outcome: the file, the figures, the payment, the receipt."""
        self._bars.stop()
        parts = [part for closed in result.closed for part in closed.parts]
        figures = measured(parts)
        scores = [score for part in parts if (score := score_of(part)) is not None]
        name = "stdout" if result.output == "-" else result.output
        self._console.print(f"[bold]{name}[/bold]  {result.seconds:.1f} s of audio")
        shown = [_figure(label, value) for label, value in figures.items()]
        if scores:
            shown.append(f"score {sum(scores) / len(scores):.2f}")
        self._console.print("Judged  " + "   ".join(shown))
        paid = sum(paid_nano(closed) for closed in result.closed)
        quoted = sum(closed.task.quote.total_nano for closed in result.closed)
        votes = sum(len(part.rulings[-1].outcome.majority) for part in parts if part.rulings)
        cast = sum(len(part.rulings[-1].votes) for part in parts if part.rulings)
        self._console.print(
            f"Paid    {ant(paid)} of {ant(quoted)} in escrow; {votes} of {cast} votes with the majority"
        )
        if result.receipts:
            more = f" and {len(result.receipts) - 1} more beside it" if len(result.receipts) > 1 else ""
            self._console.print(f"Receipt {result.receipts[0]}{more}")


def _figure(label: str, value: float | None) -> str:
    if value is None:
        return f"{label} inconclusive"
    return f"{label} {value:.0%}" if label == "WER" else f"{label} {value:.2f}"
