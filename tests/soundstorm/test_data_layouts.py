"""The public code's layouts: there and back, and nothing dangerous read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from storm_fakes import numbers

from antiphon.errors import InputError
from antiphon.soundstorm.data import read_seed, write_seed
from antiphon.soundstorm.tokenset import Example, InMemoryTokenSet

SET = InMemoryTokenSet(
    [Example(numbers(n, 300, n), np.stack([numbers(n, 64, 9 + k) for k in range(4)])) for n in (30, 51)]
)


@pytest.mark.parametrize("acoustic", ["acoustic", "acoustic.pth"])
def test_tokens_come_back_as_they_were(tmp_path: Path, acoustic: str):
    if acoustic.endswith(".pth"):
        pytest.importorskip("torch")
    write_seed(SET, ["one", "two"], tmp_path / "semantic.tsv", tmp_path / acoustic)
    found = read_seed(tmp_path / "semantic.tsv", tmp_path / acoustic)
    assert list(found) == ["one", "two"]
    for index, example in enumerate(found.values()):
        np.testing.assert_array_equal(example.semantic, SET.get(index).semantic)
        np.testing.assert_array_equal(example.acoustic, SET.get(index).acoustic)


def test_half_the_semantic_rate_is_understood_for_even_and_odd_lengths(tmp_path: Path):
    (tmp_path / "s.tsv").write_text(
        "item_name\tsemantic_audio\tphone_sequence\ttext\na\t1 2 3\tA | B\tAb.\nb\t1 2 3\tA | B\tAb.\n"
    )
    (tmp_path / "grids").mkdir()
    np.save(tmp_path / "grids" / "a.npy", np.arange(12).reshape(1, 2, 6))
    np.save(tmp_path / "grids" / "b.npy", np.arange(10).reshape(2, 5))
    examples = read_seed(tmp_path / "s.tsv", tmp_path / "grids")
    np.testing.assert_array_equal(examples["a"].semantic, [1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(examples["b"].semantic, [1, 1, 2, 2, 3])
    np.testing.assert_array_equal(examples["a"].acoustic, np.arange(12).reshape(2, 6))


def test_grids_saved_the_other_way_round_are_refused_not_turned(tmp_path: Path):
    (tmp_path / "s.tsv").write_text("item_name\tsemantic_audio\tphone_sequence\ttext\na\t1 2\t\t\nb\t1 2\t\t\n")
    (tmp_path / "grids").mkdir()
    np.save(tmp_path / "grids" / "a.npy", np.arange(12).reshape(6, 2))
    np.save(tmp_path / "grids" / "b.npy", np.arange(10).reshape(5, 2))
    with pytest.raises(InputError, match="transpose"):
        read_seed(tmp_path / "s.tsv", tmp_path / "grids")


def test_a_torch_file_that_would_run_code_is_not_run(tmp_path: Path):
    torch = pytest.importorskip("torch")

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "ran").touch, ())

    write_seed(SET, ["one", "two"], tmp_path / "s.tsv", tmp_path / "good")
    torch.save({"one": Payload()}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match="read safely"):
        read_seed(tmp_path / "s.tsv", tmp_path / "bad.pth")
    (tmp_path / "good" / "one.npy").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(InputError, match="no array"):
        read_seed(tmp_path / "s.tsv", tmp_path / "good")
    assert not (tmp_path / "ran").exists()


def test_an_array_whose_head_tells_of_more_than_any_memory_is_none(tmp_path: Path):
    write_seed(SET, ["one", "two"], tmp_path / "s.tsv", tmp_path / "a")
    with (tmp_path / "a" / "one.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": (8, 10**14)})
    with pytest.raises(InputError, match="no array"):
        read_seed(tmp_path / "s.tsv", tmp_path / "a")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "..", "", "a\\b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="no name"):
        write_seed(SET, [name, "two"], tmp_path / "s.tsv", tmp_path / "a")
    (tmp_path / "s.tsv").write_text(f"item_name\tsemantic_audio\n{name}\t1 2\n")
    (tmp_path / "a").mkdir(exist_ok=True)
    with pytest.raises(InputError):
        read_seed(tmp_path / "s.tsv", tmp_path / "a")


@pytest.mark.parametrize("row", ["a\t1 two 3", "a\t-1", "a\t70000", "a\t", "a\t99999999999999999999999"])
def test_tokens_that_are_none_name_their_line(tmp_path: Path, row: str):
    (tmp_path / "s.tsv").write_text(f"item_name\tsemantic_audio\n{row}\n")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="Line 2"):
        read_seed(tmp_path / "s.tsv", tmp_path / "a")


def test_files_of_other_recordings_have_nothing_in_common(tmp_path: Path):
    (tmp_path / "s.tsv").write_text("item_name\tsemantic_audio\na\t1\n")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="no item in common"):
        read_seed(tmp_path / "s.tsv", tmp_path / "a")
    (tmp_path / "s.tsv").write_text("something else\n")
    with pytest.raises(InputError, match="first line"):
        read_seed(tmp_path / "s.tsv", tmp_path / "a")
