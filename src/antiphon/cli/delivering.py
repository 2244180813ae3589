"""From a network to a file: what every command does that orders sound. Progress, receipts, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.app import run
from antiphon.cli.leaving import explained, no_funds, partial, standing, told_end
from antiphon.cli.result import Gap, Result
from antiphon.door.settings import Settings
from antiphon.errors import (
    AntiphonError,
    FundsError,
    InputError,
    OutputError,
)

if TYPE_CHECKING:
    from antiphon.audio import Format, Waveform
    from antiphon.cli.jobs import Jobs
    from antiphon.cli.manuscript import Extent
    from antiphon.cli.options import OutputOptions
    from antiphon.cli.progress import Progress
    from antiphon.cli.sink import Sink
    from antiphon.client.events import Opened, SoundEvent
    from antiphon.client.job_policy import JobPolicy
    from antiphon.client.job_store import JobStore
    from antiphon.door.connecting import Session
    from antiphon.door.ordering import OrderFields, SoundOrder
    from antiphon.economy.types import Mode

SETTLE_S = 30.0
"""After a failure: how long our own validators may judge what was delivered."""
LEAVE_S = 0.5
"""The same after Ctrl-C: whoever asked to leave wants to leave."""
PATIENCE_S = 90.0
"""Before a job goes on: how long the verdict on what an earlier run had delivered in a joined network is waited for."""
LOOK_S = 0.2
"""Between two looks at a running task, while somebody watches."""
REBUY_SHARE = 0.25
"""The "at most" of a quote: the escrow of the whole job, and so much more for parts that fail and are bought again from
nodes whose prices have changed meanwhile. What failed itself costs nothing: its penalty makes it good."""
CHARS_PER_S = 14.0
"""Speech, roughly: to see how long a text will be."""


@dataclass(frozen=True, slots=True)
class CommandJob:
    """An order of a command, and how it is carried through."""

    order: SoundOrder
    store: JobStore | None = None  # keeps what was paid for
    jobs: Jobs | None = None  # this store and those of steps before, whose end is this job's
    keep_going: bool = False  # without a part that failed for good
    then: Callable[[Result], None] | None = None  # what is made of the sound once it is whole
    speech: bool = True  # whether our own validators will need to listen to speech
    facts: dict[str, object] = field(default_factory=dict)  # to tell in JSON


def deliver(settings: Settings, options: OutputOptions, job: CommandJob, *, extent: Extent | None = None) -> Result:
    """Do the job and write its sound, or end in order: cancelled, refused or failed, with what was paid and where what
    was made lies. Raises `PartialError` when parts of it are missing."""
    from antiphon.audio import Tags
    from antiphon.cli.progress import Progress
    from antiphon.cli.sink import Sink, require_room

    form = checked_format(options)
    if extent is not None and extent.unit == "character":
        home = settings.home if job.store is not None else None
        require_room(extent.chars / CHARS_PER_S, form.name, options.output, home)
    progress = Progress(enabled=not (options.quiet or options.as_json))
    progress.expect(extent)
    result = Result(options.output, facts=job.facts)
    tags = Tags(
        options.title,
        options.artist,
        f"Made by {options.artist} with Antiphon" if options.artist else "Made with Antiphon",
        options.loop_s,
        options.loop_from_s,
    )
    ours = job.store.owns if job.store is not None else _nobodys
    sink = Sink(options, form, job.order.rate_hz, job.order.channels, tags=tags, ours=ours)
    with told_end(result, job.jobs), progress:
        try:
            run(_work(settings, job, Delivery(progress, result, settings.home, sink)))
            sink.finish()
        except BaseException:
            result.left = sink.keep()
            raise
        finally:
            sink.abort()
        if job.then is not None:
            job.then(result)
        if job.jobs is not None and not result.missing:
            job.jobs.complete()
        elif job.store is not None:
            job.store.owned(Path(options.output))
    if options.as_json:
        from antiphon.cli.figures import as_dict

        click.echo(json.dumps(as_dict(result), indent=2))
    else:
        progress.summary(result)
    if result.missing:
        raise partial(result, job.jobs, extent)
    return result


def _nobodys(_: Path) -> bool:
    return False


def perform(settings: Settings, job: CommandJob, *, quiet: bool, extent: Extent) -> int:
    """Do a job that brings no sound, or end in order; returns what it cost, in nano."""
    from antiphon.cli.progress import Progress

    progress = Progress(enabled=not quiet)
    progress.expect(extent)
    result = Result("")
    with told_end(result, job.jobs), progress:
        spent_nano = run(_work(settings, job, Delivery(progress, result, settings.home)))
    progress.paid(result)
    return spent_nano


def checked_format(options: OutputOptions) -> Format:
    """The format of the output. Raises `InputError` or `OutputError` for one that cannot be written."""
    from antiphon.audio import format_named, format_of

    if options.output == "-" and options.as_json:
        raise InputError("--json and -o - both need stdout", "Write the audio to a file.")
    wanted = options.format_name or ("wav" if options.output == "-" else "")
    if Path(options.output).is_dir():
        raise OutputError(
            f"{options.output!r} is a folder", f"Name a file in it, such as {Path(options.output, 'out.wav')}."
        )
    return format_named(wanted) if wanted else format_of(options.output)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a job's sound, progress and proof go. `sink` None: the job brings no sound."""

    progress: Progress
    result: Result
    home: Path
    sink: Sink | None = None

    def write(self, audio: Waveform) -> None:
        assert self.sink is not None, "a job that brings no sound made some"
        self.sink.write(audio)


