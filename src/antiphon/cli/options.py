"""Options that every command which orders sound has, in one place, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.jobs import resume_option
from antiphon.cli.loudness import loudness_option
from antiphon.cli.manuscript import format_option

C = TypeVar("C", bound=Callable[..., Any])

_OUTPUT = "File to write; - streams to stdout."
_BOOK = "File to write: .m4b, .m4a or .mp4."
_FORMAT = "wav, flac, mp3, opus, ogg, aac or pcm; by default the output's suffix."


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where the sound goes and what is told."""

    output: str
    format_name: str | None
    as_json: bool
    quiet: bool
    loudness_lufs: float | None = None  # None: as it was made
    expected_lufs: float | None = None  # how loud it is made, as far as known
    title: str = ""
    artist: str = ""
    loop_s: float | None = None  # length of a piece that plays round and round
    loop_from_s: float = 0.0  # of its introduction
    as_one: bool = False  # one gain for the whole, so that its own loud and soft stay: needs all of it in memory


def order_options(output: str, loudness: str, *, book: bool = False) -> Callable[[C], C]:
    """Where the sound goes and how loud, who makes it, when it is released, what it may cost, what is printed.

    A `book` has one format, and is released when it is whole.
    """
    form = click.option("--format", "format_name", help=_FORMAT)
    release = click.option("--stream/--verified", default=None, help="Release audio as it is made, or after the vote.")

    def apply(command: C) -> C:
        for option in reversed((
            click.option("-o", "--output", default=output, show_default=bool(output), help=_BOOK if book else _OUTPUT),
            *(() if book else (form,)),
            click.option("--engine", help="Only nodes with this engine (see `antiphon engines`)."),
            click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine."),
            loudness_option(loudness),
            *(() if book else (release,)),
            resume_option,
            click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if the whole could cost more."),
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."),
            click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        )):  # fmt: skip
            command = option(command)
        return command

    return apply


def text_options(command: C) -> C:
    """The text, its file and that file's format, the pace, the seed."""
    for option in reversed(
        (
            click.argument("text", nargs=-1),
            click.option(
                "-f", "--file", "file", metavar="FILE", help="Read the text from a file; - is standard input."
            ),
            format_option,
            click.option("--speed", type=float, default=1.0, show_default=True, help="0.25 to 4."),
            click.option("--seed", type=int, help="The same seed gives the same audio."),
        )
    ):
        command = option(command)
    return command
