"""How often `antiphon book --cast` is right about who speaks: against novels whose quotations people have labelled.

    git clone https://github.com/Priya22/project-dialogism-novel-corpus
    python scripts/measure_speakers.py project-dialogism-novel-corpus/data/Emma ...

Of each novel: quotations, then by kind (explicit: a tag names the speaker; anaphoric: he, she, a description; implicit:
no tag) and of all the shares right, wrong and unknown. Nothing of the corpus is in this repository.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections import Counter
from pathlib import Path

from antiphon.books.speakers import attributed


def main() -> None:
    totals = Counter[tuple[str, str]]()
    for folder in map(Path, sys.argv[1:]):
        found = measured(folder)
        totals += found
        print(f"{folder.name:32} {told(found)}")
    print(f"{'all':32} {told(totals)}")


def told(found: Counter[tuple[str, str]]) -> str:
    kinds = [*sorted({kind for kind, _ in found}), "all"]
    parts = [f"{sum(found.values()):6,}"]
    for kind in kinds:
        counts = [sum(n for (one, how), n in found.items() if how == which and kind in {one, "all"})
                  for which in ("right", "wrong", "unknown")]  # fmt: skip
        parts.append(f"{kind} {sum(counts):,}: " + "/".join(f"{100 * one / max(sum(counts), 1):.0f}" for one in counts))
    return "  ".join(parts)


def measured(folder: Path) -> Counter[tuple[str, str]]:
    text = (folder / "novel_text.txt").read_text(encoding="utf-8")
    places, paragraphs = [], []
    for found in re.finditer(r"(?:(?!\n[ \t]*\n).)+", text, re.DOTALL):
        if found[0].strip():
            places.append(found.start())
            paragraphs.append(found[0].replace("\n", " "))
    (said,) = attributed([paragraphs])
    spans = [(place + one.quote.begin, place + one.quote.end, one.speaker)
             for place, found in zip(places, said, strict=True) for one in found]  # fmt: skip
    names = _names(folder / "character_info.csv")
    counts = Counter[tuple[str, str]]()
    for kind, begin, speaker in _labels(folder / "quotation_info.csv"):
        who = next((who for first, last, who in spans if first - 2 <= begin < last), "")
        right = names.get(_key(who)) == names.get(_key(speaker), speaker) or _key(who) == _key(speaker)
        counts[kind, "right" if who and right else "wrong" if who else "unknown"] += 1
    return counts


def _key(name: str) -> str:
    return re.sub(r"\W+|^the ", "", name.lower())


def _names(file: Path) -> dict[str, str]:
    found = dict[str, str]()
    for row in csv.DictReader(file.open(encoding="utf-8")):
        for alias in {row["Main Name"], *ast.literal_eval(row["Aliases"])}:
            found[_key(alias)] = row["Main Name"]
    return found


def _labels(file: Path) -> list[tuple[str, int, str]]:
    return [(row["quoteType"], ast.literal_eval(row["quoteByteSpans"])[0][0], row["speaker"])
            for row in csv.DictReader(file.open(encoding="utf-8"))]  # fmt: skip


if __name__ == "__main__":
    main()
