"""Ruby beside the composer, prompt by prompt: adherence by the judge of music, variety, and copies of training pieces.

    python scripts/compare_ruby.py ROWS.jsonl [--prompts 100] [--data DATA]

Each row is one piece of 30 s; run it again to go on where it was stopped, or to tell the summary anew. Adherence is the
mean grade of what the prompt asks for, by the weights of the judge's profile; differences are of the same prompts, with
their standard errors. With DATA (`ruby_data.py prepare`), eight beats of lead out of a training piece are counted.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from measure_ruby import lead_windows

from antiphon.audio import Waveform
from antiphon.economy.scoring import decide
from antiphon.engines.base import Engine
from antiphon.engines.chiptune import ChiptuneEngine
from antiphon.engines.chiptune import score_of as composed
from antiphon.engines.ruby import RubyEngine
from antiphon.judges.metrics import REPETITION, TONALITY, VARIETY
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.meters import MusicMeters
from antiphon.judges.music.scoring import MUSIC
from antiphon.music import prompts
from antiphon.music.score import Score
from antiphon.ruby.arranging import shares
from antiphon.ruby.scores import piece_of
from antiphon.services import MusicRequest

SEED = 38_000
OURS, COMPOSER = "ruby", "composer"
WISHES = tuple(term for term in MUSIC.terms if term.key not in {TONALITY.key, VARIETY.key, REPETITION.key})

Row = dict[str, Any]


@dataclass(frozen=True)
class Maker:
    """An engine, and the notes of what it plays."""

    engine: Engine
    score_of: Callable[[MusicRequest], Score]


def makers() -> dict[str, Maker]:
    ruby = RubyEngine()
    ruby.warm_up()
    return {OURS: Maker(ruby, ruby.score_of), COMPOSER: Maker(ChiptuneEngine(), composed)}


def rows(file: Path, made_by: dict[str, Maker], count: int, seconds: float = 30.0) -> list[Row]:
    """All rows of the first `count` prompts; those that are in the file are not made again."""
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done, judge = {(row["number"], row["engine"]) for row in known}, MusicMeters()
    with file.open("a") as out:
        for number, prompt in enumerate(prompts.prompts(SEED, count)):
            request = MusicRequest(prompt=prompt, seconds=seconds, seed=SEED + number, start_s=0.0, stop_s=seconds)
            for name, maker in made_by.items():
                if (number, name) not in done:
                    row = {"number": number, "engine": name, **piece(maker, judge, request)}
                    out.write(json.dumps(row) + "\n")
                    out.flush()
                    known.append(row)
    return [row for row in known if row["number"] < count]


def piece(maker: Maker, judge: MusicMeters, request: MusicRequest) -> Row:
    chunks = list(maker.engine.generate(request, 0))
    audio = Waveform(np.concatenate([one.samples for one in chunks], axis=1), chunks[0].rate_hz)
    figures = judge.measure(
        MusicEvidence(
            request=request, audio=audio, declared_rate_hz=audio.rate_hz, declared_samples=audio.samples.shape[1]
        )
    )
    values = {f"{one.judge}.{one.name}": float(one.value) for one in figures if one.value is not None}
    tokens = piece_of(maker.score_of(request)).tokens.astype(np.uint8)
    return {
        "prompt": request.prompt,
        "adherence": adherence(values),
        "verdict": str(decide(MUSIC, figures).verdict),
        "variety": values.get(VARIETY.key),
        "repetition": values.get(REPETITION.key),
        "shape": tokens.shape,
        "tokens": base64.b64encode(zlib.compress(tokens.tobytes())).decode(),
    }


def adherence(values: dict[str, float]) -> float | None:
    """0 to 1; None for a prompt that asks for nothing that was measured."""
    measured = [term for term in WISHES if term.key in values]
    if not measured:
        return None
    return math.fsum(t.weight * t.grade(values[t.key]) for t in measured) / math.fsum(t.weight for t in measured)


def tokens_of(row: Row) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(row["tokens"])), np.uint8).reshape(row["shape"])


def paired(all_rows: Sequence[Row], field: str) -> tuple[int, float, float, float, float] | None:
    """Pairs with a value, both means, the mean difference (ours less the composer's) and its standard error."""
    by = {(row["number"], row["engine"]): row[field] for row in all_rows if row[field] is not None}
    pairs = [(by[n, OURS], by[n, COMPOSER]) for n, name in sorted(by) if name == OURS and (n, COMPOSER) in by]
    if not pairs:
        return None
    gaps = [ours - theirs for ours, theirs in pairs]
    error = stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
    return len(pairs), mean(a for a, _ in pairs), mean(b for _, b in pairs), mean(gaps), error


def summary(all_rows: Sequence[Row], data: Path | None) -> Iterator[str]:
    for field in ("adherence", "variety", "repetition"):
        if (found := paired(all_rows, field)) is None:
            yield f"{field}: inconclusive, no prompt has a value of both"
            continue
        count, ours, theirs, gap, error = found
        told = f"Ruby {ours:.3f}, composer {theirs:.3f}; {gap:+.3f}, standard error {error:.3f}"
        yield f"{field} over {count} prompts: {told}"
    for name in (OURS, COMPOSER):
        mine = sorted((row for row in all_rows if row["engine"] == name), key=lambda row: row["number"])
        pieces = [tokens_of(row) for row in mine]
        alike = [shares(one, other) for one, other in itertools.pairwise(pieces)]
        told = f"{name}: {sum(row['verdict'] == 'valid' for row in mine)} of {len(mine)} valid"
        yield told + (f", columns alike between two pieces {mean(alike):.2%}" if alike else "")
        if data is not None:
            known = learnt_windows(data)
            copies = sum(any(window in known for window in lead_windows(one)) for one in pieces)
            yield f"{name}: {copies} of {len(pieces)} have eight beats of lead out of a training piece"


def learnt_windows(data: Path) -> set[bytes]:
    from antiphon.ruby.training.data import load

    return {window for one in load(data, "train") for window in lead_windows(one.piece.tokens)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    for line in summary(rows(given.rows, makers(), given.prompts), given.data):
        print(line)


if __name__ == "__main__":
    main()
