"""The loader finds, joins, verifies, and says what to install."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from antiphon import models
from antiphon.errors import ModelError
from antiphon.models.catalog import CATALOG, Model, ModelFile, Piece
from antiphon.models.loader import WEIGHTS, Loader


def _model(name: str, blob: bytes, **where: object) -> Model:
    file = ModelFile(name="m.bin", sha256=hashlib.sha256(blob).hexdigest(), size=len(blob), **where)
    return Model(name=name, version="1", licence="MIT", files=(file,))


def test_a_shipped_file_is_read_and_located(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"weights")
    loader = Loader((_model("toy", b"weights", shipped="m.bin"),), weights=tmp_path)
    assert loader.read("toy") == b"weights"
    assert loader.path("toy") == tmp_path / "m.bin"


def test_a_corrupted_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"weightz")
    loader = Loader((_model("toy", b"weights", shipped="m.bin"),), weights=tmp_path)
    for load in (loader.read, loader.path):
        with pytest.raises(ModelError, match=r"toy/m\.bin is damaged.*pip install"):
            load("toy")


def test_a_file_corrupted_after_its_first_use_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"weights")
    loader = Loader((_model("toy", b"weights", shipped="m.bin"),), weights=tmp_path)
    loader.path("toy")
    file.write_bytes(b"other bytes")
    with pytest.raises(ModelError):
        loader.path("toy")


def test_a_missing_package_names_its_pip_command() -> None:
    piece = Piece(distribution="no-such-model", version="1.2", module="no_such_module_anywhere", path="a.bin")
    loader = Loader((_model("toy", b"x", pieces=(piece,)),))
    assert not loader.installed("toy")
    with pytest.raises(ModelError, match=r"pip install no-such-model==1\.2"):
        loader.read("toy")


def test_an_optional_model_names_our_extra() -> None:
    piece = Piece(distribution="no-such-model", version="1.2", module="no_such_module_anywhere", path="a.bin")
    file = ModelFile(name="m", sha256="", size=1, pieces=(piece,))
    loader = Loader((Model(name="toy", version="1", licence="MIT", files=(file,), extra="languages"),))
    with pytest.raises(ModelError, match=r'pip install "antiphon\[languages\]"'):
        loader.path("toy")


def test_the_users_folder_comes_first_and_is_verified_too(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"weights")
    own = tmp_path / "own" / "toy"
    own.mkdir(parents=True)
    loader = Loader((_model("toy", b"weights", shipped="m.bin"),), weights=tmp_path, folder=tmp_path / "own")
    (own / "m.bin").write_bytes(b"weights")
    assert loader.path("toy") == own / "m.bin"
    (own / "m.bin").write_bytes(b"poison!")
    with pytest.raises(ModelError):
        loader.read("toy")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="whisper-tiny-en"):
        models.read("whisper-huge")


def test_an_unknown_file_lists_the_models_files() -> None:
    with pytest.raises(ModelError, match=r"model\.bin, config\.json"):
        models.read("whisper-tiny-en", "nope.txt")


@pytest.mark.parametrize("model", CATALOG, ids=lambda m: m.name)
def test_every_entry_is_complete(model: Model) -> None:
    assert model.licence
    assert model.version
    for file in model.files:
        assert bool(file.shipped) != bool(file.pieces)
        assert len(file.sha256) == 64
        assert file.size > 0


def test_shipped_weights_stay_below_100_mb_and_each_is_declared() -> None:
    shipped = {file.shipped for model in CATALOG for file in model.files if file.shipped}
    present = {p.name for p in WEIGHTS.iterdir() if p.suffix != ".md"}
    assert present == shipped
    assert sum((WEIGHTS / name).stat().st_size for name in shipped) < 100_000_000


@pytest.mark.slow
@pytest.mark.parametrize("model", CATALOG, ids=lambda m: m.name)
def test_every_file_is_here_with_the_declared_hash_and_size(model: Model) -> None:
    for file in model.files:
        assert len(models.read(model.name, file.name)) == file.size


@pytest.mark.slow
def test_a_model_in_pieces_has_no_path() -> None:
    with pytest.raises(ModelError, match="pieces"):
        models.path("kokoro-82m-int8")


def test_a_folder_of_files_has_a_path() -> None:
    assert (models.path("whisper-tiny-en") / "model.bin").is_file()


@pytest.mark.slow
def test_threads_share_one_session() -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(models.session("kokoro-82m-int8"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len({id(session) for session in found}) == 1
