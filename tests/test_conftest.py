"""What all rooms' tests have in common."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_a_machine_that_is_busy_with_something_else_fails_no_property(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.perf_counter
    held_s = 0.0

    def held() -> float:
        nonlocal held_s
        held_s += 0.5  # at every look at the clock: in the middle of making an example, and of trying it
        return now() + held_s

    @given(st.lists(st.text()), st.integers())
    def holds(names: list[str], number: int) -> None:
        assert number - number == len(names) - len(names)

    monkeypatch.setattr(time, "perf_counter", held)
    holds()
