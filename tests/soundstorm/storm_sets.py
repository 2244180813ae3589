"""A token set as `prepare` writes one, of any number of made-up recordings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
from storm_fakes import numbers

from antiphon.soundstorm.data import columns
from antiphon.soundstorm.data.manifest import Entry
from antiphon.soundstorm.data.preparing import INDEX, Index, Kind, Shard

LEVELS = 2


def token_set(out: Path, recordings: int, *, per_shard: int = 5, indexed: bool = True) -> Path:
    """As `prepare` writes one; speakers s0, s1, ... and a changed copy of each third recording."""
    out.mkdir(parents=True)
    kinds = [Kind(name="c", vocabulary=sizes, frame_rate_hz=50.0) for sizes in ((16, 8), (9,))]
    listed = []
    for number, start in enumerate(range(0, recordings, per_shard)):
        entries, parts, offset = [], [], 0
        for n in range(start, min(start + per_shard, recordings)):
            frames = 20 + n % 7
            speaker = f"s{n % 4}" + ("-at-low" if n % 3 == 0 else "")
            entries.append(
                Entry(path=f"{speaker}/{n // 8}.wav", sha256=f"{n:064x}", speaker=speaker, licence="x", seconds=1.0,
                      phonemes="a" if n % 2 else "", offset=offset, frames=frames, semantic=frames)
            )  # fmt: skip
            parts.append(numbers(LEVELS * frames, 8, n))
            parts.append(numbers(frames, 9, 100 + n))
            offset += (LEVELS + 1) * frames
        name = f"{number:05d}"
        np.save(out / f"{name}.npy", np.concatenate(parts))
        digest = hashlib.sha256((out / f"{name}.npy").read_bytes()).hexdigest()
        (out / f"{name}.json").write_bytes(
            msgspec.json.encode(Shard(key="k", sha256=digest, entries=tuple(entries), rejected=()))
        )
        listed.append((name, digest, entries))
    dropped = ("00000/1",)
    index = Index(version=1, codec=kinds[0], semantic=kinds[1], shards=tuple(n for n, *_ in listed), dropped=dropped)
    blob = msgspec.json.encode(index)
    (out / INDEX).write_bytes(blob)
    if indexed:
        made = columns.built(hashlib.sha256(blob).hexdigest(), listed, frozenset(dropped), LEVELS)
        for name, content in columns.written(made).items():
            (out / name).write_bytes(content)
    return out
