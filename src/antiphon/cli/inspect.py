"""`antiphon inspect`: a sound file as one picture, and as numbers."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path

import click
from rich.console import Console

from antiphon.cli.waiting import waiting
from antiphon.errors import InputError, OutputError

FORMATS = {".png": "png", ".svg": "svg"}

EPILOG = """\b
Examples:
  antiphon inspect speech.wav
  antiphon inspect tune.mp3 --as music -o tune.svg
  antiphon inspect speech.wav --json > speech.json
"""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", help="Picture to write, .png or .svg; by default FILE.png in this folder.")
@click.option("--as", "kind", type=click.Choice(["speech", "music"]), help="What it is; by default found by ear.")
@click.option("--language", default="en", show_default=True, help="Language of the words, as in en or de.")
@click.option(
    "--words/--no-words", default=None, help="Recognise all words, or none; by default those of up to 2 minutes."
)
@click.option("--json", "as_json", is_flag=True, help="Print all numbers as JSON; a picture only with -o.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def inspect(
    file: str, output: str | None, kind: str | None, language: str, words: bool | None, as_json: bool, quiet: bool
) -> None:
    """Draw FILE: waveform, spectrogram and loudness; pitch and words of speech; beats, chords and pitches of music.

    FILE is any sound file. Everything is measured here, in one pass, without the network.
    """
    source = Path(file)
    target = None if as_json and output is None else Path(output or f"{source.resolve().name}.png")
    form = None if target is None else _checked(target)
    from antiphon.audio import MAX_AUDIO_S
    from antiphon.pictures.drawing import draw, facts
    from antiphon.pictures.measuring import WORDS_S
    from antiphon.pictures.measuring import inspect as measured
    from antiphon.pictures.numbers import as_numbers

    limit_s = {None: WORDS_S, True: MAX_AUDIO_S, False: 0.0}[words]
    console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
    with waiting(console, "Measuring.") as tell:
        seen = measured(source, kind=kind, language=language, words_s=limit_s, tell=tell)
    if target is not None and form is not None:
        _write(target, draw(seen, form))
    if as_json:
        click.echo(json.dumps(as_numbers(seen), indent=2))
    elif not quiet:
        click.echo(f"{seen.kind.capitalize():<8} {', '.join(facts(seen))}")
        for note in seen.notes:
            click.echo(f"Note     {note}")
        click.echo(f"Picture  {target}")


def _checked(target: Path) -> str:
    """The form that the name asks for. Raises before anything is measured if it could not be written."""
    form = FORMATS.get(target.suffix.lower())
    if target.is_dir():
        raise OutputError(f"{str(target)!r} is a folder", f"Name a file in it, such as {target / 'sound.png'}.")
    if form is None:
        raise InputError(f"{str(target)!r} is no picture that can be drawn", "End the name in .png or .svg.")
    if not target.parent.is_dir():
        raise OutputError(f"The folder of {str(target)!r} does not exist", f"Create it: mkdir -p {target.parent}")
    return form


def _write(target: Path, picture: bytes) -> None:
    """Whole or not at all: beside it first, then under its name."""
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(picture)
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise OutputError(f"Cannot write {str(target)!r}: {reason}", "Choose another folder with -o.") from error
