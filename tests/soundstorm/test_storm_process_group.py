"""Two processes, started by torchrun, learn what one learns from the same batches."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_fakes import tone, write  # noqa: E402
from storm_worlds import LAYOUT, token_set  # noqa: E402

from antiphon.soundstorm.text import TextConfig  # noqa: E402
from antiphon.soundstorm.training import loop, profiles, text_profiles, text_trainer  # noqa: E402
from antiphon.soundstorm.training.text_data import Line  # noqa: E402

pytestmark = pytest.mark.slow

STEPS = 3
KINDS = ("diffusion", "autoregressive", "parallel")  # MaskGIT: test_storm_training.py


def lines() -> list[Line]:
    """Of different lengths: processes then have different numbers of phonemes and tokens."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(32):
        ids = rng.integers(0, 8, rng.integers(3, 12))
        made.append(Line(ids, np.repeat(ids * 2, ids % 3 + 1).astype(np.uint16), ids % 3 + 1))
    return made


def train(kind: str, out: Path) -> None:
    """A few steps without dropout: its random numbers are each process's own."""
    if kind == "diffusion":
        config = profiles.profile("tiny", LAYOUT)
        generator = msgspec.structs.replace(config.generator, dropout=0.0, objective=kind, diffusion_steps=8)
        config = msgspec.structs.replace(config, steps=STEPS, log_every=1, precision="float32", generator=generator)
        loop.run(config, token_set(24), out)
        return
    text = TextConfig(
        kind=kind, symbols="abcdefgh", semantic="fake", semantic_vocabulary=16, frame_rate_hz=50.0,
        frames_per_symbol=1.9,
    )  # type: ignore[arg-type]  # fmt: skip
    config = msgspec.structs.replace(text_profiles.profile("tiny", text), steps=STEPS, log_every=1, precision="float32")
    text_trainer.run(config, lines(), out)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_learn_what_one_does(kind: str, tmp_path: Path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with subprocess.Popen([*torchrun, __file__, kind, str(tmp_path / "two")]) as pair:
        try:
            train(kind, tmp_path / "one")
            assert pair.wait(300) == 0
        finally:
            pair.terminate()
    one, two = (
        torch.load(tmp_path / number / f"step-{STEPS:08d}.pt", weights_only=True)["model"] for number in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-3, msg=name)


def test_a_codec_is_prepared_once_for_all_processes(tmp_path: Path):
    for number in range(4):
        write(tmp_path / "audio" / f"{number}.wav", tone(1.5, number))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    train = ["-m", "antiphon", "soundstorm", "train", "codec", "--profile", "tiny", "--steps", "2", "--threads", "1"]
    folders = ["--data", str(tmp_path / "audio"), "--out", str(tmp_path / "codec")]
    three = subprocess.run([*torchrun, "3", *train, *folders], capture_output=True, timeout=600, check=False)
    assert b"cannot be shared evenly by 3 processes" in three.stderr
    two = subprocess.run([*torchrun, "2", *train, *folders], capture_output=True, timeout=600, check=False)
    assert two.returncode == 0, two.stderr.decode()
    assert (tmp_path / "codec" / "exported").is_dir()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(240)  # should it hang, the log tells where
    torch.set_num_threads(1)
    train(sys.argv[1], Path(sys.argv[2]))
    os._exit(0)  # once in some hundred runs a process hung after it had left the group, in PyTorch's threads
