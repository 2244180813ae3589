"""The loader finds, joins, verifies, and says what to install."""

from __future__ import annotations

import hashlib
import re
import threading
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from antiphon import models
from antiphon.errors import ModelError
from antiphon.models.catalog import CATALOG, FilePiece, Model, ModelFile
from antiphon.models.loader import Loader

OURS = Path(__file__).parents[2] / "weights"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package of weights."""
    folder = tmp_path / "site" / "weights_of_a_test"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder.parent)
    return folder


def _model(name: str, blob: bytes, package: Path) -> Model:
    piece = FilePiece(distribution="weights-of-a-test", version="1", module=package.name, path="m.bin")
    file = ModelFile(name="m.bin", sha256=hashlib.sha256(blob).hexdigest(), size=len(blob), pieces=(piece,))
    return Model(name=name, version="1", licence="MIT", files=(file,))


def test_an_installed_file_is_read_and_located(package: Path) -> None:
    (package / "m.bin").write_bytes(b"weights")
    loader = Loader((_model("toy", b"weights", package),))
    assert loader.read("toy") == b"weights"
    assert loader.path("toy") == package / "m.bin"


def test_a_corrupted_file_is_refused(package: Path) -> None:
    (package / "m.bin").write_bytes(b"weightz")
    loader = Loader((_model("toy", b"weights", package),))
    for load in (loader.read, loader.path):
        with pytest.raises(ModelError, match=r"toy/m\.bin is damaged.*pip install"):
            load("toy")


def test_a_file_corrupted_after_its_first_use_is_refused(package: Path) -> None:
    file = package / "m.bin"
    file.write_bytes(b"weights")
    loader = Loader((_model("toy", b"weights", package),))
    loader.path("toy")
    file.write_bytes(b"other bytes")
    with pytest.raises(ModelError):
        loader.path("toy")


def test_a_missing_package_names_its_pip_command() -> None:
    piece = FilePiece(distribution="no-such-model", version="1.2", module="no_such_module_anywhere", path="a.bin")
    file = ModelFile(name="m.bin", sha256="", size=1, pieces=(piece,))
    loader = Loader((Model(name="toy", version="1", licence="MIT", files=(file,)),))
    assert not loader.installed("toy")
    with pytest.raises(ModelError, match=r"pip install no-such-model==1\.2"):
        loader.read("toy")


def test_an_optional_model_names_our_extra() -> None:
    piece = FilePiece(distribution="no-such-model", version="1.2", module="no_such_module_anywhere", path="a.bin")
    file = ModelFile(name="m", sha256="", size=1, pieces=(piece,))
    loader = Loader((Model(name="toy", version="1", licence="MIT", files=(file,), extra="languages"),))
    with pytest.raises(ModelError, match=r'pip install "antiphon\[languages\]"'):
        loader.path("toy")


def test_the_users_folder_comes_first_and_is_verified_too(package: Path, tmp_path: Path) -> None:
    (package / "m.bin").write_bytes(b"weights")
    own = tmp_path / "own" / "toy"
    own.mkdir(parents=True)
    loader = Loader((_model("toy", b"weights", package),), folder=tmp_path / "own")
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
        assert file.pieces
        assert len(file.sha256) == 64
        assert file.size > 0


@pytest.mark.parametrize("name", ["judges", "kokoro", "ruby", "soundstorm"])
def test_our_packages_hold_what_is_declared_their_licences_and_less_than_100_mb(name: str) -> None:
    (project,) = (OURS / name).glob("pyproject.toml")
    about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    pieces = {
        piece.path: piece
        for model in CATALOG
        for file in model.files
        for piece in file.pieces
        if piece.distribution == about["name"]
    }
    files = list((OURS / name / f"antiphon_weights_{name}").iterdir())
    assert {file.name for file in files if file.suffix not in {".md", ".py", ""}} == set(pieces)
    assert {piece.version for piece in pieces.values()} == {about["version"]}
    assert f'"{about["name"]}=={about["version"]}"' in (OURS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in files) < 80_000_000
    licences = next(file for file in files if file.name == "LICENCES.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([^`]+)`", licences, re.MULTILINE)
    page = (OURS.parent / "docs/weights.md").read_text(encoding="utf-8")
    for path in pieces:
        assert any(fnmatch(path, pattern) and f"`{pattern}`" in page for pattern in told), path


@pytest.mark.parametrize("model", CATALOG, ids=lambda m: m.name)
def test_weights_of_others_have_a_row_that_says_what_happens_without_them(model: Model) -> None:
    others = {piece for file in model.files for piece in file.pieces if not piece.distribution.startswith("antiphon-")}
    page = (OURS.parent / "docs/weights.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.split("## Other people's packages")[1].splitlines()]
    for piece in others:
        # Of several packages the first is named in full, the others by their number.
        name, number = re.fullmatch(r"(.*?)(-\d)?", piece.distribution).groups()  # type: ignore[union-attr]
        (row,) = (row for row in rows if row[0] == f"`{model.name}`")
        assert f"`{name}`" in row[1] if number is None else f"`{name}-1`" in row[1]
        assert f" {piece.version}" in row[1]
        assert len(row) == 5
        assert all(row)


def test_every_package_that_carries_weights_is_in_the_page() -> None:
    page = (OURS.parent / "docs/weights.md").read_text(encoding="utf-8")
    project = tomllib.loads((OURS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    inside = re.findall(r"[a-z]+", extras["weights"][0].partition("[")[2])
    ours = [line for line in project["dependencies"] if line.startswith("antiphon-weights-")]
    lines = [*ours, *extras["languages"], *(line for name in inside for line in extras[name])]
    pinned = [found[1] for line in lines if (found := re.fullmatch(r"([\w-]+)==[\d.]+", line))]
    assert len(pinned) > 5
    for name in pinned:
        assert name in page or re.sub(r"-\d$", "-1", name) in page, name


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
