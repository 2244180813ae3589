"""Objects in a folder and in a bucket behave alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import s3

from antiphon.errors import InputError, OutputError, UnreachableError
from antiphon.objects import Bucket, Folder, ObjectStore, opened


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3("things") as (_, environment), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield "s3://things"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return opened(tmp_path / "objects")
    return opened(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


def test_what_is_written_is_read_listed_and_deleted(store: ObjectStore) -> None:
    assert store.names("") == []
    assert store.size("a/one") is None
    with pytest.raises(FileNotFoundError):
        store.read("a/one")
    assert store.write("a/one", b"1")
    assert store.write("a/two", b"22")
    assert store.write("b/three", b"")
    assert (store.read("a/one"), store.size("a/two"), store.size("b/three")) == (b"1", 2, 0)
    assert store.names("") == ["a/one", "a/two", "b/three"]
    assert store.names("a") == ["a/one", "a/two"]
    store.delete("a/one")
    store.delete("a/one")
    assert store.names("a") == ["a/two"]


def test_the_first_of_a_name_stays_when_a_new_one_is_asked_for(store: ObjectStore) -> None:
    assert store.write("a/claim", b"first", new=True)
    assert not store.write("a/claim", b"second", new=True)
    assert store.read("a/claim") == b"first"
    assert store.write("a/claim", b"third")
    assert store.read("a/claim") == b"third"


def test_of_many_who_write_a_new_name_at_once_one_wins(store: ObjectStore) -> None:
    won: list[int] = []
    gate = threading.Barrier(8)

    def claim(number: int) -> None:
        gate.wait()
        if store.write("a/race", b"%d" % number, new=True):
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("a/race") == b"%d" % won[0]


def test_an_object_that_is_larger_than_expected_is_not_read(store: ObjectStore) -> None:
    store.write("a/large", b"x" * 1_000)
    with pytest.raises(InputError, match="1,000 bytes, more than 999"):
        store.read("a/large", 999)


@pytest.mark.parametrize("name", ["", "../up", "a//b", "/root", "A", "a/../b", "a/.hidden", "a b", "a" * 200])
def test_no_name_leads_out_of_the_store(store: ObjectStore, name: str) -> None:
    with pytest.raises(InputError, match="is no name"):
        store.write(name, b"x")


def test_a_folder_that_is_full_says_so_and_keeps_what_it_had(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    store = Folder(tmp_path)
    store.write("a/kept", b"1")
    (tmp_path / "b").symlink_to(full)
    with pytest.raises(OutputError, match="Cannot write"):
        store.write("b/more", b"x")
    assert store.names("a") == ["a/kept"]


@pytest.mark.slow
def test_a_bucket_that_is_away_is_said_after_a_while_and_no_bucket_is_no_place(bucket: str) -> None:
    with s3("gone") as (job, environment), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        store = Bucket("s3://gone/x", request_s=1, retry_s=1)
        store.write("a/one", b"1")
        job.kill()
        job.wait()
        with pytest.raises(UnreachableError, match="cannot be had"):
            store.read("a/one")
        with pytest.raises(UnreachableError, match="cannot be written"):
            store.write("a/two", b"2")
    with pytest.raises(InputError, match="is no place"):
        opened("ftp://somewhere")
    with pytest.raises((UnreachableError, OutputError)):
        opened("s3://never-made").write("a", b"x")
