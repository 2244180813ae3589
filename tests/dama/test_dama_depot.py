"""A store is used and never believed: pushes and pulls go on where they were cut, and only what was signed is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from assets_made import OWNER, THIEF, folder_of, signed_of, sources
from s3_server import s3

from antiphon.dama import Depot, Shelf, depot, open_signed
from antiphon.errors import InputError, ModelError, OutputError, ProtocolError, UnavailableError, UnreachableError
from antiphon.models import tensors
from antiphon.objects import Bucket, Folder, ObjectStore, opened


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depot, "PIECE_BYTES", 1_000)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3("dama") as (_, environment), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield "s3://dama"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def store(request, tmp_path) -> ObjectStore:
    if request.param == "folder":
        return opened(tmp_path / "store")
    return opened(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


class Cut:
    """A store whose connection breaks after so many reads or writes."""

    def __init__(self, store: ObjectStore, calls: int) -> None:
        self._store, self._left, self.url = store, calls, store.url

    def _count(self) -> None:
        if self._left <= 0:
            raise UnreachableError("The connection broke")
        self._left -= 1

    def read(self, name, most=depot.PIECE_BYTES):
        self._count()
        return self._store.read(name, most)

    def write(self, name, data, *, new=False):
        self._count()
        return self._store.write(name, data, new=new)

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_what_is_pushed_is_pulled_whole_and_verified(store, tmp_path) -> None:
    folder = folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    asset, size = open_signed(raw).asset, open_signed(raw).manifest.size
    assert Depot(store).push(raw, sources(folder)).sent == size
    assert Depot(store).push(raw, sources(folder)).there == size, "a second push sends nothing"
    assert store.names("assets") == [f"assets/{asset}/{OWNER.node_id}"]
    assert Depot(store).owners(asset) == [OWNER.node_id]
    shelf = Shelf(tmp_path / "shelf")
    assert shelf.held() == []
    pulled = Depot(store).pull(asset, OWNER.node_id, shelf)
    assert (pulled.fetched, pulled.there) == (size, 0)
    assert shelf.held() == [asset]
    assert shelf.verify(asset).owner == OWNER.node_id
    assert tensors.parse(shelf.read(asset, "model.safetensors")).keys() == {"embed", "out"}
    assert Depot(store).pull(asset, OWNER.node_id, shelf).there == size


def test_a_pull_that_is_cut_goes_on_where_it_was(store, tmp_path) -> None:
    folder = folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    asset, size = open_signed(raw).asset, open_signed(raw).manifest.size
    Depot(store).push(raw, sources(folder))
    shelf = Shelf(tmp_path / "shelf")
    with pytest.raises(UnreachableError):
        Depot(Cut(store, 8)).pull(asset, OWNER.node_id, shelf)
    assert shelf.held() == []
    with pytest.raises(InputError, match="not on this machine"):
        shelf.signed(asset)
    pulled = Depot(store).pull(asset, OWNER.node_id, shelf)
    assert pulled.there >= 5_000
    assert pulled.fetched + pulled.there == size
    shelf.verify(asset)


def test_a_push_that_is_cut_goes_on_and_nobody_sees_half_an_asset(store, tmp_path) -> None:
    folder = folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    with pytest.raises(UnreachableError):
        Depot(Cut(store, 6)).push(raw, sources(folder))
    assert store.names("assets") == []
    pushed = Depot(store).push(raw, sources(folder))
    assert pushed.there >= 4_000
    assert store.names("assets") != []


def test_files_that_two_assets_share_are_sent_once(tmp_path) -> None:
    store = Folder(tmp_path / "store")
    one, two = folder_of(tmp_path / "one"), folder_of(tmp_path / "two")
    (two / "config.json").write_text('{"levels": 7}')
    Depot(store).push(signed_of(one), sources(one))
    assert Depot(store).push(signed_of(two), sources(two)).sent == len('{"levels": 7}')


def test_weights_that_changed_after_they_were_signed_are_not_pushed(tmp_path) -> None:
    store, folder = Folder(tmp_path / "store"), folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    for seed, size in ((1, 64), (0, 65)):
        folder_of(folder, seed=seed, size=size)
        with pytest.raises(ProtocolError, match=r"model\.safetensors has changed since it was signed"):
            Depot(store).push(raw, sources(folder))
    assert store.names("assets") == []


def lies(store: ObjectStore, raw: bytes) -> Iterator[str]:
    """Each way in which a store can give something else, one at a time; it is put right again."""
    signed = open_signed(raw)
    weights = next(file for file in signed.manifest.files if file.name == "model.safetensors")
    first = f"blobs/{weights.sha256}/00000"
    right = store.read(first)
    for what, wrong in (
        ("other", bytes([right[0] ^ 1]) + right[1:]),
        ("short", right[:-1]),
        ("long", right + b"x"),
        ("empty", b""),
    ):
        store.write(first, wrong)
        yield what
    store.write(first, right)


def test_a_store_that_lies_is_caught_and_its_bytes_are_not_kept(store, tmp_path) -> None:
    folder = folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    asset = open_signed(raw).asset
    Depot(store).push(raw, sources(folder))
    shelf = Shelf(tmp_path / "shelf")
    for _ in lies(store, raw):
        with pytest.raises(ProtocolError, match=r"gave other bytes of model\.safetensors"):
            Depot(store).pull(asset, OWNER.node_id, shelf)
        assert shelf.held() == []
    Depot(store).pull(asset, OWNER.node_id, shelf)
    shelf.verify(asset)


def test_a_store_cannot_pass_off_another_asset_another_owner_or_nothing(tmp_path) -> None:
    store = Folder(tmp_path / "store")
    own, other = folder_of(tmp_path / "own"), folder_of(tmp_path / "other", seed=9)
    raw, theirs = signed_of(own), signed_of(other, THIEF)
    asset = open_signed(raw).asset
    Depot(store).push(raw, sources(own))
    name = f"assets/{asset}/{OWNER.node_id}"
    shelf = Shelf(tmp_path / "shelf")
    for wrong in (theirs, signed_of(own, THIEF), raw[:-1], b"", b"\x00" * 100):
        store.write(name, wrong)
        with pytest.raises(ProtocolError):
            Depot(store).pull(asset, OWNER.node_id, shelf)
    store.delete(name)
    with pytest.raises(InputError, match="does not have"):
        Depot(store).pull(asset, OWNER.node_id, shelf)
    store.write(name, raw)
    (blob, *_) = store.names("blobs")
    store.delete(blob)
    with pytest.raises(UnavailableError, match="lacks a part"):
        Depot(store).pull(asset, OWNER.node_id, shelf)


def test_what_lies_here_is_verified_before_it_is_used(tmp_path) -> None:
    store, folder = Folder(tmp_path / "store"), folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    asset = open_signed(raw).asset
    Depot(store).push(raw, sources(folder))
    shelf = Shelf(tmp_path / "shelf")
    Depot(store).pull(asset, OWNER.node_id, shelf)
    weights = shelf.folder(asset) / "model.safetensors"
    right = weights.read_bytes()
    weights.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    with pytest.raises(ModelError, match="damaged"):
        shelf.read(asset, "model.safetensors")
    with pytest.raises(ProtocolError, match=r"model\.safetensors of .* is not what its owner signed"):
        shelf.verify(asset)
    weights.write_bytes(right)
    (shelf.folder(asset) / "extra.onnx").write_bytes(b"x")
    with pytest.raises(ProtocolError, match=r"extra\.onnx is no file"):
        shelf.verify(asset)
    (shelf.folder(asset) / "extra.onnx").unlink()
    shelf.verify(asset)
    shelf.drop(asset)
    assert shelf.held() == []


def test_a_disk_without_room_is_said_before_anything_is_fetched(tmp_path, monkeypatch) -> None:
    store, folder = Folder(tmp_path / "store"), folder_of(tmp_path / "mine")
    raw = signed_of(folder)
    Depot(store).push(raw, sources(folder))
    asset = open_signed(raw).asset
    monkeypatch.setattr(depot.shutil, "disk_usage", lambda _: depot.shutil._ntuple_diskusage(10, 7, 3))
    with pytest.raises(OutputError, match="has room for 3 bytes"):
        Depot(store).pull(asset, OWNER.node_id, Shelf(tmp_path / "shelf"))


class Silent(BaseHTTPRequestHandler):
    """Takes every request and never answers it."""

    def do_GET(self) -> None:
        self.server.gone.wait(20)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.slow
def test_a_store_that_is_slow_is_given_up_after_a_while(tmp_path) -> None:
    pytest.importorskip("obstore", reason="the extra antiphon[s3] is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.gone = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        store = Bucket(f"http://127.0.0.1:{server.server_port}/", request_s=0.3, retry_s=1)
        with pytest.raises(UnreachableError, match="cannot be had"):
            Depot(store).pull("0" * 64, OWNER.node_id, Shelf(tmp_path / "shelf"))
    finally:
        server.gone.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
