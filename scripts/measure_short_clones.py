"""Clones of one to four words, one delivery a line, so that a long count can be ended and gone on with.

    python scripts/measure_short_clones.py FILE ENGINE [--honest 300] [--tries 100] [--same-machine]
    python scripts/measure_short_clones.py FILE ENGINE --table

Orders and cheats are those of `antiphon bench --only sound`. What honest nodes deliver is made as on another machine:
by onnxruntime without its optimisations, so that the same seed gives other last bits. Whoever changes a judge begins a
new FILE.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import onnxruntime

from antiphon.bench import short_clones
from antiphon.bench.clone_cheats import Studio
from antiphon.bench.short_clones import CHEATS, honest, orders, references, vote
from antiphon.bench.sound import consent_to
from antiphon.economy.scoring import violations
from antiphon.economy.types import Verdict
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.judges.cloning import CloneMeters, clone_expectation
from antiphon.judges.cloning.scoring import CLONE
from antiphon.judges.speech.judge import new_meters
from antiphon.nodes.evaluation.rendering import render

ENGINES = {"mimic": MimicEngine, "soundstorm": SoundStormEngine}


@contextmanager
def another_machine() -> Iterator[None]:
    """Sessions that are made within sum in another order."""
    usual = onnxruntime.InferenceSession

    def plain(source: Any, options: Any, **named: Any) -> Any:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return usual(source, options, **named)

    onnxruntime.InferenceSession = plain
    try:
        yield
    finally:
        onnxruntime.InferenceSession = usual


def studios(engine: str, *, same: bool) -> tuple[Studio, Studio]:
    """The validator's, and an honest producer's."""
    ours = ENGINES[engine]()
    ours.warm_up()
    if same:
        both = Studio(cast(Cloner, ours))
        return both, both
    with another_machine():
        theirs = ENGINES[engine]()
        theirs.warm_up()
    return Studio(cast(Cloner, ours)), Studio(cast(Cloner, theirs))


def measure(path: Path, engine: str, honest_tries: int, tries: int, *, same: bool) -> None:
    ours, theirs = studios(engine, same=same)
    judges = CloneMeters(new_meters(render), ours.render)
    speakers = [ours.enrol(name, clip, consent_to(clip)) for name, clip in references().items()]
    known = Counter(row["kind"] for row in _rows(path, engine))
    work = {"honest": (honest, honest_tries, 5, theirs)}
    work |= {name: (cheat, tries, 6, ours) for name, cheat in CHEATS.items()}
    with path.open("a") as file:
        for kind, (deliver, count, seed, studio) in work.items():
            for number, order in enumerate(orders(speakers, count, seed)):
                if number < known[kind]:
                    continue
                found = vote(judges, order, deliver(order, studio))
                profile = CLONE.expecting(clone_expectation(order.request))
                row = {
                    "engine": engine,
                    "kind": kind,
                    "voice": order.speaker.name,
                    "text": order.text,
                    "stranger": order.stranger.name,
                    "other": order.other_text,
                    "verdict": found.verdict,
                    "score_ppm": found.score_ppm,
                    "violated": sorted(violations(profile, found.measurements)),
                    "values": {f"{m.judge}.{m.name}": m.value for m in found.measurements if m.value is not None},
                    "reasons": {f"{m.judge}.{m.name}": m.reason for m in found.measurements if m.reason is not None},
                }
                file.write(json.dumps(row) + "\n")
                file.flush()


def table(path: Path, engine: str) -> None:
    counts: dict[str, Counter[str]] = {}
    for row in _rows(path, engine):
        counts.setdefault(row["kind"], Counter())[row["verdict"]] += 1
    for kind, found in counts.items():
        verdicts = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict)
        print(f"{engine:10} {kind:20} {sum(found.values()):4} tries: {verdicts}")


def _rows(path: Path, engine: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["engine"] == engine]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--honest", type=int, default=4 * len(short_clones.TEXTS))
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--same-machine", action="store_true", help="Honest nodes and validators on one machine.")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not given.table:
        measure(given.file, given.engine, given.honest, given.tries, same=given.same_machine)
    table(given.file, given.engine)


if __name__ == "__main__":
    main()
