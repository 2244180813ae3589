"""How long a token set of a million recordings takes to open, and how much memory it holds.

    python benchmarks/token_index.py --clips 1000000

The index is synthetic: columns as `prepare` writes them, 10,000 speakers, 4,096 recordings a shard, and no shards,
since opening reads none. A process of its own opens the set, splits it, and plans the batches of an epoch.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import msgspec
import numpy as np

from antiphon.soundstorm.data import columns
from antiphon.soundstorm.data.preparing import INDEX, Index, Kind

PER_SHARD, SPEAKERS = 4_096, 10_000

OPEN = """
import json, resource, sys, time
from pathlib import Path
from antiphon.soundstorm.data import Shards
from antiphon.soundstorm.training.data import BatchPlan
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter(), time.process_time()
tokens = Shards(Path(sys.argv[1]))
opened = time.perf_counter() - began[0], time.process_time() - began[1]
learnt, held_out = tokens.split(0.05)
split = time.process_time() - began[1] - opened[1]
plan = BatchPlan(learnt.lengths(), 256, 20)
plan.at(0)
planned = time.process_time() - began[1] - opened[1] - split
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([len(tokens), len(held_out), *opened, split, planned, (peak - before) / 1024, peak / 1024]))
"""


def synthetic(out: Path, clips: int) -> None:
    """Write the index of a set that has no shards."""
    rng = np.random.default_rng(0)
    rows = np.zeros(clips, columns.ROW)
    rows["shard"], rows["place"] = np.divmod(np.arange(clips), PER_SHARD)
    rows["frames"] = rows["semantic"] = rng.integers(50, 1_500, clips)
    rows["offset"] = np.arange(clips) % PER_SHARD * 7_500
    rows["speaker"] = rows["original"] = rng.integers(0, SPEAKERS, clips)
    rows["saying"] = np.arange(clips)
    rows["draw"], rows["alone"] = rng.integers(0, 2**32, SPEAKERS)[rows["original"]], rng.integers(0, 2**32, clips)
    shards = tuple(f"{n:05d}" for n in range(-(-clips // PER_SHARD)))
    kind = Kind(name="synthetic", vocabulary=(1024,) * 4, frame_rate_hz=50.0)
    index = Index(version=1, codec=kind, semantic=msgspec.structs.replace(kind, vocabulary=(512,)), shards=shards)
    blob = msgspec.json.encode(index)
    names = columns.Names(
        of=hashlib.sha256(blob).hexdigest(),
        shards=tuple(columns.ShardFile(name, hashlib.sha256(name.encode()).hexdigest(), 1) for name in shards),
        speakers=tuple(f"speaker{n}" for n in range(SPEAKERS)),
        originals=tuple(f"speaker{n}" for n in range(SPEAKERS)),
    )
    (out / INDEX).write_bytes(blob)
    for name, content in columns.written(columns.Columns(rows, names)).items():
        (out / name).write_bytes(content)


@click.command()
@click.option("--clips", default=1_000_000, show_default=True)
def main(clips: int) -> None:
    """Seconds and megabytes of a set that is opened, split and planned."""
    with tempfile.TemporaryDirectory() as folder:
        synthetic(Path(folder), clips)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        made = subprocess.run([sys.executable, "-c", OPEN, folder], capture_output=True, text=True, check=True)
    count, held_out, wall, opened, split, planned, more, peak = json.loads(made.stdout)
    click.echo(f"Index       {size / 1e6:.0f} MB for {count:,} recordings, {held_out:,} of them held out")
    click.echo(
        f"Opened      {wall:.2f} s, {opened:.2f} s of CPU; split {split:.2f} s, an epoch planned {planned:.2f} s"
    )
    click.echo(f"Memory      {more:.0f} MB more than before, {peak:.0f} MB with Python, PyTorch and NumPy")


if __name__ == "__main__":
    main()
