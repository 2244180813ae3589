"""The store of API keys: what is kept of them, and that no budget is ever overdrawn, whoever dies when."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError, StateError
from antiphon.gateway.database import Storage
from antiphon.gateway.keys import SCHEMA, Key, KeyStore


@pytest.fixture
def store(storage: Storage) -> Iterator[KeyStore]:
    made = KeyStore(storage)
    made.begin()
    yield made
    made.close()


def test_a_secret_opens_and_is_nowhere_in_the_folder(tmp_path: Path) -> None:
    store = KeyStore(Storage(tmp_path))
    key, secret = store.create("radio", ("speech",), budget_nano=5)
    assert store.find(secret) == key
    assert store.find(secret[:-1]) is None
    assert store.find("") is None
    assert (tmp_path / SCHEMA.file).stat().st_mode & 0o077 == 0
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    store.close()


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


def test_connections_at_once_cannot_overdraw_a_budget(store: KeyStore, storage: Storage) -> None:
    key, _ = store.create("radio", budget_nano=50)

    others = [KeyStore(storage) for _ in range(4)]

    def asks(whose: int) -> int:
        others[whose].begin()
        return sum(others[whose].reserve(f"{whose}-{number}", key, "speech", 10) is None for number in range(3))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(asks, range(4))) == 5
    assert store.usage(key).held_nano == 50
    for other in others:
        other.close()


def test_what_a_killed_process_had_reserved_counts_as_paid_and_a_living_ones_does_not(
    store: KeyStore, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.gateway.postgres.GONE_S", 0.0)
    key, _ = store.create("radio", budget_nano=100)
    store.reserve("mine", key, "speech", 10)
    dies = f"""
import os, signal
from pathlib import Path
from antiphon.gateway.database import Storage
from antiphon.gateway.keys import KeyStore
store = KeyStore(Storage(Path({str(tmp_path)!r}), {storage.url!r}))
assert store.begin() == 0
assert store.reserve("theirs", store.keys()[0], "music", 25) is None
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", dies], check=False).returncode == -signal.SIGKILL
    assert (store.usage(key).paid_nano, store.usage(key).held_nano) == (0, 35)
    next_one = KeyStore(storage)
    assert next_one.begin() == 1
    assert store.settle_lost() == 0
    assert (next_one.usage(key).paid_nano, next_one.usage(key).held_nano) == (25, 10)
    next_one.close()
    assert len(list(tmp_path.glob("*.lock"))) == (0 if storage.url else 1)


def test_requests_a_minute_are_counted_by_all_servers_together(store: KeyStore, storage: Storage) -> None:
    key, _ = store.create("radio", per_minute=6)
    others = [KeyStore(storage) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        waits = list(pool.map(lambda number: others[number].wait_s(key, 100.0), [0, 1, 2]))
        waits += list(pool.map(lambda number: others[number].wait_s(key, 100.0), [0, 1, 2]))
    assert waits == [0.0] * 6
    assert store.wait_s(key, 100.0) == pytest.approx(10)
    assert store.wait_s(key, 105.0) == pytest.approx(5)
    assert store.wait_s(key, 110.0) == 0
    assert others[0].wait_s(key, 109.0) == pytest.approx(10), "clocks differ a little"
    for other in others:
        other.close()


def test_keys_of_the_version_before_are_brought_up_to_date_and_of_a_later_one_refused(storage: Storage) -> None:
    before = replace(SCHEMA, steps=SCHEMA.steps[:1])
    file = storage.open(before)
    row = ("key_1", "radio", b"digest", "speech,read", 100, 60, 1_700_000_000, None)
    with file.transaction():
        file.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)
        file.execute("INSERT INTO usage VALUES ('key_1', '2026-01-01', 'speech', 2, 40)")
    file.close()
    store = KeyStore(storage)
    store.begin()
    (key,) = store.keys()
    assert (key.name, key.budget_nano, store.usage(key).paid_nano) == ("radio", 100, 40)
    assert (store.wait_s(key, 0.0), store.reserve("one", key, "speech", 61)) == (0.0, 60)
    store.close()
    with pytest.raises(StateError, match="Upgrade antiphon"):
        storage.open(before)


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 100)), max_size=12))
def test_paid_and_reserved_stay_within_the_budget(
    steps: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = KeyStore(Storage(tmp_path_factory.mktemp("keys")))
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
    (tmp_path / SCHEMA.file).write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(StateError, match="cannot be used"):
        KeyStore(Storage(tmp_path))


def test_keys_are_values(store: KeyStore) -> None:
    key, _ = store.create("radio", budget_nano=3)
    assert isinstance(key, Key)
    assert store.keys() == (key,)
