"""What an order could make, made by this program instead: nothing is bought, and nobody judges it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.audio import Format, Waveform

here_option = click.option("--here", is_flag=True, help="Make it in this program: nothing is bought, nobody judges it.")

_OF_ORDERS = ("engine", "options", "stream", "resume", "max_cost", "as_json")


def check_here(given: dict[str, Any]) -> None:
    """Raises `InputError` for options that only an order has."""
    if named := [name for name in _OF_ORDERS if given[name] not in (None, (), False)]:
        flags = " and ".join("--" + {"options": "option", "as_json": "json"}.get(name, name) for name in named)
        raise InputError(f"{flags.replace('_', '-')}: only an order has that", "Leave it out, or --here.")


def output_format(target: str, name: str | None) -> Format:
    """The format that an option or a name asks for. Raises `OutputError` where the file could not be written."""
    from antiphon.audio import format_named, format_of

    if target != "-" and not Path(target).parent.is_dir():
        raise OutputError(f"The folder of {target} does not exist", "Make it, or choose another place with -o.")
    return format_named(name) if name else format_named("wav") if target == "-" else format_of(target)


def write_here(target: str, form: Format, sound: Waveform, loudness: float | None) -> None:
    """`loudness` in LUFS, None: as it was made."""
    from antiphon.audio import AudioWriter
    from antiphon.door.sound import normaliser

    if loudness is not None:
        sound = normaliser(loudness).whole(sound)
    writer = AudioWriter(target, form, sound.rate_hz, sound.channels)
    writer.write(sound)
    writer.close()
