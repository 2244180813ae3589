"""The recipe of a short run on a GPU, on the CPU: packed, trained by one and by two processes, stopped, unpacked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from storm_sets import token_set

from antiphon.soundstorm import DecodingInput, task_key
from antiphon.soundstorm.serving import load

pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")
pytestmark = pytest.mark.slow

RECIPE = Path(__file__).parents[2] / "runs" / "gpu.sh"
TINY = ("--profile", "tiny", "--threads", "1", "--device", "cpu", "--set", "log_every=2", "--precision", "float32")


def sh(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(RECIPE), *map(str, words)], capture_output=True, text=True, timeout=400, check=False,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **more},
    )  # fmt: skip


@pytest.mark.parametrize("processes", ["1", "2"])
def test_tokens_go_there_and_a_model_comes_back(processes: str, tmp_path: Path) -> None:
    tokens, file, out = token_set(tmp_path / "set", 60, per_shard=20), tmp_path / "tokens.tgz", tmp_path / "out"
    packed = sh("pack", tokens, file)
    assert packed.returncode == 0, packed.stderr
    trained = sh("train", file, out, *TINY, "--steps", "6", PROCESSES=processes)
    assert trained.returncode == 0, trained.stderr
    assert all(part.stat().st_size <= 1 << 24 for part in out.glob("part-*"))
    back = sh("unpack", out, tmp_path / "back")
    assert back.returncode == 0, back.stderr
    generator = load(tmp_path / "back" / "exported", threads=1)
    made = generator.generate([DecodingInput(np.zeros(20, np.uint16), np.zeros((2, 5), np.uint16), task_key("x", 0))])
    assert made[0].grid.tokens.shape == (2, 15)
    lines = (tmp_path / "back" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6]
    # A part that was harmed on the way is found.
    part = next(out.glob("part-*"))
    part.write_bytes(part.read_bytes()[:-1])
    assert sh("unpack", out, tmp_path / "again").returncode != 0


def test_a_run_whose_minutes_are_over_gives_its_model_and_goes_on_later(tmp_path: Path) -> None:
    file, out = tmp_path / "tokens.tgz", tmp_path / "out"
    sh("pack", token_set(tmp_path / "set", 30), file)
    short = sh("train", file, out, *TINY, "--steps", "500", MINUTES="0.02", WORK=str(tmp_path / "work"))
    assert short.returncode == 0, short.stderr
    assert "the same command with --resume goes on" in short.stdout
    assert (tmp_path / "work" / "run" / "exported" / "generator.safetensors").is_file()
    kept = sorted((tmp_path / "work" / "run").glob("step-*.pt"))[-1].name
    more = sh("train", file, out, *TINY, "--steps", "500", MINUTES="0.02", WORK=str(tmp_path / "work"))
    assert more.returncode == 0, more.stderr
    assert sorted((tmp_path / "work" / "run").glob("step-*.pt"))[-1].name > kept


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    noise = np.random.default_rng(0).integers(0, 1 << 16, 27 << 20).astype(np.uint16)
    np.save(tmp_path / "large" / "00000.npy", noise)
    made = sh("pack", tmp_path / "large", tmp_path / "large.tgz")
    assert made.returncode == 1
    assert "over 50" in made.stderr
    assert not (tmp_path / "large.tgz").exists()
    assert sh("fly").returncode == 2
