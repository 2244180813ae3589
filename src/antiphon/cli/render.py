"""`antiphon render`: a MIDI file through the sound chip, here and without the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.loudness import MUSIC, loudness_option
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.audio import Format

EPILOG = """\b
Examples:
  antiphon compose "dungeon, D minor" --seed 3 --midi dungeon.mid
  antiphon render dungeon.mid -o dungeon.wav
"""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE.mid", type=click.Path(path_type=Path))
@click.option("-o", "--output", help="File to write; by default FILE.wav in this folder.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg, aac or pcm; by default the output's suffix.")
@loudness_option(MUSIC)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def render(file: Path, output: str | None, format_name: str | None, loudness: float | None, quiet: bool) -> None:
    """Play FILE.mid, a Standard MIDI file, on the sound chip: two pulse waves, a triangle, noise and drums.

    Of more voices than that the bass, the leading voice and the drums are kept, and the others take turns.
    Nothing is bought: the chip is in this program.
    """
    target = output or f"{file.stem}.wav"
    form = output_format(target, format_name)
    from antiphon.audio import AudioWriter
    from antiphon.codecs.chip import ChipCodec, from_midi
    from antiphon.codecs.chip.midi import MAX_BYTES
    from antiphon.door.sound import normaliser

    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)  # one too many is told by the reader
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "Name a .mid file.") from error
    sound = ChipCodec().decode(from_midi(data))
    if loudness is not None:
        sound = normaliser(loudness).whole(sound)
    writer = AudioWriter(target, form, sound.rate_hz, sound.channels)
    writer.write(sound)
    writer.close()
    if not quiet:
        click.echo(f"{target}  {sound.duration_s:.1f} s", err=target == "-")


def output_format(target: str, name: str | None) -> Format:
    """The format that an option or a name asks for. Raises `OutputError` where the file could not be written."""
    from antiphon.audio import format_named, format_of

    if target != "-" and not Path(target).parent.is_dir():
        raise OutputError(f"The folder of {target} does not exist", "Make it, or choose another place with -o.")
    return format_named(name) if name else format_named("wav") if target == "-" else format_of(target)
