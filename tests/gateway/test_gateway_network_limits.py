"""What one client of the network API can take from the others, and from the disk."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
import pytest

from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError
from antiphon.gateway.network import examples
from antiphon.gateway.network.bodies import Task
from antiphon.gateway.network.store import KEPT_S, Stored, TaskStore
from antiphon.gateway.network.streams import MAX_STREAMS, MAX_STREAMS_OF_KEY, Streams

TASK = msgspec.convert(examples.TASK, Task)


def test_one_key_leaves_streams_to_the_others() -> None:
    streams = Streams()
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_STREAMS_OF_KEY):
            stack.enter_context(streams.one("a"))
        with pytest.raises(ApiError) as refused:
            stack.enter_context(streams.one("a"))
        assert refused.value.status == 429
        for _ in range(MAX_STREAMS - MAX_STREAMS_OF_KEY):
            stack.enter_context(streams.one(""))
        with pytest.raises(ApiError) as busy:
            stack.enter_context(streams.one("b"))
        assert busy.value.status == 503
    with streams.one("a"):
        pass


def test_old_tasks_are_forgotten_while_the_server_runs(tmp_path: Path) -> None:
    store = TaskStore(Storage(tmp_path))
    now_ms = int(time.time() * 1000)
    for name, age_s in (("old", KEPT_S + 60), ("new", 60)):
        task = msgspec.structs.replace(TASK, id=name, created_ms=now_ms - age_s * 1000)
        store.add(Stored(task=task, key="", body_sha256=b""), None)
        store.save(task, (), ended=True)
    store.forget()
    assert store.find("", "old") is None
    assert store.find("", "new") is not None
    store.close()
