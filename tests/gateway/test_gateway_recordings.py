"""Sound of tasks in a folder and in a real bucket: heard while it grows, also elsewhere; gone when deleted."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec
import pytest
from s3_server import s3

from antiphon.errors import UnavailableError
from antiphon.gateway.network import examples, segments
from antiphon.gateway.network.bodies import Task
from antiphon.gateway.network.recordings import LEFT_S, Recordings, Sound

ENDED = msgspec.convert(examples.TASK, Task)
RUNNING = msgspec.structs.replace(ENDED, state="running")
SOUND = bytes(range(256)) * 4_096 + b"and a little more"


def heard(sound: Sound | None) -> bytes:
    assert sound is not None
    with contextlib.closing(sound):
        return b"".join(iter(lambda: sound.read(50_000), b""))


def test_a_folder_is_shared_by_servers_and_keeps_sound_for_so_long(tmp_path: Path) -> None:
    one, two = (Recordings(tmp_path / name, str(tmp_path / "sounds")) for name in ("one", "two"))
    file = one.create(ENDED.id)
    file.write(SOUND[:1_000])
    assert heard(two.open(RUNNING)) == SOUND[:1_000]
    file.write(SOUND[1_000:])
    file.close()
    file.upload(all_of_it=True)
    assert heard(two.open(ENDED)) == SOUND
    two.sweep(frozenset(), 3_600)
    assert one.keeps(ENDED)
    path = tmp_path / "sounds" / f"{ENDED.id}.pcm"
    os.utime(path, (time.time() - 4_000,) * 2)
    two.sweep(frozenset({ENDED.id}), 3_600)
    assert one.keeps(ENDED)
    two.sweep(frozenset(), 3_600)
    assert not one.keeps(ENDED)
    assert one.open(ENDED) is None


@pytest.mark.slow
def test_a_bucket_is_read_from_elsewhere_while_sound_grows_and_a_lost_writers_rest_is_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "REQUEST_S", 5.0)
    monkeypatch.setattr(segments, "RETRY_S", 1.0)
    with s3("sounds") as (job, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        one, two = (Recordings(tmp_path / name, "s3://sounds/of/tasks") for name in ("one", "two"))
        file = one.create(ENDED.id)
        assert heard(two.open(RUNNING)) == b""
        for start in range(0, len(SOUND), 50_000):
            file.write(SOUND[start : start + 50_000])
            file.upload()
        file.close()
        there = heard(two.open(RUNNING))
        assert SOUND.startswith(there)
        assert len(SOUND) / 2 <= len(there) < len(SOUND)
        assert heard(one.open(RUNNING)) == SOUND, "here it is whole"
        os.utime(tmp_path / "one" / "api-sound" / f"{ENDED.id}.pcm", (time.time() - LEFT_S - 60,) * 2)
        Recordings(tmp_path / "one", "s3://sounds/of/tasks").sweep(frozenset(), 86_400)  # its writer was killed
        assert not list((tmp_path / "one" / "api-sound").iterdir())
        assert heard(two.open(ENDED)) == heard(one.open(ENDED)) == SOUND
        two.delete(ENDED.id)
        assert one.open(ENDED) is None
        last = one.create(ENDED.id)
        last.write(SOUND)
        last.close()
        job.kill()
        job.wait()
        with pytest.raises(UnavailableError):
            last.upload(all_of_it=True)
        assert heard(one.open(ENDED)) == SOUND, "what cannot be uploaded stays here"
        with pytest.raises(UnavailableError):
            one.create("0" * 32)
        assert not list((tmp_path / "one").rglob("0000*"))
