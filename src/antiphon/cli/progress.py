"""What a person sees while a job runs: the quote, a row for each sentence in work, then the outcome. All on stderr.

On a terminal the rows are alive; elsewhere (a pipe, a log, `TERM=dumb`) there is a line now and then.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live

from antiphon.cli.board import Board
from antiphon.cli.figures import ant, clock, counted, delivered, measured, paid_for, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from antiphon.cli.manuscript import Extent
    from antiphon.cli.result import Gap, Result
    from antiphon.client.events import Closed, Opened
    from antiphon.client.recovery import Recovered
    from antiphon.door.figures import EndedPart
    from antiphon.ledger.records import NodeRecord, PartRecord

REFRESHES_PER_S = 8
FIRST_LINE_S, LINE_S = 5.0, 15.0
"""Where no row is alive: when the first line on how far it is comes, and the next ones."""


class Progress:
    """Tells a job's progress; silent when disabled. `alive` says whether anybody sees rows move."""

    def __init__(self, *, enabled: bool, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, quiet=not enabled, highlight=False, soft_wrap=True)
        self.alive = enabled and self._console.is_terminal and not self._console.is_dumb_terminal
        self._board = Board(time.monotonic)
        self._live = Live(
            self._board,
            console=self._console,
            transient=True,
            refresh_per_second=REFRESHES_PER_S,
            redirect_stdout=False,
        )
        self.extent: Extent | None = None
        self._quoted = False
        self._kept = 0
        self._missing = 0
        self._unexplained: list[int] = []  # numbers of missing parts whose task is not closed yet
        self._next_line_s = time.monotonic() + FIRST_LINE_S

    def __enter__(self) -> Self:
        if self.alive:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the rows away."""
        if self.alive:
            self._live.stop()

    def expect(self, extent: Extent | None) -> None:
        """How much there is to say, as far as it is known."""
        self.extent = extent
        self._board.expect(extent)

    def waiting(self, what: str) -> None:
        """Nothing can be shown but what is being waited for."""
        self._board.wait_for(what)

    def network(self, client: str, nodes: Iterable[NodeRecord]) -> None:
        """Who pays and who works, so that rows can name engines and count what was paid."""
        self._board.client = client
        self._board.engines = {
            node.node: node.offers[0].engine for node in nodes if node.offers and node.offers[0].engine
        }

    def beginning(self, number: int) -> str:
        """The first words of a part, as far as they are known."""
        known = self.extent.beginnings if self.extent is not None else ()
        return known[number] if number < len(known) else ""

    def taken_up(self, kept: int, found: Recovered) -> None:
        """What an earlier run left of the job."""
        self._kept = self._board.kept = kept
        noun = self.extent.noun if self.extent is not None else "sentence"
        fetched = f", {found.fetched} of them fetched from validators now" if found.fetched else ""
        self._console.print(f"Resumed  {counted(kept, noun)} made and paid for before{fetched}")
        if found.lost:
            what = f"{counted(found.lost, noun)} paid for before, but nobody keeps the sound any more"
            self._console.print(f"         {what}: bought again")
        if found.open:
            self._console.print(f"         {counted(len(found.open), noun)} not judged yet: bought again")

    def missing(self, gap: Gap) -> None:
        """A part failed for good; the rest goes on. Its receipt comes with the end of its task."""
        self._missing += 1
        self._unexplained.append(gap.number)
        noun = (self.extent.noun if self.extent is not None else "sentence").capitalize()
        begins = f" ({_plain(gap.begins)})" if gap.begins else ""
        self._console.print(f"Missing  {noun} {gap.number + 1}{begins}: {_plain(gap.why)}")

    def opened(self, event: Opened, limit_nano: int | None = None) -> None:
        """A task was opened; the first time its quote is told."""
        if not self._quoted:
            self._quoted = True
            self._console.print(self._quote(event, limit_nano))
        self._board.opened(event)

    def parts(self, parts: Iterable[PartRecord], seats: int) -> None:
        """How the parts of the open task stand now."""
        self._board.parts(parts, seats)

    def closed(self, event: Closed, receipt: Path) -> None:
        """A task is over, and its receipt tells why parts of it failed."""
        self._board.closed(event)
        if self._unexplained and any(part.state != "valid" for part in event.parts):
            noun = (self.extent.noun if self.extent is not None else "sentence").capitalize()
            which = f"{noun} {', '.join(str(number + 1) for number in self._unexplained)}"
            self._console.print(f"Why      {which}: antiphon receipt show {_plain(str(receipt))}")
            self._unexplained.clear()

    def sound(self, seconds: float, parts: int) -> None:
        """So much audio is ready, and so many parts are over."""
        self._board.seconds = seconds
        if (
            seconds >= 1
            and not self.alive
            and (self.extent is None or self.extent.sentences > 1)
            and (now_s := time.monotonic()) >= self._next_line_s
        ):
            self._next_line_s = now_s + LINE_S
            said = parts - self._missing
            done = f", {said} of {counted(self.extent.sentences, self.extent.noun)}" if self.extent else ""
            self._console.print(f"So far   {clock(seconds)} of sound{done}")

    def summary(self, result: Result) -> None:
        """The outcome in four lines: the audio, what was heard in it, what was paid, the receipt."""
        self.stop()
        name = "standard output" if result.output == "-" else result.output
        first = f", first sound after {result.first_audio_s:.1f} s" if result.first_audio_s is not None else ""
        self._console.print(f"Audio    [bold]{_plain(name)}[/bold], {result.seconds:.1f} s{first}")
        self.paid(result)

    def paid(self, result: Result) -> None:
        """What was heard in it, what was paid, the receipt."""
        self.stop()
        parts = [part for closed in result.closed for part in closed.parts]
        if not parts:
            return
        self._console.print(f"Judged   {_judged(parts)}")
        held = sum(closed.held_nano for closed in result.closed)
        most = held if result.limit_nano is None else result.limit_nano
        self._console.print(f"Paid     {ant(paid_for(result.closed))} of at most {ant(most)}; {_votes(parts)}")
        if len(result.receipts) == 1:
            self._console.print(f"Receipt  {_plain(str(result.receipts[0]))}")
        elif result.receipts:
            names = f"{result.receipts[0].name} ... {result.receipts[-1].name}"
            folder = result.receipts[0].parent
            self._console.print(f"Receipts {len(result.receipts)} in {_plain(str(folder))} ({names})")

    def _quote(self, event: Opened, limit_nano: int | None) -> str:
        expected, total = event.quote.expected_nano, event.quote.total_nano
        most = ant(total if limit_nano is None else limit_nano)
        extent = self.extent
        if extent is not None and self._kept:
            left = max(event.parts, extent.sentences - self._kept)
            return f"Quote    about {_rough(expected * left / event.parts)} for {counted(left, extent.noun)} more " + (
                f"(at most {most} for all)" if limit_nano is not None else f"(at most {most})"
            )
        if extent is None or extent.sentences == event.parts:
            noun = extent.noun if extent else "sentence"
            what = counted(event.parts, noun) if extent else f"the first {counted(event.parts, noun)}"
            chars = f", {counted(extent.chars, extent.unit)}" if extent else ""
            return f"Quote    {ant(expected)} for {what}{chars} (at most {most})"
        times = extent.sentences / event.parts  # of the task at hand; good to a few percent for long texts
        what = f"{counted(extent.sentences, extent.noun)}, {counted(extent.chars, extent.unit)}"
        most = f"about {_rough(total * times)}" if limit_nano is None else most
        return f"Quote    about {_rough(expected * times)} for {what} (at most {most})"


def _judged(parts: list[EndedPart]) -> str:
    scores = [part.score for part in delivered(parts) if part.score is not None]
    mean = f"score {sum(scores) / len(scores):.2f}: " if scores else ""
    return mean + ", ".join(_figure(label, value) for label, value in measured(parts).items())


def _votes(parts: list[EndedPart]) -> str:
    with_it = sum(part.with_majority for part in parts)
    return f"{with_it:,} of {counted(sum(part.votes for part in parts), 'vote')} with the majority"


def _figure(label: str, value: float | None) -> str:
    return f"{label} inconclusive" if value is None else f"{label} {value_of(label, value)}"


def _rough(nano: float) -> str:
    return ant(int(float(f"{nano:.2g}")))


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