async def _work(settings: Settings, job: CommandJob, to: Delivery) -> int:
    """What it cost, in nano."""
    from antiphon.cli.jobs import policy_of
    from antiphon.client.recovery import recover
    from antiphon.door.connecting import connect
    from antiphon.door.ordering import estimate, settle
    from antiphon.ledger.limits import MAX_PAGE

    progress, result, store, order = to.progress, to.result, job.store, job.order
    began_s = time.time()
    started_s = asyncio.get_running_loop().time()
    progress.waiting("Joining the network" if settings.ledger else "Starting a network in this process")
    policy = policy_of(store, order.max_total_nano, keep_going=job.keep_going)
    engines = {order.selector.engine, *(charge.selector.engine for charge in order.charges)}
    processor = order.selector.engine if order.rate_hz and len(engines) == 1 else ""  # an enrolment needs trainers
    async with connect(settings, warm=job.speech and not order.streams, engine=processor) as session:
        progress.network(session.client.node_id, await session.ledger.nodes(limit=MAX_PAGE))
        try:
            if store is not None:
                await _take_up(session, job, policy, to)
            progress.waiting("Asking for a quote")
            if not result.recalled:
                result.estimate_nano = await estimate(session, order)
            async with aclosing(order.produce(session, policy)) as events:
                await _follow(session, events, to, started_s, job, policy)
        except BaseException as error:
            if result.opened:
                result.standing = "What is not made comes back: see antiphon account."
            leaving = isinstance(error, (asyncio.CancelledError, KeyboardInterrupt))
            if not session.joined:
                progress.waiting("Closing: what was delivered is being judged (Ctrl-C: leave now)")
            await settle(session, result.opened, LEAVE_S if leaving else SETTLE_S)
            if store is not None and store.begun:
                with contextlib.suppress(AntiphonError, TimeoutError):
                    async with asyncio.timeout(LEAVE_S if leaving else SETTLE_S):
                        await recover(session.client, store, patience_s=0.0)  # paid for a moment ago
            result.standing = await standing(session, result)
            if isinstance(error, FundsError) and error.what.startswith("balance:"):
                raise await no_funds(session) from error
            if (better := explained(error, session, result, began_s, order.selector)) is not None:
                raise better from error
            raise
    return policy.budget.spent_nano


