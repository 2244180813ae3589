"""Teach the judge of style, and print how often it is right; writes `src/antiphon/judges/music/styles.npz`.

    apt-get install mma fluidsynth timgm6mb-soundfont     # grooves by people (GPL-2), a player, its instruments
    python scripts/style_judge.py people WORK             # 173 accompaniments, each 30 s as features
    python scripts/style_judge.py ours WORK               # 14 pieces of each style
    python scripts/style_judge.py learn WORK --ship       # halves first: rates; then all of it, shipped

MMA's grooves are accompaniments of bass, chords and drums by several arrangers (its own library, and transcriptions of
Casio, Zoom and Yamaha machines), named by genre: that name is the label. No audio is kept, and no note of a groove is
in the table.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import mido
import numpy as np

from antiphon.analysis import genre
from antiphon.analysis.sound import Sound
from antiphon.audio import Waveform
from antiphon.codecs.chip import ChipCodec
from antiphon.judges.music.styles import NAMES
from antiphon.music import arrange, compose, read

SECONDS, RATE_HZ = 30.0, 22_050
LIBRARIES = ("stdlib", "casio", "kara", "zoom", "alexis", "yamaha")
CHORDS = ["C", "Am", "F", "G7", "C", "Em", "F", "G7", "Am", "Dm", "G7", "C", "F", "Fm", "G7", "C"]
SHRINKAGE = 0.3
PEOPLES_WEIGHT = 2.0
GENRES = {
    "bossa": "bossa",
    "waltz": "waltz",
    "polka": "polka",
    "tango": "tango",
    "samba": "samba",
    "funk": "funk",
    "country": "country|cntry|bluegrass|western",
    "metal": "mtl|thr|hrk|heavymetal",
    "ska": "^ska",
    "reggae": "reggae",
    "ragtime": "ragtime|dixie$|charleston",
    "hymn": "hymn|spiritual",
    "march": "march",
    "hiphop": "hip|trip",
    "dnb": "dnb",
    "blues": "blues|boogie|boggie",
    "jazz": "jazz|swing|bebop|bigband|evansish",
    "techno": "techno|trance|house|rave|dance",
    "ambient": "ambient",
    "lullaby": "lullaby",
    "ballad": "ballad",
    "rock": "rock",
}
"""Our style -> what a groove's file is called; the first that fits counts."""


class Row(NamedTuple):
    features: np.ndarray
    style: str
    source: str


def label(name: str) -> str | None:
    return next((style for style, words in GENRES.items() if re.search(words, name)), None)


def grooves(library: Path) -> Iterator[tuple[str, str, str]]:
    """(arranger, file, groove): the first of each file that is no introduction and no ending."""
    for arranger in LIBRARIES:
        for path in sorted((library / arranger).glob("*.mma")):
            names = re.findall(r"^\s*DefGroove\s+(\S+)", path.read_text(errors="replace"), re.MULTILINE | re.IGNORECASE)
            plain = [name for name in names if not re.search("intro|end|fill|metronome", name, re.IGNORECASE)]
            if plain and label(path.stem):
                yield arranger, path.stem, plain[0]


def performed(arranger: str, file: str, groove: str, work: Path, soundfont: Path) -> tuple[Waveform, float] | None:
    """Half a minute of a groove over `CHORDS`, and its beats a minute."""
    source = work / f"{arranger}-{file}.mma"
    source.write_text(
        f"Groove {arranger}/{file}:{groove}\n" + "\n".join(f"{n + 1} {c}" for n, c in enumerate(CHORDS * 3))
    )
    subprocess.run(["mma", str(source)], check=False, capture_output=True)
    midi = source.with_suffix(".mid")
    if not midi.is_file():
        return None
    messages = [message for track in mido.MidiFile(midi).tracks for message in track]
    bpm = next((mido.tempo2bpm(m.tempo) for m in messages if m.type == "set_tempo"), 120.0)
    compound = any(m.type == "time_signature" and m.denominator == 8 and m.numerator % 3 == 0 for m in messages)
    play = [
        "fluidsynth",
        "-ni",
        "-g",
        "0.6",
        "-R",
        "0",
        "-C",
        "0",
        "-r",
        str(RATE_HZ),
        "-T",
        "raw",
        "-O",
        "s16",
        "-F",
        "-",
    ]
    wanted = int(SECONDS * RATE_HZ) * 4
    with subprocess.Popen(
        [*play, str(soundfont), str(midi)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as player:
        assert player.stdout is not None
        raw = player.stdout.read(wanted)  # it would play a hanging note for ever
        player.kill()
    if len(raw) < wanted:
        return None
    return Waveform.from_pcm16(raw, RATE_HZ, 2), bpm / 1.5 if compound else bpm


def ours(style: str, seed: int) -> Row | None:
    rng = random.Random(f"{style} {seed}")
    prompt = f"{style}, {rng.randint(66, 190)} bpm" if seed % 2 else style
    score = compose(read(prompt), SECONDS, 1_000 + seed)
    found = genre.features(Sound(ChipCodec().decode(arrange(score))), score.tempo_bpm)
    return None if found is None else Row(found, style, f"ours {seed}")


def keep(rows: list[Row], path: Path) -> None:
    np.savez_compressed(
        path,
        features=np.array([row.features for row in rows], dtype=np.float32),
        styles=np.array([row.style for row in rows]),
        sources=np.array([row.source for row in rows]),
    )


def kept(path: Path) -> list[Row]:
    with np.load(path) as found:
        return [
            Row(*row) for row in zip(found["features"].astype(float), found["styles"], found["sources"], strict=True)
        ]


def learnt(rows: list[Row]) -> dict[str, np.ndarray]:
    """Linear discriminants with a shared covariance, drawn towards the identity (Friedman 1989)."""
    values = np.array([row.features for row in rows])
    places = np.array([NAMES.index(row.style) for row in rows])
    weights = np.array([1.0 if row.source.startswith("ours") else PEOPLES_WEIGHT for row in rows])
    mean = np.average(values, axis=0, weights=weights)
    scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights)) + 1e-6
    scaled = (values - mean) / scale
    means = np.array([np.average(scaled[places == n], axis=0, weights=weights[places == n]) for n in range(len(NAMES))])
    rest = scaled - means[places]
    covariance = (rest * weights[:, None]).T @ rest / weights.sum()
    even = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    table = np.linalg.solve((1 - SHRINKAGE) * covariance + SHRINKAGE * even, means.T).T
    return {"mean": mean, "scale": scale, "weights": table, "bias": -0.5 * (table * means).sum(axis=1)}


