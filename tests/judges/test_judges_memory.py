"""Work that is shared and remembered."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from antiphon.judges.memory import Memory


def test_threads_that_ask_for_one_thing_share_the_work() -> None:
    memory: Memory[int] = Memory(4)
    started, calls = threading.Event(), []

    def work() -> int:
        calls.append(1)
        started.wait(5)
        return 7

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(memory.get, b"key", work) for _ in range(4)]
        started.set()
        assert [job.result(5) for job in jobs] == [7] * 4
    assert len(calls) == 1


def test_a_failure_is_not_remembered() -> None:
    memory: Memory[int] = Memory(4)
    with pytest.raises(ZeroDivisionError):
        memory.get(b"key", lambda: 1 // 0)
    assert memory.get(b"key", lambda: 3) == 3


def test_the_oldest_is_forgotten() -> None:
    memory: Memory[int] = Memory(2)
    for number in (1, 2, 3):
        memory.get(bytes([number]), lambda number=number: number)
    assert memory.get(b"\x01", lambda: 10) == 10
    assert memory.get(b"\x03", lambda: 30) == 3
