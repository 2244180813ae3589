from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.clock import ManualClock
from antiphon.errors import BusyError, ProtocolError
from antiphon.protocol import ReplayGuard

A, B = "aa" * 32, "bb" * 32


def nonce(n: int) -> bytes:
    return n.to_bytes(16, "big")


def test_a_nonce_is_admitted_once_per_sender() -> None:
    guard = ReplayGuard(1000, 10)
    guard.admit(A, nonce(1), time_ms=0, now_ms=0)
    guard.admit(A, nonce(2), time_ms=0, now_ms=0)
    guard.admit(B, nonce(1), time_ms=0, now_ms=0)
    with pytest.raises(ProtocolError, match="replayed"):
        guard.admit(A, nonce(1), time_ms=0, now_ms=500)


def test_a_replay_with_a_later_time_is_still_a_replay() -> None:
    guard = ReplayGuard(1000, 10)
    guard.admit(A, nonce(1), time_ms=0, now_ms=0)
    with pytest.raises(ProtocolError, match="replayed"):
        guard.admit(A, nonce(1), time_ms=900, now_ms=900)


def test_what_is_forgotten_is_too_old_to_come_back() -> None:
    clock = ManualClock()
    guard = ReplayGuard(1000, 10)
    signed_ms = clock.now_ms()
    guard.admit(A, nonce(1), time_ms=signed_ms, now_ms=clock.now_ms())
    clock.advance(0.999)
    with pytest.raises(ProtocolError, match="replayed"):
        guard.admit(A, nonce(1), time_ms=signed_ms, now_ms=clock.now_ms())
    clock.advance(0.001)
    with pytest.raises(ProtocolError, match="stale: older than the replay window"):
        guard.admit(A, nonce(1), time_ms=signed_ms, now_ms=clock.now_ms())


def test_a_clock_set_back_revives_nothing() -> None:
    guard = ReplayGuard(1000, 10)
    guard.admit(A, nonce(1), time_ms=0, now_ms=0)
    guard.admit(A, nonce(2), time_ms=5000, now_ms=5000)
    with pytest.raises(ProtocolError, match="stale"):
        guard.admit(A, nonce(1), time_ms=0, now_ms=0)


def test_a_message_from_before_the_restart_is_refused() -> None:
    guard = ReplayGuard(1000, 10, not_before_ms=5000)
    with pytest.raises(ProtocolError, match="before this node started"):
        guard.admit(A, nonce(1), time_ms=4999, now_ms=5100)
    guard.admit(A, nonce(1), time_ms=5000, now_ms=5100)


def test_a_full_guard_refuses_rather_than_forgets() -> None:
    guard = ReplayGuard(1000, 6)
    for n in range(3):
        guard.admit(A, nonce(n), time_ms=100 * n, now_ms=200)
    with pytest.raises(BusyError, match="remembers 3 messages, 3 of them yours") as caught:
        guard.admit(A, nonce(9), time_ms=200, now_ms=200)
    assert caught.value.retry_after_s == pytest.approx(0.8)
    for n in range(3):
        with pytest.raises(ProtocolError, match="replayed"):
            guard.admit(A, nonce(n), time_ms=100 * n, now_ms=999)
    guard.admit(A, nonce(9), time_ms=1000, now_ms=1000)
    assert len(guard) == 3


def test_one_flooder_takes_half_and_others_still_find_room() -> None:
    guard = ReplayGuard(1000, 1000)
    flood(guard, ["ff" * 32], 2000)
    assert len(guard) == 500
    for n in range(250):
        guard.admit(A, nonce(n), time_ms=0, now_ms=0)


def test_ten_thousand_flooders_lock_out_only_themselves() -> None:
    guard = ReplayGuard(60_000, 200_000)
    strangers = [n.to_bytes(32, "big").hex() for n in range(1, 10_001)]
    for _ in range(30):
        flood(guard, strangers, 1)
    refused = flood(guard, strangers, 1)
    assert refused == len(strangers)
    for n in range(5):
        guard.admit(A, nonce(n), time_ms=0, now_ms=0)
    with pytest.raises(ProtocolError, match="replayed"):
        guard.admit(A, nonce(0), time_ms=0, now_ms=0)


