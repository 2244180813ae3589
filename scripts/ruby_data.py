"""Prepare what Ruby learns from: music by people (`ruby_sources.py`) and by the composer.

    python scripts/ruby_data.py fetch FOLDER          # Debian packages, by apt-get download; unpacked into FOLDER/raw
    python scripts/ruby_data.py prepare FOLDER        # FOLDER/pieces.jsonl, tokens.npz, texts.npz and more

A piece's sidecar is a line of `pieces.jsonl`: name, split, source, composer, licence, attributes by analysis, texts.
Test pieces are apart by composer.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from ruby_modules import read_module
from ruby_sources import REDFARN, SOURCES, Source

from antiphon.errors import InputError
from antiphon.music import compose, read
from antiphon.music.meaning import MOODS as MOOD_WORDS
from antiphon.music.meaning import STYLES as STYLE_WORDS
from antiphon.music.meaning import embed
from antiphon.music.styles import MOODS, STYLES
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import Piece, arranged, measured
from antiphon.ruby.conditions import of_plan
from antiphon.ruby.midi import read_midi
from antiphon.ruby.scores import piece_of

MODULES = {".xm", ".mod", ".it", ".s3m"}
COMPOSED, COMPOSED_TEST = 1_600, 80
KEYS = ("C", "D", "E", "F", "G", "A", "B", "Bb", "Eb")


def fetch(folder: Path) -> None:
    for source in SOURCES:
        target = folder / "raw" / source.package
        if target.exists():
            continue
        target.mkdir(parents=True)
        subprocess.run(["apt-get", "download", source.package], cwd=target, check=True)
        (deb,) = target.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", str(deb), str(target)], check=True)


def files_of(source: Source, raw: Path) -> Iterator[Path]:
    for path in sorted((raw / source.package).rglob("*")):
        kind = "".join(path.suffixes[-2:]).lower() if path.suffix == ".gz" else path.suffix.lower()
        if not path.is_file() or kind not in MODULES | {".mid", ".mid.gz"}:
            continue
        name = str(path)
        if (source.only and not any(part in name for part in source.only)) or any(w in name for w in source.without):
            continue
        yield path


def by_people(raw: Path) -> Iterator[tuple[Piece, dict[str, object]]]:
    for source in SOURCES:
        for path in files_of(source, raw):
            try:
                if path.suffix.lower() in MODULES:
                    reading = read_module(path)
                else:
                    reading = read_midi(
                        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                    )
                piece = arranged(reading)
            except InputError as error:
                print(f"left out: {source.package} {path.name}: {error}", file=sys.stderr)
                continue
            named = next((who for part, who in source.composers.items() if part in path.name), source.composer)
            composer = named or f"{source.package} {path.stem}"
            attributes = msgspec.structs.replace(measured(piece), origin="people")
            yield (
                piece,
                {
                    "name": f"{source.package}/{path.name}",
                    "split": "test" if source.test or composer == REDFARN else "train",
                    "source": source.package,
                    "composer": composer,
                    "licence": source.licence,
                    "attributes": msgspec.to_builtins(attributes),
                    "texts": described(piece, source.words),
                },
            )


def described(piece: Piece, words: tuple[str, ...]) -> list[str]:
    """What is known of a piece in words: of its source, and what was measured."""
    heard = measured(piece)
    pace = "slow" if piece.quarter_bpm < 90 else "fast" if piece.quarter_bpm > 145 else "moderate"
    fill = "sparse" if (heard.density or 0) < 0.25 else "dense" if (heard.density or 0) > 0.6 else "flowing"
    drums = "no drums" if "no drums" in heard.instruments else "with drums"
    plain = f"{pace}, {fill} music in a {piece.mode} key, {drums}"
    return [*words, plain, *(f"{pace} {one}, {piece.mode}, {drums}" for one in words)]


def by_composer(first: int, count: int, split: str) -> Iterator[tuple[Piece, dict[str, object]]]:
    for seed in range(first, first + count):
        rng = random.Random(f"ruby/{seed}")
        style, mood = rng.choice(sorted(STYLES)), rng.choice([*sorted(MOODS), ""])
        key = f"{rng.choice(KEYS)} {rng.choice(['major', 'minor'])}" if rng.random() < 0.4 else ""
        bpm = f"{rng.randint(60, 180)} bpm" if rng.random() < 0.4 else ""
        prompt = ", ".join(part for part in (f"{mood} {style.replace('_', ' ')}".strip(), key, bpm) if part)
        brief = msgspec.structs.replace(read(prompt), style=style, mood=mood or None)
        score = compose(brief, rng.uniform(24, 60), seed, loop=rng.random() < 0.3)
        from antiphon.music.planning import plan

        attributes = of_plan(plan(brief, score.seconds, seed, loop=score.loop))
        yield (
            piece_of(score),
            {
                "name": f"composer/{seed}",
                "split": split,
                "source": "composer",
                "composer": "composer",
                "licence": "MIT",
                "attributes": msgspec.to_builtins(msgspec.structs.replace(attributes, origin="composer")),
                "texts": worded(style, mood, prompt, rng),
            },
        )


def worded(style: str, mood: str, prompt: str, rng: random.Random) -> list[str]:
    name = style.replace("_", " ")
    words = STYLE_WORDS.get(style, f"{name} music")
    feeling = MOOD_WORDS.get(mood, "")
    more = rng.choice(["music for a game", "chiptune", "8-bit tune", "theme"])
    return [prompt, f"{mood} {name} {more}".strip(), f"{words} {feeling}".strip(), f"{feeling} {more}, {name}".strip()]


def prepare(folder: Path) -> None:
    rows, tokens, texts = [], {}, {}
    pieces = [*by_people(folder / "raw"), *by_composer(0, COMPOSED, "train")]
    pieces += by_composer(1_000_000, COMPOSED_TEST, "test")
    for number, (piece, about) in enumerate(pieces):
        rows.append(about | {"tonic": piece.tonic, "mode": piece.mode, "meter": piece.meter, "bpm": piece.quarter_bpm})
        tokens[str(number)] = piece.tokens.astype(np.uint8)
        for text in about["texts"]:  # type: ignore[attr-defined]
            if text not in texts:
                texts[text] = embed(text).astype(np.float16)
    np.savez_compressed(folder / "tokens.npz", **tokens)
    np.savez_compressed(folder / "texts.npz", texts=np.array(list(texts)), vectors=np.stack(list(texts.values())))
    (folder / "pieces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "sources.md").write_text(table(rows, tokens))
    print((folder / "sources.md").read_text())
    made = ("pieces.jsonl", "tokens.npz", "texts.npz")
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in made}
    (folder / "SHA256SUMS").write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sums.items()))


def table(rows: list[dict[str, object]], tokens: dict[str, np.ndarray]) -> str:
    lines = ["| source | licence | pieces | minutes | events | of them test |", "|---|---|---|---|---|---|"]
    for source in [*(one.package for one in SOURCES), "composer"]:
        mine = [(row, tokens[str(n)]) for n, row in enumerate(rows) if row["source"] == source]
        if not mine:
            continue
        minutes = sum(grid_.shape[1] / 4 / float(row["bpm"]) for row, grid_ in mine)  # type: ignore[arg-type]
        events = sum(int(grid.onsets(grid_).sum()) for _, grid_ in mine)
        test = sum(row["split"] == "test" for row, _ in mine)
        lines.append(f"| {source} | {mine[0][0]['licence']} | {len(mine)} | {minutes:.0f} | {events} | {test} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["fetch", "prepare"])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    (fetch if given.verb == "fetch" else prepare)(given.folder)
