"""What is wrong with a machine is found, and the remedy named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from antiphon import models
from antiphon.door import doctor
from antiphon.door.doctor import Finding, State, examine
from antiphon.door.settings import Settings
from antiphon.models.catalog import CATALOG


async def found(home: Path) -> dict[str, Finding]:
    return {finding.what: finding async for finding in examine(Settings(home))}


@pytest.mark.slow
async def test_a_machine_on_which_all_works(tmp_path: Path) -> None:
    seen = await found(tmp_path)
    assert {name: one for name, one in seen.items() if one.state is State.WRONG} == {}
    assert "hibari" in seen["engines"].told
    assert "score 0." in seen["network"].told or "score 1." in seen["network"].told
    assert seen["extra languages"] == Finding("extra languages", State.OK, "validators that hear 90 languages")


def test_keys_that_others_may_read(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "client.key"
    key.parent.mkdir()
    key.touch(0o600)
    assert [one.what for one in doctor._folder(Settings(tmp_path))] == ["data folder"]
    key.chmod(0o644)
    wrong = list(doctor._folder(Settings(tmp_path)))[1]
    assert (wrong.state, wrong.remedy) == (State.WRONG, f"chmod go-rwx {tmp_path}/keys/*")


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (wrong,) = doctor._folder(Settings(tmp_path / "file" / "home"))
    assert wrong.state is State.WRONG
    assert "--home" in wrong.remedy


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100 << 20))
    (wrong,) = doctor._folder(Settings(tmp_path))
    assert wrong.state is State.WRONG
    assert "100 MB free" in wrong.told


def test_a_damaged_model_is_named_with_how_to_have_it_again(tmp_path: Path) -> None:
    model = next(one for one in CATALOG if not one.extra and one.size < 2_000_000)
    damaged = tmp_path / model.name / model.files[0].name
    damaged.parent.mkdir()
    damaged.write_bytes(b"not this")
    models.use_folder(tmp_path)
    try:
        (wrong,) = [one for one in doctor._weights(Settings(tmp_path)) if one.state is State.WRONG]
    finally:
        models.use_folder(None)
    assert wrong.what == f"weights {model.name}"
    assert "damaged" in wrong.told
    assert "pip install" in wrong.remedy


def test_an_extra_that_is_not_there_is_missing_and_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "agents", ("a_module_that_nobody_has", "tools for assistants"))
    seen = {one.what: one for one in doctor._extras(Settings(Path()))}
    assert seen["extra agents"].state is State.MISSING
    assert seen["extra agents"].remedy == "pip install 'antiphon[agents]'"


@pytest.mark.slow
async def test_a_ledger_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    wrong = await doctor._network(Settings(tmp_path, ledger="http://127.0.0.1:9"))
    assert wrong.state is State.WRONG
    assert wrong.told