def test_what_a_flooder_held_is_free_again_when_it_is_stale() -> None:
    guard = ReplayGuard(1000, 100)
    flood(guard, ["ff" * 32], 200)
    guard.admit(A, nonce(1), time_ms=2000, now_ms=2000)
    assert len(guard) == 1
    assert flood(guard, ["ff" * 32], 40, now_ms=2000) == 0


def flood(guard: ReplayGuard, senders: list[str], each: int, now_ms: int = 0) -> int:
    """Send fresh messages; how many were refused."""
    refused = 0
    for sender in senders:
        for _ in range(each):
            try:
                guard.admit(sender, os.urandom(16), time_ms=now_ms, now_ms=now_ms)
            except BusyError:
                refused += 1
    return refused


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400), st.integers(0, 100)), max_size=80))
def test_no_history_admits_a_pair_twice_or_exceeds_the_capacity(history: list[tuple[int, int, int]]) -> None:
    guard, admitted, now_ms = ReplayGuard(200, 4), [], 1000
    for n, age_ms, step_ms in history:
        now_ms += step_ms
        try:
            guard.admit(A, nonce(n), time_ms=now_ms - age_ms, now_ms=now_ms)
        except (ProtocolError, BusyError):
            continue
        admitted.append((n, now_ms - age_ms, now_ms))
        assert len(guard) <= 4
    for i, (n, signed_ms, _) in enumerate(admitted):
        for again, _, later_ms in admitted[i + 1 :]:
            assert again != n or later_ms >= signed_ms + 200


def test_memory_is_bounded_however_many_messages_come() -> None:
    guard = ReplayGuard(1000, 1000)
    tracemalloc.start()
    for n in range(20_000):
        guard.admit(A, nonce(n), time_ms=n * 2, now_ms=n * 2)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(guard) <= 1000
    assert used < 500_000


@pytest.mark.parametrize(("window_ms", "capacity"), [(0, 1), (1, 0), (-1, 1)])
def test_a_guard_that_guards_nothing_cannot_be_made(window_ms: int, capacity: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        ReplayGuard(window_ms, capacity)


def test_a_check_refuses_what_was_seen_or_is_too_old_and_remembers_nothing() -> None:
    guard = ReplayGuard(1000, 10, not_before_ms=50)
    guard.admit(A, nonce(1), time_ms=100, now_ms=100)
    for _ in range(3):
        guard.check(A, nonce(2), time_ms=100, now_ms=100)
        guard.check(B, nonce(1), time_ms=100, now_ms=100)
    assert len(guard) == 1
    with pytest.raises(ProtocolError, match="replayed"):
        guard.check(A, nonce(1), time_ms=100, now_ms=100)
    with pytest.raises(ProtocolError, match="before this node started"):
        guard.check(A, nonce(3), time_ms=49, now_ms=100)
    guard.check(A, nonce(3), time_ms=101, now_ms=1_100)
    with pytest.raises(ProtocolError, match="older than the replay window"):
        guard.check(A, nonce(3), time_ms=101, now_ms=1_101)


def test_what_a_sender_holds_is_counted_down_one_by_one() -> None:
    guard = ReplayGuard(1000, 4)
    guard.admit(A, nonce(1), time_ms=0, now_ms=0)
    guard.admit(A, nonce(2), time_ms=500, now_ms=500)
    guard.admit(A, nonce(3), time_ms=1_000, now_ms=1_000)  # the first is forgotten, the second still held
    with pytest.raises(BusyError, match="remembers 2 messages, 2 of them yours"):
        guard.admit(A, nonce(4), time_ms=1_000, now_ms=1_000)
    guard.admit(B, nonce(4), time_ms=1_000, now_ms=1_000)
    guard.admit(A, nonce(4), time_ms=2_500, now_ms=2_500)
    assert len(guard) == 1
