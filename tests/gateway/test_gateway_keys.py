"""The file of API keys: what is kept of them, and that no budget is ever overdrawn, whoever dies when."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError, StateError
from antiphon.gateway.keys import FILE, Key, KeyStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    made = KeyStore(tmp_path / FILE)
    made.begin()
    yield made
    made.close()


def test_a_secret_opens_and_is_nowhere_in_the_folder(store: KeyStore, tmp_path: Path) -> None:
    key, secret = store.create("radio", ("speech",), budget_nano=5)
    assert store.find(secret) == key
    assert store.find(secret[:-1]) is None
    assert store.find("") is None
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_revoked_key_is_refused_and_keeps_the_server_closed(store: KeyStore) -> None:
    assert not store.any_made()
    _, secret = store.create("radio")
    store.revoke("radio")
    assert store.find(secret) is None
    assert store.any_made()
    _, other = store.create("radio")  # the name is free again
    assert (store.find(other) is not None, store.find(secret)) == (True, None)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65])
def test_a_name_that_cannot_be_shown_is_refused(name: str, store: KeyStore) -> None:
    with pytest.raises(InputError, match="is no name"):
        store.create(name)


def test_names_are_of_one_key_and_of_one_that_exists(store: KeyStore) -> None:
    store.create("radio")
    with pytest.raises(InputError, match="already"):
        store.create("radio")
    with pytest.raises(InputError, match="Keys: radio"):
        store.revoke("nobody")


def test_reconciling_gives_back_the_rest_once(store: KeyStore) -> None:
    key, _ = store.create("radio", budget_nano=100)
    assert store.reserve("one", key, "speech", 80) is None
    assert store.reserve("two", key, "speech", 21) == 20
    store.reconcile("one", 30)
    store.reconcile("one", 30)
    store.reconcile("two", 30)
    usage = store.usage(key)
    assert (usage.paid_nano, usage.held_nano) == (30, 0)
    assert [(scope, orders, nano) for _, scope, orders, nano in usage.days] == [("speech", 1, 30)]
    assert store.reserve("three", key, "music", 71) == 70
    assert store.reserve("three", key, "music", 70) is None


def test_connections_at_once_cannot_overdraw_a_budget(store: KeyStore, tmp_path: Path) -> None:
    key, _ = store.create("radio", budget_nano=50)

    others = [KeyStore(tmp_path / FILE) for _ in range(4)]

    def asks(whose: int) -> int:
        others[whose].begin()
        return sum(others[whose].reserve(f"{whose}-{number}", key, "speech", 10) is None for number in range(3))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(asks, range(4))) == 5
    assert store.usage(key).held_nano == 50
    for other in others:
        other.close()


def test_what_a_killed_process_had_reserved_counts_as_paid_and_a_living_ones_does_not(
    store: KeyStore, tmp_path: Path
) -> None:
    key, _ = store.create("radio", budget_nano=100)
    store.reserve("mine", key, "speech", 10)
    dies = f"""
import os, signal
from pathlib import Path
from antiphon.gateway.keys import KeyStore
store = KeyStore(Path({str(tmp_path / FILE)!r}))
assert store.begin() == 0
assert store.reserve("theirs", store.keys()[0], "music", 25) is None
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", dies], check=False).returncode == -signal.SIGKILL
    assert (store.usage(key).paid_nano, store.usage(key).held_nano) == (0, 35)
    next_one = KeyStore(tmp_path / FILE)
    assert next_one.begin() == 1
    assert (next_one.usage(key).paid_nano, next_one.usage(key).held_nano) == (25, 10)
    next_one.close()
    assert len(list(tmp_path.glob("*.lock"))) == 1


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 100)), max_size=12))
def test_paid_and_reserved_stay_within_the_budget(
    steps: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = KeyStore(tmp_path_factory.mktemp("keys") / FILE)
    store.begin()
    key, _ = store.create("radio", budget_nano=100)
    paid = 0
    for number, (nano, percent) in enumerate(steps):
        if store.reserve(str(number), key, "speech", nano) is None:
            assert store.usage(key).paid_nano + store.usage(key).held_nano <= 100
            cost = nano * percent // 100
            store.reconcile(str(number), cost)
            paid += cost
        else:
            assert paid + nano > 100
    assert (store.usage(key).paid_nano, store.usage(key).held_nano) == (paid, 0)
    store.close()


def test_a_file_that_is_none_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(StateError, match="cannot be used"):
        KeyStore(tmp_path / FILE)


def test_keys_are_values(store: KeyStore) -> None:
    key, _ = store.create("radio", budget_nano=3)
    assert isinstance(key, Key)
    assert store.keys() == (key,)
