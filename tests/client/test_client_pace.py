"""What a second of sound costs: tasks at work together share the network, and one odd task changes nothing."""

from __future__ import annotations

import pytest

from antiphon.client.pace import HEADROOM, UNKNOWN_COST, Pace


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_a_task_beside_others_is_charged_its_share_of_the_time() -> None:
    now = Hands()
    pace = Pace(now)
    first, second = pace.begin(), pace.begin()
    now.s = 4.0
    third = pace.begin()
    now.s = 7.0
    pace.end("a", first, 10.0)  # 4 s of two, 3 s of three: 3 s
    assert pace.cost("a") == pytest.approx(0.3)
    now.s = 9.0
    pace.end("b", second, 8.0)  # and 2 s of two more: 4 s
    assert pace.cost("b") == pytest.approx(0.5)
    pace.end("c", third, 0.0)
    assert pace.cost("c") == UNKNOWN_COST, "what failed tells nothing"
    now.s = 100.0
    idle = pace.begin()
    now.s = 101.0
    pace.end("d", idle, 10.0)
    assert pace.cost("d") == pytest.approx(0.1), "time without work is nobody's"


def test_the_first_task_that_loads_models_counts_no_longer_than_the_second() -> None:
    now, told = Hands(), list[float]()
    pace = Pace(now, told=lambda: told.append(now.s))
    for took_s in (30.0, 1.0):
        began = pace.begin()
        now.s += took_s
        pace.end("a", began, 10.0)
    assert pace.cost("a") == pytest.approx(0.1)
    assert told == [30.0, 31.0]


def test_as_many_are_kept_as_are_each_made_faster_than_they_are_heard() -> None:
    now = Hands()
    pace = Pace(now)
    for kind, cost in (("fast", 0.1), ("slow", 0.6)):
        began = pace.begin()
        now.s += 10 * cost
        pace.end(kind, began, 10.0)
    most = int(1 / (0.1 * HEADROOM))
    assert pace.keeps(["fast"] * most)
    assert not pace.keeps(["fast"] * (most + 1))
    assert pace.keeps(["slow"]), "one alone is as fast as it can be"
    assert not pace.keeps(["fast", "slow"]), "half of the network is too little for the slow one"
    assert pace.keeps(["slow", *["fast"] * (most - 1)]), "what cannot share shuts nobody out"
    assert not pace.keeps(["slow", *["fast"] * most])
    assert not pace.keeps(["slow", "slow"])
    assert pace.keeps(["", "fast", ""]), "nobody waits for what is heard in the end; it takes its share"
    assert not pace.keeps(["", "slow"])
    assert pace.keeps(["", ""])
    assert pace.keeps(["new", "new"])
    assert not pace.keeps(["new"] * 3)


def test_words_alone_do_not_make_a_voice_dear() -> None:
    """What is around a word takes longer than the word: measured, three times what a long text costs."""
    now = Hands()
    pace = Pace(now)

    def made(took_s: float, sound_s: float) -> None:
        began = pace.begin()
        now.s += took_s
        pace.end("voice", began, sound_s)

    for _ in range(6):
        made(2.5, 10.0)
    for _ in range(30):
        made(0.5, 0.5)
    assert pace.cost("voice") == pytest.approx(0.25)
    for _ in range(6):
        made(5.0, 10.0)
    assert pace.cost("voice") == pytest.approx(0.5), "a network that became slower is known to be"