def report(title: str, table: dict[str, np.ndarray], rows: list[Row]) -> None:
    scores = np.array(
        [table["weights"] @ ((r.features - table["mean"]) / table["scale"]) + table["bias"] for r in rows]
    )
    own = np.array([NAMES.index(row.style) for row in rows])
    mine = scores[np.arange(len(rows)), own][:, None]
    ranks = (scores > mine).sum(axis=1)
    gaps = scores.max(axis=1, keepdims=True) - scores
    others = np.delete(gaps.ravel(), np.arange(len(rows)) * len(NAMES) + own)
    asked = gaps[np.arange(len(rows)), own]
    click.echo(
        f"| {title} | {len(rows)} | {100 * np.mean(ranks == 0):.0f}% | {100 * np.mean(ranks < 3):.0f}% | "
        f"{100 * (1 - ranks.mean() / (len(NAMES) - 1)):.0f}% | {np.median(asked):.1f}, "
        f"{np.percentile(asked, 90):.1f} | "
        f"{np.percentile(others, 10):.1f}, {np.median(others):.1f} |"
    )


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command(help="Accompaniments by people.")
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--library", default=Path("/usr/share/mma/lib"), type=click.Path(exists=True, path_type=Path))
@click.option(
    "--soundfont", default=Path("/usr/share/sounds/sf2/TimGM6mb.sf2"), type=click.Path(exists=True, path_type=Path)
)
def people(work: Path, library: Path, soundfont: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for arranger, file, groove in grooves(library):
        played = performed(arranger, file, groove, work, soundfont)
        found = genre.features(Sound(played[0]), played[1]) if played else None
        if found is not None:
            rows.append(Row(found, str(label(file)), arranger))
    keep(rows, work / "people.npz")
    click.echo(f"{len(rows)} accompaniments")


@main.command("ours", help="Pieces of our composer.")
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--seeds", default=14, show_default=True)
def ours_command(work: Path, seeds: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    keep([row for style in NAMES for seed in range(seeds) if (row := ours(style, seed))], work / "ours.npz")


@main.command(help="Learn the table; rates are of rows that were not learnt from.")
@click.argument("work", type=click.Path(exists=True, path_type=Path))
@click.option("--ship", is_flag=True, help="Write the table that the judges use.")
def learn(work: Path, ship: bool) -> None:
    own, theirs = kept(work / "ours.npz"), kept(work / "people.npz")
    early = [row for row in own if int(row.source.split()[1]) % 4 != 3]
    late = [row for row in own if int(row.source.split()[1]) % 4 == 3]
    click.echo(
        "| learnt from, tried on | pieces | right of all | among three | pairs | gap of the asked: median, 90% | "
        "of others: 10%, median |"
    )
    click.echo("|---|---|---|---|---|---|---|")
    report("ours, ours of other seeds", learnt(early), late)
    report("ours, people", learnt(early), theirs)
    for name in (("casio",), ("stdlib",), ("zoom", "kara", "alexis", "yamaha")):
        apart = [row for row in theirs if row.source in name]
        table = learnt([*early, *(row for row in theirs if row.source not in name)])
        report(f"ours and people, {', '.join(name)}", table, apart)
    half = [row for row in theirs if row.source != "stdlib"]
    report("ours and people but stdlib, ours of other seeds", learnt([*early, *half]), late)
    if ship:
        table = {name: value.astype(np.float32) for name, value in learnt([*early, *half]).items()}
        np.savez_compressed(Path("src/antiphon/judges/music/styles.npz"), **table)
        apart = [row for row in theirs if row.source == "stdlib"]
        keep([*apart, *late], Path("tests/judges/style_features.npz"))


if __name__ == "__main__":
    main()
