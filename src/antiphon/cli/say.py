"""`antiphon say`: text in, audio out, through the whole network."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import Settings, Terminated, run
from antiphon.cli.ending import CANCELLED_EXIT, Cancelled
from antiphon.cli.result import Result
from antiphon.errors import AntiphonError, FundsError, InputError, OutputError, RejectedError, UnavailableError

if TYPE_CHECKING:
    from antiphon.audio import AudioWriter
    from antiphon.cli.connect import Session
    from antiphon.cli.manuscript import Extent, Manuscript
    from antiphon.cli.progress import Progress
    from antiphon.nodes.events import Opened
    from antiphon.nodes.speech import Speech, SpeechEvent
    from antiphon.nodes.voices import Choice

DEFAULT_OUTPUT = "antiphon.wav"
DEFAULT_VOICE = "hibari"
MAX_SEED = 2**63 - 1
SAMPLE_UNITS = 1_000
SETTLE_S = 30.0
LOOK_S = 0.2
"""Between two looks at a running task, while somebody watches."""

EPILOG = """\b
Examples:
  antiphon say "Hello from a whole network."
  antiphon say "Good morning." --voice af_heart:0.6+bm_george:0.4 -o morning.mp3
  antiphon say --file book.txt -o book.opus
  antiphon say "Guten Tag." --voice espeak-de -o - --format mp3 | mpv -
"""


@click.command(epilog=EPILOG)
@click.argument("text", nargs=-1)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the text from a file; - is standard input.")
@click.option("-o", "--output", default=DEFAULT_OUTPUT, show_default=True, help="File to write; - streams to stdout.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg or pcm; by default the output's suffix.")
@click.option("--voice", help=f"A name from `antiphon voices`, or a mix a:0.6+b:0.4.  [default: {DEFAULT_VOICE}]")
@click.option("--language", help="BCP 47, as in en-us or de; by default the voice's.")
@click.option("--engine", help="Only nodes with this engine (see `antiphon engines`).")
@click.option("--speed", type=float, default=1.0, show_default=True, help="0.5 to 2.0.")
@click.option("--seed", type=int, help="The same seed gives the same audio.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine.")
@click.option("--stream/--verified", default=None, help="Release audio as it is made, or only after the vote.")
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if the whole could cost more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def say(settings: Settings, /, text: tuple[str, ...], file: str | None, output: str, **given: Any) -> None:
    """Turn TEXT into speech: quoted, made, judged, voted on and paid for by a network of nodes.

    Without any set-up this runs a whole network in this process; with --ledger, or while `antiphon ledger serve`
    runs, it joins that one. TEXT may also come through a pipe.
    """
    from antiphon.audio import AudioWriter, format_named, format_of
    from antiphon.cli.manuscript import manuscript_of
    from antiphon.cli.progress import Progress
    from antiphon.nodes.speech import OUTPUT_RATE_HZ

    if output == "-" and given["as_json"]:
        raise InputError("--json and -o - both need stdout", "Write the audio to a file.")
    wanted = given["format_name"] or ("wav" if output == "-" else "")
    if Path(output).is_dir():
        raise OutputError(f"{output!r} is a folder", f"Name a file in it, such as {Path(output, DEFAULT_OUTPUT)}.")
    form = format_named(wanted) if wanted else format_of(output)
    manuscript = manuscript_of(text, file)
    speech = _speech(settings, manuscript, output, given)
    progress = Progress(enabled=not (given["quiet"] or given["as_json"]))
    progress.expect(manuscript.extent)
    result = Result(output)
    try:
        with AudioWriter(output, form, OUTPUT_RATE_HZ) as writer, progress:
            run(_say(settings, speech, manuscript.extent, Delivery(writer, progress, result, settings.home)))
    except (KeyboardInterrupt, Terminated) as error:
        code = 128 + error.number if isinstance(error, Terminated) else CANCELLED_EXIT
        raise Cancelled(f"Cancelled. {result.standing}", code) from error
    if given["as_json"]:
        from antiphon.cli.figures import as_dict

        click.echo(json.dumps(as_dict(result), indent=2))
    else:
        progress.summary(result)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a job's sound, progress and proof go."""

    writer: AudioWriter
    progress: Progress
    result: Result
    home: Path


