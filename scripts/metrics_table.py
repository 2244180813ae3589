"""docs/metrics.md, from the registry of metrics and the scoring profiles: what is measured, and what weighs how much.

python scripts/metrics_table.py > docs/metrics.md
"""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.metric import Metric
from antiphon.judges.metrics import BUILT_IN
from antiphon.judges.music.scoring import FIXED, MUSIC
from antiphon.judges.speech.scoring import ANTIPHON, BITTAUDIO

PROFILES = (ANTIPHON, BITTAUDIO, CLONE, ENROLMENT, MUSIC, FIXED)

HEAD = """# Metrics

Every figure of our judges, and what it weighs in the scoring profiles. Made by `python scripts/metrics_table.py` out of
`judges/metrics.py` and the profiles; the suite compares. Bounds that follow from the order (words, pace, naturalness,
voice, our own rendering) are in `judges/speech/expectation.py`, the reasons in [judging](judging.md).
"""


def page() -> Iterator[str]:
    """Lines of the page."""
    yield HEAD
    yield "| metric | title | unit | better | from | reading within | weight, 0 to 1 at | bounds |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from map(_row, BUILT_IN.values())


def _row(metric: Metric) -> str:
    within = "" if metric.agrees_within is None else f"{metric.agrees_within:g}{' ln' if metric.logarithmic else ''}"
    terms = [(one.name, term) for one in PROFILES for term in one.terms if term.key == metric.key]
    limits = [(one.name, limit) for one in PROFILES for limit in one.limits if limit.key == metric.key]
    cells = (
        f"`{metric.key}`",
        metric.title,
        metric.unit,
        "" if metric.better == "neither" else metric.better,
        metric.source,
        within,
        "; ".join(f"{name} {term.weight:g}, {term.zero:g} to {term.one:g}" for name, term in terms),
        "; ".join(f"{name} {limit.bounds}{' (certain)' if limit.certain else ''}" for name, limit in limits),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(page()))
