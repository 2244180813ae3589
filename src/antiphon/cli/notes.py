"""What a composition is written as besides its sound: notes for sequencers, and the sound of each part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.audio import Waveform
    from antiphon.client.composing import Composition
    from antiphon.music import Score

C = TypeVar("C", bound=Callable[..., Any])
FILES = ("midi", "score", "module")
FOLDERS = ("stems", "layers")


def notes_options(command: C) -> C:
    """`--midi`, `--score`, `--module`, `--stems` and `--layers`."""
    a_file = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        (
            click.option("--midi", type=a_file, help="Also write the notes as MIDI."),
            click.option("--score", type=a_file, help="Also write the notes as MusicXML."),
            click.option(
                "--module",
                type=a_file,
                help="Also write them as a tracker's module (.xm), or for a NES's sound chip (.nsf or .vgm).",
            ),
            click.option(
                "--stems",
                type=click.Path(path_type=Path, file_okay=False),
                help="Also write each part by itself into this folder (WAV); together they are the piece as it is with "
                "--loudness off.",
            ),
            click.option(
                "--layers",
                type=click.Path(path_type=Path, file_okay=False),
                help="Also write layers of intensity into this folder (WAV): calm, moving on top of it, and full on "
                "top of both, which is the piece.",
            ),
        )
    ):
        command = option(command)
    return command


def check_notes(composition: Composition, given: dict[str, Any]) -> None:
    """Raises `InputError` or `OutputError` where something cannot be written: before anything starts."""
    from antiphon.engines import scored

    files = [given[name] for name in FILES if given[name] is not None]
    folders = [given[name] for name in FOLDERS if given[name] is not None]
    if (files or folders) and (composition.engine or scored.DEFAULT) not in scored.ENGINES:
        raise InputError(
            f"Only pieces of {' and '.join(scored.ENGINES)} can be written as notes",
            "Leave --engine out, or --midi, --score and the like.",
        )
    if (files or folders) and composition.asset:
        raise InputError(
            "Notes are written here, with the weights that ship", "Leave --asset out, or --midi, --score and the like."
        )
    for path in (*files, *folders):
        if not path.parent.is_dir():
            raise OutputError(f"The folder of {path} does not exist", "Make it, or choose another place.")


def write_notes(composition: Composition, given: dict[str, Any]) -> None:
    """The same composition once more, as notes and parts."""
    if not any(given[name] for name in (*FILES, *FOLDERS)):
        return
    from antiphon.engines import scored
    from antiphon.music import layers, stems, to_midi, to_musicxml, to_nsf, to_vgm, to_xm

    to_module = {".nsf": to_nsf, ".vgm": to_vgm}.get(Path(given["module"] or "").suffix.lower(), to_xm)
    score = scored.score_of(next(composition.requests()), composition.engine)
    for name, write in zip(FILES, (to_midi, to_musicxml, to_module), strict=True):
        if given[name] is not None:
            with _told(given[name]):
                given[name].write_bytes(write(score))
    for name, parts in zip(FOLDERS, (stems, layers), strict=True):
        if given[name] is not None:
            with _told(given[name]):
                _write_parts(score, given[name], parts(score))


def _write_parts(score: Score, folder: Path, parts: Iterable[tuple[str, Waveform]]) -> None:
    from antiphon.audio import AudioWriter, Tags, format_named

    folder.mkdir(exist_ok=True)
    tags = Tags(loop_s=score.seconds if score.loop else None, loop_from_s=score.second(score.loop_start))
    for name, sound in parts:
        writer = AudioWriter(str(folder / f"{name}.wav"), format_named("wav"), sound.rate_hz, 2, tags=tags)
        writer.write(sound)
        writer.close()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}", "Choose another place.") from error