async def _say(settings: Settings, speech: Speech, extent: Extent | None, to: Delivery) -> None:
    from antiphon.cli.connect import connect
    from antiphon.nodes.speech import speak

    progress, result = to.progress, to.result
    began_s = time.time()
    started_s = asyncio.get_running_loop().time()
    progress.waiting("Joining the network" if settings.ledger else "Starting a network in this process")
    async with connect(settings, warm=True) as session:
        progress.network(session.client.node_id, await session.ledger.nodes())
        progress.waiting("Asking for a quote")
        try:
            await _check_limit(session, speech, extent)
            async with aclosing(speak(session.client, speech)) as events:
                await _follow(session, events, to, started_s, speech.max_total_nano)
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
    session: Session, events: AsyncIterator[SpeechEvent], to: Delivery, started_s: float, limit_nano: int | None
) -> None:
    """Write what sounds, keep what is proven, show the rest."""
    from antiphon.cli.figures import paid_for
    from antiphon.cli.tasks import save_receipt
    from antiphon.nodes.events import Closed, Opened
    from antiphon.nodes.speech import Sound

    progress, result = to.progress, to.result
    async with _watching(session, progress) as watch:
        async for event in events:
            if isinstance(event, Sound):
                if result.first_audio_s is None:
                    result.first_audio_s = asyncio.get_running_loop().time() - started_s
                await asyncio.to_thread(to.writer.write, event.audio)
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


async def _check_limit(session: Session, speech: Speech, extent: Extent | None) -> None:
    """Refuse what could cost more than --max-cost, before anything is bought. A pipe is checked task by task."""
    from antiphon.economy.types import Part

    if speech.max_total_nano is None or extent is None:
        return
    sample = Part(index=0, units=min(extent.chars, SAMPLE_UNITS))  # prices are per character
    quote = await session.ledger.quote(speech.selector, (sample,))
    total_nano = quote.total_nano * extent.chars // sample.units
    if total_nano > speech.max_total_nano:
        raise _too_dear(total_nano, speech.max_total_nano)


def _too_dear(total_nano: int, limit_nano: int) -> FundsError:
    from antiphon.cli.figures import ant

    return FundsError(
        f"This could cost up to {ant(total_nano)}, more than --max-cost {ant(limit_nano)}",
        "Raise it, shorten the text, or choose a cheaper engine (antiphon nodes shows prices).",
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


def _choice(settings: Settings, voice: str, language: str, engine: str) -> Choice:
    """The ordered voice. A network that was joined by URL may offer voices that are not installed here."""
    from antiphon.nodes.voices import Choice, resolve

    try:
        return resolve(voice, language, engine, default=DEFAULT_VOICE)
    except InputError:
        if not (settings.ledger and voice):
            raise
        return Choice(voice, language or "en-us", engine)


def _speech(settings: Settings, manuscript: Manuscript, output: str, given: dict[str, Any]) -> Speech:
    from antiphon.nodes.client import STREAM, VERIFIED
    from antiphon.nodes.speech import Speech

    choice = _choice(settings, given["voice"] or "", given["language"] or "", given["engine"] or "")
    if not 0.5 <= given["speed"] <= 2.0:
        raise InputError(f"Speed {given['speed']:g} is outside 0.5-2.0", "1.0 is the voice's own pace.")
    seed = given["seed"]
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InputError(f"Seed {seed} is outside 0-{MAX_SEED}", "Any smaller number will do.")
    options = dict(map(_option, given["options"]))
    _check(choice, options)
    stream = given["stream"] if given["stream"] is not None else output == "-"
    return Speech(
        text=manuscript.blocks,
        voice=choice.voice,
        language=choice.language,
        engine=choice.engine,
        speed=given["speed"],
        options=options,
        mode=STREAM if stream else VERIFIED,
        seed=seed,
        max_total_nano=given["max_cost"],
    )


def _check(choice: Choice, options: dict[str, str | int | float | bool]) -> None:
    """What an engine will say no to is said before anything starts. Raises `InputError`."""
    from antiphon.engines import registry
    from antiphon.engines.checks import read_options

    if choice.engine not in registry.names():
        return  # another's engine: its node will say
    engine = registry.load(choice.engine)
    read_options(engine.Options, options, choice.engine)
    wanted = f"{choice.language.casefold()}-"
    if not any(wanted.startswith(f"{language.casefold()}-") for language in engine.capabilities.languages):
        raise InputError(
            f"The voice {choice.voice!r} does not speak {choice.language!r}",
            f"Find one that does: antiphon voices --language {choice.language}",
        )


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
