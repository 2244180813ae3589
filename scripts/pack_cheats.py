"""What `measure_detection.py` found, as the votes that `antiphon simulate` plays with.

    python scripts/measure_detection.py FOUND.jsonl --area sentences --tries 24
    python scripts/pack_cheats.py FOUND.jsonl src/antiphon/simulation/cheats.json

Only verdicts and scores are kept, in the order in which they were measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from antiphon.economy.types import Verdict
from antiphon.simulation.measured import Counted, Judged

_CHEAT, _HONEST = "cheat rejected: ", "honest "


def packed(rows: list[dict[str, object]]) -> Counted:
    """Votes by cheat, and by honest voice."""
    cheats: dict[str, list[Judged]] = {}
    honest: dict[str, list[Judged]] = {}
    for row in rows:
        name, score = str(row["series"]), row["score_ppm"]
        judged = Judged(verdict=Verdict(str(row["verdict"])), score_ppm=score if isinstance(score, int) else None)
        if name.startswith(_CHEAT):
            cheats.setdefault(name.removeprefix(_CHEAT), []).append(judged)
        elif name.startswith(_HONEST):
            honest.setdefault(name.removeprefix(_HONEST).split()[0], []).append(judged)
    return Counted(
        cheats={name: tuple(votes) for name, votes in cheats.items()},
        honest={name: tuple(votes) for name, votes in honest.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("found", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.found.read_text().splitlines()]
    found = packed(rows)
    given.out.write_text(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
    for name, votes in (found.cheats | found.honest).items():
        invalid = sum(one.verdict is Verdict.INVALID for one in votes)
        print(f"{name:28} {invalid:3} of {len(votes)} invalid")


if __name__ == "__main__":
    main()
