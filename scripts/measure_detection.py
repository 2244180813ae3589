"""Cheats caught and honest work wronged, one delivery a line, so that a long count can be ended and gone on with.

    python scripts/measure_detection.py FILE [--area short|sentences] [--tries 100]    measure what FILE lacks
    python scripts/measure_detection.py FILE --table                                   the figures of what is in it

The same orders and cheats as `antiphon bench --only network`, whose last two steps these are. Each line of FILE holds
the order, the verdict and all measurements. Whoever changes a judge begins a new FILE.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from antiphon.bench.detection import Series, sentence_series, short_series
from antiphon.economy.types import Verdict
from antiphon.nodes.evaluation import Evaluator
from antiphon.nodes.evaluation.evaluator import evaluator_of

AREAS = {"short": short_series, "sentences": sentence_series}


def measure(path: Path, series: Iterable[Series]) -> None:
    known = Counter(row["series"] for row in _rows(path))
    evaluator = evaluator_of("antiphon")
    with path.open("a") as file:
        for one in series:
            for number, case in enumerate(one.orders(known[one.name]), known[one.name]):
                row = {"series": one.name, "number": number, "voice": case.request.voice, "text": case.request.text}
                file.write(json.dumps(row | _judged(evaluator, one, case)) + "\n")
                file.flush()


def _judged(evaluator: Evaluator, series: Series, case: Any) -> dict[str, Any]:
    vote = evaluator.vote(series.deliver(case))
    values = {f"{m.judge}.{m.name}": m.value for m in vote.measurements if m.value is not None}
    reasons = {f"{m.judge}.{m.name}": m.reason for m in vote.measurements if m.reason is not None}
    return {"verdict": vote.verdict, "score_ppm": vote.score_ppm, "values": values, "reasons": reasons}


def table(path: Path, series: Iterable[Series]) -> None:
    counts: dict[str, Counter[Verdict]] = {}
    for row in _rows(path):
        counts.setdefault(row["series"], Counter())[Verdict(row["verdict"])] += 1
    for one in series:
        if one.name in counts:
            found = one.figure(counts[one.name])
            reached = {None: "", True: "yes", False: "NO"}[found.reached]
            print(f"{found.name:62} {found.value:6.1f} {found.unit} {found.target:6} {reached:4} {found.note}")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    chosen = [one for area in given.area or AREAS for one in AREAS[area](given.tries)]
    if not given.table:
        measure(given.file, chosen)
    table(given.file, chosen)


if __name__ == "__main__":
    main()
