"""One ledger in a file and in PostgreSQL: operations a second, and a network's own time per task, in one run.

    python benchmarks/ledger_databases.py --db postgresql://USER@HOST:PORT/DATABASE

The database must be new; each turn makes a schema of its own there. Turns alternate, and the table shows medians.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import psycopg

from antiphon.bench.overhead import measured
from antiphon.clock import SystemClock
from antiphon.ledger.operations import OPERATION_KIND, Deposit
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.identity import Identity

OPERATIONS = 1_000


async def deposits(place: str, at_once: int) -> tuple[float, float]:
    """Signed deposits a second, so many at a time, and the CPU time of this process for each, in ms."""
    operator, clock = Identity.generate(), SystemClock()
    ledger = await SqlLedger.open(place, operator=operator, clock=clock)
    body = canonical.encode(Deposit(account=operator.node_id, amount_nano=1))
    took_s = cpu_s = 0.0
    for _ in range(OPERATIONS // at_once):
        signed = [
            envelopes.sign(operator, kind=OPERATION_KIND, receiver=operator.node_id, task="", body=body, clock=clock)
            for _ in range(at_once)
        ]
        began, cpu_began = time.perf_counter(), time.process_time()
        await asyncio.gather(*map(ledger.submit, signed))
        took_s += time.perf_counter() - began
        cpu_s += time.process_time() - cpu_began
    await ledger.close()
    return OPERATIONS / took_s, 1_000 * cpu_s / OPERATIONS


async def turn(new_place: Places, found: dict[str, list[float]]) -> None:
    for at_once in (1, 50):
        rate, cpu_ms = await deposits(new_place(), at_once)
        found[f"deposits a second, {at_once} at once"].append(rate)
        found["CPU time of the ledger's process (ms)"].append(cpu_ms)
    async for figure in measured(new_place(), many=0):
        if figure.unit != "MB":
            found[f"{figure.name} ({figure.unit})"].append(float(figure.value))


class Places:
    """New places for ledgers: files in a folder, or schemas of a database."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder, self._url, self._count = folder, url, 0

    def __call__(self) -> str:
        self._count += 1
        if not self._url:
            return str(self._folder / f"ledger-{self._count}.db")
        name = f"turn_{self._count}"
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute(f"CREATE SCHEMA {name}")
        return f"{self._url}?options=-csearch_path%3D{name}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, metavar="URL")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"SQLite": Places(Path(folder)), "PostgreSQL": Places(Path(folder), given.db)}
        found: dict[str, dict[str, list[float]]] = {kind: defaultdict(list) for kind in kinds}
        for _ in range(given.turns):
            for kind, places in kinds.items():
                asyncio.run(turn(places, found[kind]))
    for name in found["SQLite"]:
        file, server = (median(found[kind][name]) for kind in kinds)
        print(f"{name:45} SQLite {file:10.2f}   PostgreSQL {server:10.2f}   ratio {server / file:5.2f}")


if __name__ == "__main__":
    main()
