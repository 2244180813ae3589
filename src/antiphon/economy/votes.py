"""What all votes of one round say together.

1. Only seats count; a vote by anybody else is ignored.
2. INCONCLUSIVE, and a seat without a revealed vote, abstain. So does ABSENT, unless it is a strict majority of a full
   round's seats: then the producer has shown its work to nobody, and it is INVALID with score 0 (in the ledger after a
   second such round only). Nobody dissents then.
3. The conclusive votes must be a strict majority of a full round's seats (an empty quorum is invalid, never true).
   Seats that committed to a vote and hid it are not counted as seats here: hiding votes blocks no verdict.
4. The verdict is a strict majority of the conclusive votes; a tie is no verdict.
5. The score is the median of the majority's scores; with an even count, the mean of the middle two, rounded down.
6. A reading counts when more than half of the majority gives it. Its true value is their median, as in rule 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from antiphon.economy.types import Outcome, Verdict, Vote


def tally(votes: Mapping[str, Vote], seats: Sequence[str], size: int = 0, hidden: int = 0) -> Outcome:
    """Outcome of one round. `verdict` None = no majority: draw again, then refund; nobody is punished for it.

    `size`: seats of a full round, when fewer could be drawn. `hidden`: votes that were committed and not revealed.
    """
    if len(set(seats)) != len(seats):
        raise ValueError(f"a validator sits once in a round, got {seats!r}")
    sides: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    for seat in seats:
        sides[votes[seat].verdict if seat in votes else Verdict.INCONCLUSIVE].append(seat)
    valid, invalid, full = sides[Verdict.VALID], sides[Verdict.INVALID], max(size, len(seats))
    abstained, absent = tuple(sides[Verdict.INCONCLUSIVE]), tuple(sides[Verdict.ABSENT])
    if 2 * len(absent) > full:
        return Outcome(verdict=Verdict.INVALID, score_ppm=0, abstained=(*valid, *invalid, *abstained), absent=absent)
    if 2 * (len(valid) + len(invalid)) <= full - hidden or len(valid) == len(invalid):
        return Outcome(verdict=None, score_ppm=None, abstained=(*abstained, *absent))
    verdict = Verdict.VALID if len(valid) > len(invalid) else Verdict.INVALID
    majority, minority = (valid, invalid) if verdict is Verdict.VALID else (invalid, valid)
    return Outcome(
        verdict=verdict,
        score_ppm=_median([votes[seat].score_ppm for seat in majority]),
        majority=tuple(majority),
        minority=tuple(minority),
        abstained=(*abstained, *absent),
    )


def common_readings(majority: Sequence[Vote]) -> dict[str, int]:
    """The readings that count, by key: what the majority measured. Not what one of it alone says it measured, or who
    invents a reading would take the others' fees."""
    given: dict[str, list[int]] = {}
    for vote in majority:
        for reading in vote.readings:
            given.setdefault(reading.key, []).append(reading.value)
    return {key: _median(values) for key, values in given.items() if 2 * len(values) > len(majority)}


def _median(numbers: Iterable[int | None]) -> int:
    ordered = sorted(number for number in numbers if number is not None)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
