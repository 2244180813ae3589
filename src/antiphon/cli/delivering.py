"""From a network to a file: what every command does that orders sound. Progress, receipts, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.app import Settings, Terminated, run
from antiphon.cli.ending import CANCELLED_EXIT, Cancelled
from antiphon.cli.result import Result
from antiphon.economy.types import Role
from antiphon.errors import AntiphonError, FundsError, InputError, OutputError, RejectedError, UnavailableError

if TYPE_CHECKING:
    from antiphon.audio import AudioWriter, Format, Waveform
    from antiphon.cli.connect import Session
    from antiphon.cli.levels import Level
    from antiphon.cli.manuscript import Extent
    from antiphon.cli.progress import Progress
    from antiphon.ledger.operations import Selector
    from antiphon.nodes.events import Opened, SoundEvent

SETTLE_S = 30.0
LOOK_S = 0.2
"""Between two looks at a running task, while somebody watches."""
SAMPLE_UNITS = 1_000

Produce = Callable[["Session"], AsyncGenerator["SoundEvent", None]]
"""What a command orders, as the events of its job in a network."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Units of work of one kind."""

    selector: Selector
    units: int
    role: Role = Role.PROCESSOR


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered, for how much at most. No `charges`: nobody knows (a pipe), so it is checked task by task."""

    produce: Produce
    charges: tuple[Charge, ...] = ()  # of this order, and of what the same command will order after it
    max_total_nano: int | None = None
    speech: bool = True  # whether our own validators will need to listen to speech
    facts: dict[str, object] = field(default_factory=dict)  # to tell in JSON


@dataclass(frozen=True, slots=True)
class Wish:
    """Where the sound goes and what is told."""

    output: str
    format_name: str | None
    as_json: bool
    quiet: bool
    loudness_lufs: float | None = None  # None: as it was made
    expected_lufs: float | None = None  # how loud it is made, as far as known
    as_one: bool = False  # one gain for the whole, so that its own loud and soft stay: needs all of it in memory


def deliver(
    settings: Settings, wish: Wish, order: Order, *, rate_hz: int, channels: int = 1, extent: Extent | None = None
) -> Result:
    """Do the job and write its sound, or end in order: cancelled, refused or failed, with what was paid."""
    from antiphon.audio import AudioWriter
    from antiphon.cli.levels import level_for
    from antiphon.cli.progress import Progress

    form = checked_format(wish)
    progress = Progress(enabled=not (wish.quiet or wish.as_json))
    progress.expect(extent)
    result = Result(wish.output, facts=order.facts)
    with _cancellable(result), AudioWriter(wish.output, form, rate_hz, channels) as writer, progress:
        delivery = Delivery(progress, result, settings.home, writer, level_for(wish, rate_hz, channels))
        run(_work(settings, order, delivery))
        delivery.finish()
    if wish.as_json:
        from antiphon.cli.figures import as_dict

        click.echo(json.dumps(as_dict(result), indent=2))
    else:
        progress.summary(result)
    return result


def perform(settings: Settings, order: Order, *, quiet: bool, extent: Extent) -> Result:
    """Do a job that brings no sound, or end in order."""
    from antiphon.cli.progress import Progress

    progress = Progress(enabled=not quiet)
    progress.expect(extent)
    result = Result("")
    with _cancellable(result), progress:
        run(_work(settings, order, Delivery(progress, result, settings.home)))
    progress.paid(result)
    return result


@contextmanager
def _cancellable(result: Result) -> Iterator[None]:
    """However the work was ended from outside, the reader hears what became of the money."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        code = 128 + error.number if isinstance(error, Terminated) else CANCELLED_EXIT
        raise Cancelled(f"Cancelled. {result.standing}", code) from error


