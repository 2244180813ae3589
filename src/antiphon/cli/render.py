"""`antiphon render`: a MIDI file through the sound chip: ordered, or in this program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from antiphon.cli.delivering import CommandJob, checked_format, deliver, order_fields
from antiphon.cli.here import check_here, here_option, output_format, write_here
from antiphon.cli.jobs import Jobs
from antiphon.cli.loudness import MUSIC
from antiphon.cli.manuscript import extent_of
from antiphon.cli.options import OutputOptions, order_options
from antiphon.door.settings import Settings
from antiphon.errors import InputError

EPILOG = """\b
Examples:
  antiphon compose "dungeon, D minor" --seed 3 --midi dungeon.mid
  antiphon render dungeon.mid -o dungeon.wav
  antiphon render dungeon.mid --here
"""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE.mid", type=click.Path(path_type=Path))
@here_option
@order_options("", MUSIC)
@click.pass_obj
def render(settings: Settings, /, file: Path, output: str, **given: Any) -> None:
    """Have FILE.mid, a Standard MIDI file, played on the sound chip: two pulse waves, a triangle, noise and drums.

    Of more voices than that the bass, the leading voice and the drums are kept, and the others take turns.
    What was made is compared with the file before it is paid for. By default it becomes FILE.wav in this folder.
    """
    play(settings, midi_of(file), output or f"{file.stem}.wav", given, asked=f"render\0{file}")


def play(
    settings: Settings, midi: bytes, output: str, given: dict[str, Any], *, asked: str, seconds: float | None = None
) -> None:
    """Have a MIDI file played as the options of `order_options` and `here_option` say; `seconds`: only so much of it.

    `asked` tells whether it is the same job as one that was left unfinished.
    """
    if given["here"]:
        _here(midi, output, given, seconds)
        return
    from antiphon.door.rendering import Render, rendered

    options = OutputOptions(
        output,
        given["format_name"],
        given["as_json"],
        given["quiet"],
        given["loudness"],
        title=Path(output).stem,
        as_one=output != "-",
    )
    checked_format(options)
    composition = Render(midi=midi, seconds=seconds, **order_fields({**given, "seed": None}, output)).composition()
    jobs = Jobs(settings, output, given["resume"], asked)
    store = jobs.open(noun="window")
    if store is not None:
        store.note(seed=composition.seed)
    job = CommandJob(rendered(composition), store, jobs, speech=False)
    deliver(settings, options, job, extent=extent_of(composition))


def midi_of(file: Path) -> bytes:
    """The bytes of a file, one more than may be at most. Raises `InputError`."""
    from antiphon.codecs.chip.midi import MAX_BYTES

    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "Name a .mid file.") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{file} is over {MAX_BYTES} bytes", "Cut it into parts.")
    return data


def _here(midi: bytes, output: str, given: dict[str, Any], seconds: float | None) -> None:
    check_here(given)
    form = output_format(output, given["format_name"])
    from antiphon.audio import Waveform
    from antiphon.codecs.chip import ChipCodec, from_midi

    sound = ChipCodec().decode(from_midi(midi))
    if seconds is not None:
        sound = Waveform(sound.samples[:, : round(seconds * sound.rate_hz)], sound.rate_hz)
    write_here(output, form, sound, given["loudness"])
    if not given["quiet"]:
        click.echo(f"{output}  {sound.duration_s:.1f} s", err=output == "-")
