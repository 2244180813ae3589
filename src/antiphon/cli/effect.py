"""`antiphon effect`: a sound effect by name, here and without the network."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from antiphon.cli.render import output_format
from antiphon.errors import InputError

MAX_VARIANTS = 50

EPILOG = """\b
Examples:
  antiphon effect coin
  antiphon effect "big explosion" --seed 4 -o boom.ogg
  antiphon effect "soft footstep" --variants 4 -o step.wav
"""


@click.command(epilog=EPILOG)
@click.argument("prompt", nargs=-1, required=True)
@click.option("-o", "--output", help="File to write; by default the effect's name and .wav in this folder.")
@click.option("--seed", type=int, help="The same seed gives the same sound; by default a new one.")
@click.option("--variants", type=click.IntRange(1, MAX_VARIANTS), default=1, help="So many: NAME-1.wav, NAME-2.wav ...")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg, aac or pcm; by default the output's suffix.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def effect(
    prompt: tuple[str, ...], output: str | None, seed: int | None, variants: int, format_name: str | None, quiet: bool
) -> None:
    """Make the sound effect that PROMPT names: coin, jump, hit, explosion, laser, power-up, level-up, menu, select,
    cancel, error, hurt, step, door, splash, alarm or engine; small or big, high or low, short or long, soft.

    Nothing is bought: the chip is in this program.
    """
    from antiphon.audio import AudioWriter
    from antiphon.codecs.chip import ChipCodec
    from antiphon.music.effects import effect as made
    from antiphon.music.effects import louder

    if variants > 1 and output == "-":
        raise InputError("Several sounds do not fit into one stream", "Leave --variants out, or name a file with -o.")
    first = secrets.randbelow(1_000_000) if seed is None else seed
    for number in range(variants):
        one = made(" ".join(prompt), first + number)
        target = output or f"{one.name}.wav"
        if variants > 1:
            path = Path(target)
            target = str(path.with_name(f"{path.stem}-{number + 1}{path.suffix}"))
        sound = louder(ChipCodec().decode(one.grid))
        writer = AudioWriter(target, output_format(target, format_name), sound.rate_hz, sound.channels)
        writer.write(sound)
        writer.close()
        if not quiet:
            for note in one.notes if number == 0 else ():
                click.echo(f"Note     {note}", err=True)
            click.echo(f"{target}  {one.name}, {sound.duration_s:.2f} s, seed {first + number}", err=target == "-")
