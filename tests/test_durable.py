"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from antiphon import durable


def test_a_file_is_replaced_whole_and_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "state"
    durable.replace(file, b"one")
    durable.replace(file, b"two")
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["state"]


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    file = tmp_path / "state"
    durable.create(file, b"one")
    with pytest.raises(FileExistsError):
        durable.create(file, b"two")
    assert file.read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_what_cannot_be_written_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "state"
    durable.replace(file, b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.replace(file, b"two")
    assert file.read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
