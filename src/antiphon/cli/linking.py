"""`antiphon transition` and `antiphon stinger`: music between pieces, in their keys, on the chip."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.here import here_option
from antiphon.cli.loudness import MUSIC
from antiphon.cli.options import order_options
from antiphon.cli.render import play
from antiphon.door.settings import Settings
from antiphon.errors import OutputError

if TYPE_CHECKING:
    from antiphon.music.linking import Link

KINDS = ("win", "lose", "item", "danger")
"""As `antiphon.music.linking.STINGERS` has them: --help imports nothing heavy."""

_midi_option = click.option("--midi", type=click.Path(path_type=Path, dir_okay=False), help="Also write it as MIDI.")

_TRANSITION_EPILOG = """\b
Examples:
  antiphon compose "calm waltz in C major, 90 bpm" --seconds 12 --seed 1 --midi calm.mid
  antiphon compose "boss fight in A minor, 150 bpm" --seconds 12 --seed 2 --midi boss.mid
  antiphon transition calm.mid boss.mid
  antiphon transition calm.mid boss.mid --bars 1 --midi between.mid --here
"""
_STINGER_EPILOG = """\b
Examples:
  antiphon compose "boss fight in A minor, 150 bpm" --seconds 12 --seed 2 --midi boss.mid
  antiphon stinger win boss.mid
  antiphon stinger danger boss.mid --seed 2 -o danger.ogg --here
"""


@click.command(epilog=_TRANSITION_EPILOG)
@click.argument("before", metavar="BEFORE.mid", type=click.Path(path_type=Path))
@click.argument("after", metavar="AFTER.mid", type=click.Path(path_type=Path))
@click.option("--bars", type=click.IntRange(1, 4), default=2, show_default=True, help="Its length.")
@_midi_option
@here_option
@order_options("transition.wav", MUSIC)
@click.pass_obj
def transition(
    settings: Settings, /, before: Path, after: Path, bars: int, midi: Path | None, output: str, **given: Any
) -> None:
    """Lead from the key and tempo at the end of one piece to those at the beginning of another.

    It lasts exactly its bars, so that AFTER begins where it ends.
    """
    from antiphon.door import linking

    link = linking.transition(before, after, bars)
    _keep(link, midi)
    play(settings, link.midi, output, given, asked=f"transition\0{before}\0{after}\0{bars}", seconds=link.seconds)


@click.command(epilog=_STINGER_EPILOG)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("piece", metavar="PIECE.mid", type=click.Path(path_type=Path))
@click.option("--seed", type=int, help="The same seed gives the same stinger; by default a new one.")
@_midi_option
@here_option
@order_options("stinger.wav", MUSIC)
@click.pass_obj
def stinger(
    settings: Settings, /, kind: str, piece: Path, seed: int | None, midi: Path | None, output: str, **given: Any
) -> None:
    """A signal of a few beats in the key and near the tempo of a piece: win, lose, item or danger."""
    from antiphon.door import linking

    seed = secrets.randbelow(1_000) if seed is None else seed
    link = linking.stinger(kind, piece, seed)
    _keep(link, midi)
    if not (given["quiet"] or given["as_json"]):
        click.echo(f"Seed     {seed}", err=True)
    play(settings, link.midi, output, given, asked=f"stinger\0{kind}\0{piece}\0{seed}")


def _keep(link: Link, midi: Path | None) -> None:
    if midi is None:
        return
    try:
        midi.write_bytes(link.midi)
    except OSError as error:
        raise OutputError(f"{midi} cannot be written: {error.strerror}", "Choose another place.") from error