async def _take_up(session: Session, job: CommandJob, policy: JobPolicy, to: Delivery) -> None:
    """Note whose job it is; where an earlier run left something, settle and count it."""
    from antiphon.client.recovery import recover

    store, budget = job.store, policy.budget
    assert store is not None
    ledger = await session.ledger.identity()
    if store.begun and store.header.ledger == ledger:
        to.progress.waiting("Looking after what an earlier run left")
        found = await recover(session.client, store, patience_s=PATIENCE_S if session.joined else 0.0)
        # In our own network nobody is left to judge what an earlier process was at.
        budget.spent_nano = found.paid_nano + (found.held_nano if session.joined else 0)
        if job.order.max_total_nano is None and store.header.limit_nano:
            budget.lower(store.header.limit_nano)
        to.result.recalled = store.kept
        to.progress.taken_up(store.kept, found)
    store.note(ledger=ledger)
    if to.sink is not None:
        store.owned(to.sink.file)


async def _follow(
    session: Session,
    events: AsyncIterator[SoundEvent],
    to: Delivery,
    started_s: float,
    job: CommandJob,
    policy: JobPolicy,
) -> None:
    """Write what sounds, keep what is proven, show the rest."""
    from antiphon.client.events import Closed, Missing, Opened, Sound
    from antiphon.door.figures import ended
    from antiphon.door.receipts import save_receipt

    progress, result = to.progress, to.result
    async with _watching(session, progress) as watch:
        async for event in events:
            if isinstance(event, Sound):
                if result.first_audio_s is None:
                    result.first_audio_s = asyncio.get_running_loop().time() - started_s
                await asyncio.to_thread(to.write, event.audio)
                if job.speech:
                    session.load_judges()  # a stream's only now: they would compete with the first sound
                result.seconds += event.audio.duration_s
                progress.sound(result.seconds, event.parts)
            elif isinstance(event, Opened):
                if not result.opened:
                    _promise(event, to, job, policy)
                result.opened.append(event.task)
                progress.opened(event, policy.budget.limit_nano)
                watch(event)
            elif isinstance(event, Missing):
                gap = Gap(event.number, progress.beginning(event.number), event.error.what)
                result.missing.append(gap)
                progress.missing(gap)
            elif isinstance(event, Closed):
                result.closed.append(ended(event))
                result.receipts.append(save_receipt(to.home, event.receipt))
                progress.closed(event, result.receipts[-1])


def _promise(event: Opened, to: Delivery, job: CommandJob, policy: JobPolicy) -> None:
    """What the quote's "at most" says holds for the whole job, with all that is bought again."""
    extent, result = to.progress.extent, to.result
    if extent is not None and extent.exact and not result.recalled:
        total_nano: float = event.quote.total_nano
        if extent.sentences > event.parts:  # more than one task
            total_nano = max(total_nano * extent.sentences / event.parts, result.estimate_nano)
        policy.budget.lower(int(total_nano * (1 + REBUY_SHARE)) + 1)
        if job.store is not None:
            job.store.note(limit_nano=policy.budget.limit_nano)
    result.limit_nano = policy.budget.limit_nano


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


def order_fields(given: dict[str, Any], output: str) -> OrderFields:
    """What `order_options` and --seed say, as every order takes it."""
    return {
        "engine": given["engine"] or "",
        "seed": given["seed"],
        "options": options_of(given["options"]),
        "mode": _mode_of(given["stream"], output),
        "max_cost_nano": given["max_cost"],
    }


def _mode_of(stream: bool | None, output: str) -> Mode:
    """Released as it is made when that was asked for, or when it goes into a pipe; else after the vote."""
    from antiphon.economy.types import Mode

    return Mode.STREAM if (stream if stream is not None else output == "-") else Mode.VERIFIED


def options_of(pairs: tuple[str, ...], option: str = "--option") -> dict[str, str | int | float | bool]:
    """`--option KEY=VALUE`, with values read as what they look like. Raises `InputError`."""
    return dict(_option(pair, option) for pair in pairs)


def _option(pair: str, option: str) -> tuple[str, str | int | float | bool]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise InputError(f"{option} {pair!r} is not KEY=VALUE", "See `antiphon engines` for what an engine takes.")
    if value.lower() in {"true", "false"}:
        return name, value.lower() == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
