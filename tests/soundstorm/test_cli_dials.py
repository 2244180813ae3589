"""Every dial of a training is an option; what is wrong is told in one line, and what was learnt stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from storm_sets import token_set

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from antiphon.cli.soundstorm import soundstorm  # noqa: E402
from antiphon.errors import AntiphonError, InputError, ModelError, StateError  # noqa: E402

pytestmark = pytest.mark.slow
TINY = ("train", "generator", "--profile", "tiny", "--threads", "1", "--precision", "float32")


def train(data: Path | str, out: Path, *words: str) -> Result:
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(soundstorm, [*TINY, "--data", str(data), "--out", str(out), *words])
    finally:
        torch.set_num_threads(threads)


def refused(kind: type[AntiphonError], data: Path | str, out: Path, *words: str) -> str:
    error = train(data, out, *words).exception
    assert isinstance(error, kind), error
    assert error.hint
    return str(error)


def test_dials_reach_the_run_and_its_own_configuration(tmp_path: Path) -> None:
    data, out = token_set(tmp_path / "set", 40), tmp_path / "run"
    made = train(
        data, out, "--steps", "2", "--batch", "8", "--accumulate", "2", "--recompute", "--packed", "--fusion", "unet",
        "--learning-rate", "0.001", "--device", "cpu", "--save-minutes", "1", "--minutes", "9",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    kept = json.loads((out / "config.json").read_text())
    assert (kept["batch"], kept["learning_rate"], kept["packed"], kept["minutes"]) == (8, 0.001, True, 9.0)
    assert kept["hardware"]["accumulate"] == 2
    assert kept["hardware"]["recompute"]
    assert kept["generator"]["fusion"] == "unet"
    assert "generator.fusion" in refused(StateError, data, out, "--resume", "--batch", "8", "--learning-rate", "0.001")
    # Its own file is enough to go on, on other hardware too.
    again = train(data, out, "--resume", "--config", str(out / "config.json"), "--steps", "3", "--accumulate", "1")
    assert again.exit_code == 0, again.output
    assert (out / "step-00000003.pt").is_file()


def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    data, out = token_set(tmp_path / "set", 20), tmp_path / "run"
    assert "Did you mean hardware.accumulate?" in refused(InputError, data, out, "--set", "hardware.acumulate=2")
    assert "auto, cpu, cuda or cuda:N" in refused(InputError, data, out, "--device", "gpu")
    if not torch.cuda.is_available():
        assert "--device cpu" in refused(ModelError, data, out, "--device", "cuda")
    assert "no place of objects" in refused(InputError, "ftp://host/x", out)
    assert not any(out.glob("step-*"))
