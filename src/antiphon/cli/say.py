"""`antiphon say`: text in, audio out, through the whole network."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.app import Settings, run
from antiphon.errors import InputError, RejectedError

if TYPE_CHECKING:
    from antiphon.audio import AudioWriter
    from antiphon.cli.progress import Progress
    from antiphon.nodes.events import Closed
    from antiphon.nodes.speech import Speech

DEFAULT_OUTPUT = "antiphon.wav"
DEFAULT_VOICE = "hibari"

EPILOG = """\b
Examples:
  antiphon say "Hello from a whole network."
  antiphon say "Good morning." --voice af_heart:0.6+bm_george:0.4 -o morning.mp3
  antiphon say --file book.txt -o book.opus
  antiphon say "Guten Tag." --voice espeak-de -o - --format mp3 | mpv -
"""


@dataclass(slots=True)
class Result:
    """What a run of `say` leaves behind."""

    output: str
    seconds: float = 0.0
    first_audio_s: float | None = None
    closed: list[Closed] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)


@click.command(epilog=EPILOG)
@click.argument("text", required=False)
@click.option("-f", "--file", "file", help="Read the text from a file; - is standard input.")
@click.option("-o", "--output", default=DEFAULT_OUTPUT, show_default=True, help="File to write; - streams to stdout.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg or pcm; by default the output's suffix.")
@click.option("--voice", help=f"A name from `antiphon voices`, or a mix a:0.6+b:0.4.  [default: {DEFAULT_VOICE}]")
@click.option("--language", help="BCP 47, as in en-us or de; by default the voice's.")
@click.option("--engine", help="Only nodes with this engine (see `antiphon engines`).")
@click.option("--speed", type=float, default=1.0, show_default=True, help="0.5 to 2.0.")
@click.option("--seed", type=int, help="The same seed gives the same audio.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine.")
@click.option("--stream/--verified", default=None, help="Release audio as it is made, or only after the vote.")
@click.option("--max-cost", type=float, metavar="ANT", help="Refuse a task whose quote is higher.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.pass_obj
def say(settings: Settings, /, text: str | None, file: str | None, output: str, **given: object) -> None:
    """Turn TEXT into speech: quoted, made, judged, voted on and paid for by a network of nodes.

    Without any set-up this runs a whole network in this process; with --ledger, or while `antiphon ledger serve`
    runs, it joins that one.
    """
    from antiphon.audio import format_named, format_of

    if text is not None and file is not None:
        raise InputError("Both TEXT and --file are given", "Give one of them.")
    name = given["format_name"]
    if output == "-" and given["as_json"]:
        raise InputError("--json and -o - both need stdout", "Write the audio to a file.")
    wanted = str(name) if name else "wav" if output == "-" else ""
    form = format_named(wanted) if wanted else format_of(output)
    from antiphon.cli.progress import Progress
    from antiphon.nodes.speech import OUTPUT_RATE_HZ

    speech = _speech(text, file, output, given)
    progress = Progress(enabled=not (given["quiet"] or given["as_json"]))
    target = sys.stdout.buffer if output == "-" else Path(output)
    from antiphon.audio import AudioWriter

    with AudioWriter(target, form, OUTPUT_RATE_HZ) as writer, progress:
        result = run(_say(settings, speech, writer, progress, Result(output)))
    if given["as_json"]:
        from antiphon.cli.figures import as_dict

        click.echo(json.dumps(as_dict(result), indent=2))
    else:
        progress.summary(result)


async def _say(settings: Settings, speech: Speech, writer: AudioWriter, progress: Progress, result: Result) -> Result:
    from antiphon.cli.connect import connect
    from antiphon.cli.tasks import save_receipt
    from antiphon.nodes.events import Closed
    from antiphon.nodes.speech import Sound, speak

    started = asyncio.get_running_loop().time()
    async with connect(settings, warm=True) as session:
        try:
            async with aclosing(speak(session.client, speech)) as events:
                async for event in events:
                    if isinstance(event, Sound):
                        if result.first_audio_s is None:
                            result.first_audio_s = asyncio.get_running_loop().time() - started
                        await asyncio.to_thread(writer.write, event.audio)
                        result.seconds += event.audio.duration_s
                        progress.sound(result.seconds)
                        continue
                    progress.event(event)
                    if isinstance(event, Closed):
                        result.closed.append(event)
                        result.receipts.append(save_receipt(settings.home, event.receipt))
        except RejectedError as error:
            where = f"The receipt is {result.receipts[-1]}." if result.receipts else ""
            raise RejectedError(error.what, f"{error.hint} {where}".strip()) from error
    return result


def _speech(text: str | None, file: str | None, output: str, given: dict[str, object]) -> Speech:
    from antiphon.economy.types import NANO
    from antiphon.nodes.client import STREAM, VERIFIED
    from antiphon.nodes.speech import Speech
    from antiphon.nodes.voices import resolve

    stream = given["stream"] if given["stream"] is not None else output == "-"
    limit = given["max_cost"]
    choice = resolve(_text(given["voice"]), _text(given["language"]), _text(given["engine"]), default=DEFAULT_VOICE)
    options = given["options"]
    assert isinstance(options, tuple)
    speed, seed = given["speed"], given["seed"]
    assert isinstance(speed, float)
    if not 0.5 <= speed <= 2.0:
        raise InputError(f"Speed {speed:g} is outside 0.5-2.0")
    return Speech(
        text=_blocks(text, file),
        voice=choice.voice,
        language=choice.language,
        engine=choice.engine,
        speed=speed,
        options=dict(map(_option, options)),
        mode=STREAM if stream else VERIFIED,
        seed=seed if isinstance(seed, int) else None,
        max_total_nano=None if limit is None else round(float(str(limit)) * NANO),
    )


def _blocks(text: str | None, file: str | None) -> Iterable[str]:
    """The text in blocks. A single argument is checked at once, so that nothing is started for nothing."""
    from antiphon.text import read_text

    if text is None:
        return read_text(file if file is not None else "-")
    import io

    return list(read_text(io.BytesIO(text.encode("utf-8", "surrogatepass"))))


def _option(pair: str) -> tuple[str, str | int | float | bool]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise InputError(f"--option {pair!r} is not KEY=VALUE")
    if value.lower() in {"true", "false"}:
        return name, value.lower() == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _text(value: object) -> str:
    return str(value) if value else ""
