"""`antiphon bench --only doors`: how its figures are taken from what was heard."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from antiphon.bench.asking import BYTES_PER_S, Heard
from antiphon.bench.doors import guarded, together_figures
from antiphon.bench.figure import Figure, Step, figure
from antiphon.errors import UnavailableError

SECOND = BYTES_PER_S


def test_a_gap_is_silence_of_whoever_plays_from_the_first_piece_on() -> None:
    even = Heard(200, ((0.2, SECOND), (0.9, SECOND), (2.1, SECOND)))
    assert even.gap_s == 0.0
    assert even.seconds == 3.0
    late = Heard(200, ((0.2, SECOND), (1.9, SECOND), (2.0, SECOND), (5.0, SECOND)))
    assert late.gap_s == pytest.approx(1.1)  # 0.2 + 1 is over at 1.2 and heard on at 1.9: so 3.9 is the end of three


def test_when_all_but_the_end_had_come() -> None:
    heard = Heard(200, ((0.2, SECOND), (0.9, SECOND), (7.0, SECOND // 4)))
    assert heard.all_but_s(0.25) == 0.9
    assert heard.all_but_s(0.0) == 7.0
    for broken in (Heard(503), Heard(200, heard.pieces, cut=True)):
        with pytest.raises(UnavailableError):
            broken.all_but_s(0.25)


def test_of_clients_at_once_one_that_was_cut_or_failed_is_missed() -> None:
    whole, refused = Heard(200, ((0.2, SECOND),)), Heard(503)
    gap, ended, heard = together_figures([whole, refused])
    assert gap.reached
    assert ended.reached
    assert heard.reached
    for bad in (Heard(200, ((0.2, SECOND),), cut=True), Heard(502)):
        assert together_figures([whole, bad])[1].reached is False
    gap, _, heard = together_figures([refused, refused])
    assert gap.value is None, "nobody played anything"
    assert heard.reached is False


async def test_a_step_that_fails_says_why_and_ends_no_other() -> None:
    async def taken(error: Exception) -> AsyncIterator[Figure]:
        yield figure("one", 1.0, "s")
        raise error

    step = Step("the step", 1.0)
    for error, told in (
        (UnavailableError("The server is gone"), "The server is gone"),
        (IndexError("7"), "IndexError: 7"),
    ):
        good, bad = [one async for one in guarded(step, taken(error))]
        assert good.name == "one"
        assert (bad.name, bad.value, bad.reached) == ("the step", None, None)
        assert told in bad.note
