"""Token sets in folders and buckets: an index in columns, shards that are damaged, a server that goes away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from storm_sets import token_set

from antiphon.errors import InputError, UnreachableError
from antiphon.soundstorm.data import Shards, columns, stores
from antiphon.soundstorm.data.preparing import INDEX
from antiphon.soundstorm.tokenset import Joined, Revoiced


def same(first: Shards, second: Shards) -> None:
    assert len(first) == len(second)
    assert first.fingerprint == second.fingerprint
    for n in range(len(first)):
        one, other = first.get(n), second.get(n)
        assert one.speaker == other.speaker
        np.testing.assert_array_equal(one.acoustic, other.acoustic)
        np.testing.assert_array_equal(one.semantic, other.semantic)
        assert first.entry(n) == second.entry(n)


def test_columns_say_what_the_shards_say_and_are_made_again_where_they_are_missing(tmp_path: Path) -> None:
    new, old = token_set(tmp_path / "new", 23), token_set(tmp_path / "old", 23, indexed=False)
    same(Shards(new), Shards(old))
    part, other = (Shards(one, ["s1", "*-at-*"]) for one in (new, old))
    same(part, other)
    assert 0 < len(part) < 22
    assert [len(p) for p in Shards(new).split(0.4)] == [len(p) for p in Shards(old).split(0.4)]
    assert [Shards(new).spoken().entry(n).phonemes for n in range(3)] == ["a"] * 3
    # Of another set, or damaged: not believed.
    (new / columns.ROWS).write_bytes(b"no array")
    same(Shards(new), Shards(old))
    names = json.loads((old / INDEX).read_bytes())
    shutil.copy(token_set(tmp_path / "more", 40) / columns.NAMES, new)
    assert len(Shards(new)) == 22
    assert names["dropped"] == ["00000/1"]


def test_copies_and_chains_are_the_same_by_numbers_and_by_names(tmp_path: Path) -> None:
    tokens = Shards(token_set(tmp_path / "set", 40))
    entries = [tokens.entry(n) for n in range(len(tokens))]
    by_name, by_number = Revoiced(tokens, [e.saying for e in entries]), Revoiced(tokens, tokens.sayings())
    chains = Joined(tokens, [e.speaker for e in entries], 70), Joined(tokens, tokens.speakers(), 70)
    for first, second in ((by_name, by_number), chains):
        assert len(first) == len(second)
        np.testing.assert_array_equal(first.lengths(), second.lengths())
        for n in range(len(first)):
            np.testing.assert_array_equal(first.get(n).acoustic, second.get(n).acoustic)
            np.testing.assert_array_equal(first.get(n).semantic, second.get(n).semantic)
            assert first.frames(n) == first.get(n).acoustic.shape[1]


def test_a_damaged_shard_is_named_when_it_is_read_and_others_are_of_use(tmp_path: Path) -> None:
    folder = token_set(tmp_path / "set", 23)
    blob = bytearray((folder / "00001.npy").read_bytes())
    blob[-3] ^= 1  # one bit
    (folder / "00001.npy").write_bytes(blob)
    tokens = Shards(folder)
    tokens.get(0)
    with pytest.raises(InputError, match=r"00001.npy is damaged. Delete it"):
        tokens.get(5)
    (folder / "00002.npy").unlink()
    with pytest.raises(InputError, match=r"00002.npy cannot be read"):
        tokens.get(10)


def test_ten_thousand_recordings_are_open_without_reading_a_shard(tmp_path: Path) -> None:
    folder = token_set(tmp_path / "set", 10_000, per_shard=500)
    for path in folder.glob("0*"):
        path.unlink()
    tokens = Shards(folder)
    assert len(tokens) == 9_999
    assert isinstance(tokens._columns.rows, np.memmap)
    assert sum(len(part) for part in tokens.split(0.3)) == 9_999


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """moto's S3 over HTTP, in a process of its own."""
    pytest.importorskip("moto", reason="the S3 server of the tests is not installed")
    pytest.importorskip("obstore", reason="the extra antiphon[s3] is not installed")
    serve = "from moto.server import ThreadedMotoServer as S; import time; s = S('127.0.0.1', 0, verbose=False); "
    serve += "s.start(); print(s.get_host_and_port()[1], flush=True); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", serve], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as job:
        try:
            assert job.stdout is not None
            address = f"http://127.0.0.1:{int(job.stdout.readline())}"
            for name, value in {"AWS_ENDPOINT": address, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret",
                                "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
                                "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():  # fmt: skip
                monkeypatch.setenv(name, value)
            urllib.request.urlopen(
                urllib.request.Request(f"{address}/sets", data=b"", method="PUT"), timeout=300
            ).close()
            yield job
        finally:
            job.kill()


def put(folder: Path, prefix: str) -> str:
    import obstore
    from obstore.store import from_url

    url = f"s3://sets/{prefix}"
    for path in folder.iterdir():
        obstore.put(from_url(url, client_options={"allow_http": True}), path.name, path.read_bytes())
    return url


@pytest.mark.slow
def test_a_set_in_a_bucket_is_the_set_in_a_folder_and_a_bucket_that_goes_away_is_said(
    server: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = server
    folder = token_set(tmp_path / "set", 23)
    url = put(folder, "first")
    same(Shards(url), Shards(folder))
    kept = sorted(path.name.partition("-")[0] for path in (tmp_path / "cache").rglob("*.npy"))
    assert kept == ["00000", "00001", "00002", "00003", "00004", "columns"]
    # A set that changed is fetched anew, and a bound is kept to.
    monkeypatch.setattr(stores, "MAX_CACHE_BYTES", 4_000)
    more = token_set(tmp_path / "more", 31)
    same(Shards(put(more, "first")), Shards(more))
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.npy")) <= 4_000
    with pytest.raises(InputError, match="no token set"):
        Shards("s3://sets/nowhere")
    tokens = Shards(url)
    monkeypatch.setattr(stores, "RETRY_S", 1.0)
    away = Shards(url)
    job.kill()
    job.wait()
    with pytest.raises(UnreachableError, match="cannot be had"):
        away.get(0)
    assert len(tokens) == 30
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(tokens.__dict__)
