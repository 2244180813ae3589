"""Statistics of melody, harmony and dynamics: of composed pieces, and of MIDI files and recordings by people.

    python benchmarks/music_statistics.py ours --seconds 60
    python benchmarks/music_statistics.py people FOLDER...      # of .mid files, all that can be read
    python benchmarks/music_statistics.py ours --against FOLDER # shares within people's 10-90%
    python benchmarks/music_statistics.py blind --against FOLDER # can a classifier tell ours from people's?
    python benchmarks/music_statistics.py keep FOLDER...        # people's, as `antiphon bench --only music` has them

People's lead is, of the parts that play one note at a time and not in the bass, the highest that is active in a third
of the bars. Recordings of tracker modules are made by any player (`openmpt123 --render`). Notes are laid on a grid of
24 ticks a beat. A rest lasts a sixteenth at least, and half a beat of it ends a phrase. Both kinds of piece are read
from MIDI by this one reader; loudness from audio (recordings, or our chip).
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import mido
import numpy as np
import soundfile

from antiphon.bench import music_statistics
from antiphon.bench.music_statistics import LOUDNESS, PEOPLES, loudness_range, measured, of_ours, opened, told_apart


def of_people(folders: tuple[Path, ...]) -> list[dict[str, float]]:
    rows = []
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix.lower() in (".wav", ".flac", ".ogg"):
            samples, rate = soundfile.read(path, always_2d=True)
            rows.append({LOUDNESS: loudness_range(samples.mean(axis=1), rate)})
        elif path.suffix.lower() in (".mid", ".midi"):
            try:
                music = opened(mido.MidiFile(path, clip=True))
            except (OSError, EOFError, ValueError, mido.midifiles.meta.KeySignatureError):
                continue
            if music:
                rows.append(measured(music))
    return rows


def show(rows: list[dict[str, float]], people: list[dict[str, float]]) -> None:
    click.echo(f"{len(rows)} pieces" + (f" against {len(people)}" if people else ""))
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row]
        low, middle, high = np.percentile(values, (10, 50, 90))
        line = f"| {name} | {middle:.1f} [{low:.1f} to {high:.1f}] |"
        theirs = [row[name] for row in people if name in row]
        if theirs:
            low, middle, high = np.percentile(theirs, (10, 50, 90))
            share = float(np.mean([low <= value <= high for value in values]))
            line += f" {middle:.1f} [{low:.1f} to {high:.1f}] | {100 * share:.0f}% |"
        click.echo(line)


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command(help="MIDI files and recordings by people.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def people(folders: tuple[Path, ...]) -> None:
    show(of_people(folders), [])


@main.command(help="Write people's statistics, and no note, where the bench reads them.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def keep(folders: tuple[Path, ...]) -> None:
    rows = [{name: round(value, 2) for name, value in row.items()} for row in of_people(folders)]
    Path(music_statistics.__file__).with_name(PEOPLES).write_text(json.dumps(rows, indent=0) + "\n")
    click.echo(f"{len(rows)} pieces")


@main.command(help="Pieces of every style.")
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--against", multiple=True, type=click.Path(exists=True, path_type=Path))
def ours(seconds: float, seeds: int, against: tuple[Path, ...]) -> None:
    show(of_ours(seconds, seeds), of_people(against))


@main.command(help="How well a classifier that learns on one half tells ours from people's in the other.")
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--against", multiple=True, required=True, type=click.Path(exists=True, path_type=Path))
def blind(seconds: float, seeds: int, against: tuple[Path, ...]) -> None:
    people = [row for row in of_people(against) if len(row) > 1]
    together, alone = told_apart(of_ours(seconds, seeds), people)
    click.echo(f"right in {100 * together:.0f}% of the other half, {len(people)} pieces by people; by one alone:")
    for name, share in sorted(alone.items(), key=lambda item: -item[1]):
        click.echo(f"| {name} | {100 * share:.0f}% |")


if __name__ == "__main__":
    main()