def checked_format(wish: Wish) -> Format:
    """The format of the output. Raises `InputError` or `OutputError` for one that cannot be written."""
    from antiphon.audio import format_named, format_of

    if wish.output == "-" and wish.as_json:
        raise InputError("--json and -o - both need stdout", "Write the audio to a file.")
    wanted = wish.format_name or ("wav" if wish.output == "-" else "")
    if Path(wish.output).is_dir():
        raise OutputError(f"{wish.output!r} is a folder", f"Name a file in it, such as {Path(wish.output, 'out.wav')}.")
    return format_named(wanted) if wanted else format_of(wish.output)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a job's sound, progress and proof go. `writer` None: the job brings no sound."""

    progress: Progress
    result: Result
    home: Path
    writer: AudioWriter | None = None
    level: Level | None = None

    def write(self, audio: Waveform) -> None:
        assert self.writer is not None, "a job that brings no sound made some"
        self.writer.write(audio if self.level is None else self.level.push(audio))

    def finish(self) -> None:
        """Write what was held back to see peaks coming."""
        if self.level is not None and self.writer is not None:
            self.writer.write(self.level.finish())


async def _work(settings: Settings, order: Order, to: Delivery) -> None:
    from antiphon.cli.connect import connect
    from antiphon.ledger.limits import MAX_PAGE

    progress, result = to.progress, to.result
    began_s = time.time()
    started_s = asyncio.get_running_loop().time()
    progress.waiting("Joining the network" if settings.ledger else "Starting a network in this process")
    async with connect(settings, warm=order.speech) as session:
        progress.network(session.client.node_id, await session.ledger.nodes(limit=MAX_PAGE))
        progress.waiting("Asking for a quote")
        try:
            await _check_limit(session, order)
            async with aclosing(order.produce(session)) as events:
                await _follow(session, events, to, started_s, order.max_total_nano)
        except BaseException as error:
            if result.opened:
                result.standing = "What is not made comes back: see antiphon account."
            await _settle(session, result, progress)
            result.standing = await _standing(session, result)
            if isinstance(error, FundsError) and error.what.startswith("balance:"):
                raise await _no_funds(session) from error
            if (better := _explained(error, session, result, began_s)) is not None:
                raise better from error
            raise


async def _no_funds(session: Session) -> FundsError:
    from antiphon.cli.figures import ant

    own = session.client.node_id
    balance = ant((await session.ledger.account(own)).balance_nano)
    hint = f"Ask the ledger's operator to run: antiphon account deposit 10 --to {own}"
    return FundsError(
        f"Your balance of {balance} does not cover what the quote holds in escrow",
        hint if session.bank is None else "Deposit: antiphon account deposit 10",
    )


def _explained(error: BaseException, session: Session, result: Result, began_s: float) -> AntiphonError | None:
    """The same failure with what a user can do about it."""
    from antiphon.cli import logs

    if isinstance(error, RejectedError) and result.receipts:
        why = f"Why: antiphon receipt show {result.receipts[-1]}"
        return RejectedError(f"{error.what.rstrip('.')}; you were refunded", why)
    if isinstance(error, (RejectedError, UnavailableError)):
        if (problem := session.problem()) is not None:
            return problem
        if not session.joined and (log := logs.since(began_s)) is not None:
            return type(error)(error.what, f"{error.hint} Details: {log}")
    return None


async def _follow(
    session: Session, events: AsyncIterator[SoundEvent], to: Delivery, started_s: float, limit_nano: int | None
) -> None:
    """Write what sounds, keep what is proven, show the rest."""
    from antiphon.cli.figures import paid_for
    from antiphon.cli.tasks import save_receipt
    from antiphon.nodes.events import Closed, Opened, Sound

    progress, result = to.progress, to.result
    async with _watching(session, progress) as watch:
        async for event in events:
            if isinstance(event, Sound):
                if result.first_audio_s is None:
                    result.first_audio_s = asyncio.get_running_loop().time() - started_s
                await asyncio.to_thread(to.write, event.audio)
                result.seconds += event.audio.duration_s
                progress.sound(result.seconds)
            elif isinstance(event, Opened):
                result.opened.append(event.task)
                if limit_nano is not None and paid_for(result.closed) + event.quote.total_nano > limit_nano:
                    raise _too_dear(paid_for(result.closed) + event.quote.total_nano, limit_nano)
                progress.opened(event)
                watch(event)
            elif isinstance(event, Closed):
                progress.closed(event)
                result.closed.append(event)
                result.receipts.append(save_receipt(to.home, event.receipt))


async def _check_limit(session: Session, order: Order) -> None:
    """Refuse what could cost more than --max-cost, before anything is bought."""
    from antiphon.economy.types import Part

    if order.max_total_nano is None:
        return
    total_nano = 0
    for charge in order.charges:
        session.require_judges(charge.selector)
        sample = Part(index=0, units=min(charge.units, SAMPLE_UNITS), role=charge.role)  # prices are per unit
        quote = await session.ledger.quote(charge.selector, (sample,))
        total_nano += quote.total_nano * charge.units // sample.units
    if total_nano > order.max_total_nano:
        raise _too_dear(total_nano, order.max_total_nano)


def _too_dear(total_nano: int, limit_nano: int) -> FundsError:
    from antiphon.cli.figures import ant

    return FundsError(
        f"This could cost up to {ant(total_nano)}, more than --max-cost {ant(limit_nano)}",
        "Raise it, ask for less, or choose a cheaper engine (antiphon nodes shows prices).",
    )


@asynccontextmanager
async def _watching(session: Session, progress: Progress) -> AsyncIterator[Any]:
    """Yields a function that shows an opened task's parts as they move, until the next task or the end.

    The client's own events come in the order of the audio; people want to see all parts that are in work.
    """
    current: asyncio.Task[None] | None = None

    async def look(task: str) -> None:
        with contextlib.suppress(AntiphonError):
            seats = (await session.ledger.task(task)).rules.seats
            while True:
                progress.parts(await session.ledger.parts(task), seats)
                await asyncio.sleep(LOOK_S)

    def watch(event: Opened) -> None:
        nonlocal current
        if current is not None:
            current.cancel()
        current = asyncio.create_task(look(event.task)) if progress.alive else None

    try:
        yield watch
    finally:
        if current is not None:
            current.cancel()
            await asyncio.gather(current, return_exceptions=True)


async def _settle(session: Session, result: Result, progress: Progress) -> None:
    """After a failure or a cancel: let our own validators finish what was delivered, so that no money stays behind.

    A second Ctrl-C, or `SETTLE_S`, ends the wait; then the ledger gives the rest back once its deadlines have passed.
    """
    if session.joined:
        return
    progress.waiting("Closing: what was delivered is being judged (Ctrl-C: leave now)")
    with contextlib.suppress(AntiphonError, TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            for task in result.opened:
                for part in await session.ledger.parts(task):
                    while not part.state.final:
                        part = await session.client.changed(part)  # noqa: PLW2901 - its next version


async def _standing(session: Session, result: Result) -> str:
    """After a cancel: what was paid for, and what came back."""
    from antiphon.cli.figures import ant, paid_nano

    try:
        parts = [part for task in result.opened for part in await session.ledger.parts(task)]
        account = await session.ledger.account(session.client.node_id)
    except AntiphonError:
        return "What was not delivered is refunded."
    paid = paid_nano(session.client.node_id, parts)
    done = f"{ant(paid)} was paid for what was made" if paid else "Nothing was paid"
    held = (
        f"{ant(account.escrow_nano)} stays in escrow until it is judged"
        if account.escrow_nano
        else "the rest came back"
    )
    return f"{done}, {held}."


def options_of(pairs: tuple[str, ...]) -> dict[str, str | int | float | bool]:
    """`--option KEY=VALUE`, with values read as what they look like. Raises `InputError`."""
    return dict(map(_option, pairs))


def _option(pair: str) -> tuple[str, str | int | float | bool]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise InputError(f"--option {pair!r} is not KEY=VALUE", "See `antiphon engines` for what an engine takes.")
    if value.lower() in {"true", "false"}:
        return name, value.lower() == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
