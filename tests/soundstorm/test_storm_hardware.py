"""What a step is made on changes how it is made, not what is learnt: parts, recomputing, compiling, shares."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from safetensors.torch import load_file  # noqa: E402
from storm_worlds import LAYOUT, token_set  # noqa: E402

from antiphon.errors import InputError, ModelError, StateError, UnavailableError  # noqa: E402
from antiphon.soundstorm import Example, InMemoryTokenSet  # noqa: E402
from antiphon.soundstorm.training import loop, profiles  # noqa: E402
from antiphon.soundstorm.training.data import batch_of, batch_plan  # noqa: E402
from antiphon.soundstorm.training.objectives import Batch  # noqa: E402
from antiphon.soundstorm.training.trainer import Trainer  # noqa: E402
from antiphon.training import checkpoint, run_training  # noqa: E402
from antiphon.training.hardware import Hardware  # noqa: E402

pytestmark = pytest.mark.slow

TOKENS = token_set(24)
STEPS = 4


@pytest.fixture(autouse=True, scope="module")
def _one_thread():  # type: ignore[no-untyped-def]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config(dropout: float = 0.0, hardware: Hardware = Hardware(), **changes) -> profiles.TrainConfig:  # type: ignore[no-untyped-def]  # noqa: B008
    made = profiles.profile("tiny", LAYOUT)
    generator = msgspec.structs.replace(made.generator, dropout=dropout, fusion=changes.pop("fusion", "sum"))
    settings = {"batch": 6, "steps": STEPS, "precision": "float32", "log_every": 2, "save_every": 2} | changes
    return msgspec.structs.replace(made, generator=generator, hardware=hardware, **settings)


def learnt(one: profiles.TrainConfig) -> Trainer:
    trainer, order = Trainer(one), batch_plan(TOKENS, one)
    for step in range(one.steps):
        trainer.train(batch_of(TOKENS, order.at(step), step, one))
    return trainer


def stopping(step: int) -> Callable[[dict[str, float]], None]:
    """A report that interrupts the run after `step`."""
    return lambda line: os.kill(os.getpid(), signal.SIGINT) if line["step"] == step else None


def near(first: dict, second: dict) -> None:  # type: ignore[type-arg]
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-4, rtol=1e-3, msg=name)


def test_a_batch_in_parts_teaches_what_it_teaches_at_once() -> None:
    whole, parts = learnt(config()), learnt(config(hardware=Hardware(accumulate=4)))
    near(whole.model.state_dict(), parts.model.state_dict())
    more = learnt(config(hardware=Hardware(accumulate=100)))  # than rows: each alone
    near(whole.model.state_dict(), more.model.state_dict())


def test_recomputed_activations_are_the_same_to_the_bit_with_dropout_too() -> None:
    kept, again = learnt(config(0.2)), learnt(config(0.2, Hardware(recompute=True)))
    assert all(torch.equal(a, b) for a, b in zip(kept.model.parameters(), again.model.parameters(), strict=True))


def compiled() -> None:
    """Compare with compiled blocks (in a process of its own: the compiler warns of its own code)."""
    plain, made = learnt(config(steps=2)), learnt(config(steps=2, hardware=Hardware(compile=True)))
    near(plain.model.state_dict(), made.model.state_dict())


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_blocks_learn_the_same(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, __file__, str(tmp_path), "compiled"], capture_output=True, text=True, timeout=600,
        check=False, env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert any(tmp_path.rglob("*.so"))
    without = {**os.environ, "PATH": str(tmp_path), "CXX": "none"}
    made = subprocess.run(
        [sys.executable, __file__, str(tmp_path), "compiled"], capture_output=True, text=True, timeout=600,
        check=False, env=without,
    )  # fmt: skip
    assert "needs a C++ compiler" in made.stderr


def test_devices_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match="cuda:N"):
        Hardware(device="tpu")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ModelError, match="no GPU"):
        Trainer(config(hardware=Hardware(device="cuda")))


def start(processes: int, out: Path, stop: int) -> subprocess.Popen[bytes]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    out.mkdir(exist_ok=True)
    with (out / "errors.txt").open("wb") as errors:
        return subprocess.Popen([*torchrun, __file__, str(out), str(stop)], stderr=errors)


def run(processes: int, out: Path, stop: int = STEPS) -> None:
    """Train in shares until step `stop`, where a signal comes."""
    with start(processes, out, stop) as job:
        try:
            assert job.wait(600) == 0, (out / "errors.txt").read_text()
        finally:
            kill(job)


def kill(job: subprocess.Popen[bytes]) -> None:
    """End torchrun and its workers at once, which outlive it otherwise."""
    tasks = Path(f"/proc/{job.pid}/task/{job.pid}/children")
    for worker in tasks.read_text().split() if tasks.exists() else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(worker), signal.SIGKILL)
    job.kill()


def weights(out: Path) -> dict[str, torch.Tensor]:
    """Of a sharded run, read by one process that holds it all."""
    trainer = loop.run(config(), TOKENS, out)
    return trainer.model.state_dict() | {f"average.{k}": v for k, v in trainer.average.state_dict().items()}


def test_shares_learn_what_the_whole_learns_and_go_on_with_any_number_of_processes(tmp_path: Path) -> None:
    run(2, tmp_path / "whole")
    run(2, tmp_path / "half", stop=2)
    files = sorted(p.name for p in (tmp_path / "half" / "step-00000002").iterdir())
    assert len(files) == 3
    assert files[-1] == "state.json"
    assert all(name.endswith(".safetensors") for name in files[:2])
    for name in ("two", "three", "one"):
        shutil.copytree(tmp_path / "half", tmp_path / name)
    run(2, tmp_path / "two")
    whole, again = weights(tmp_path / "whole"), weights(tmp_path / "two")
    assert all(torch.equal(whole[name], again[name]) for name in whole)  # bit for bit on as many
    run(3, tmp_path / "three")
    near(whole, weights(tmp_path / "three"))
    near(whole, weights(tmp_path / "one"))  # goes on alone from step 2, unsharded
    alone = learnt(config()).model.state_dict()
    near(alone, {name: whole[name] for name in alone})
    # And back: from one file to shares.
    loop.run(config(), TOKENS, tmp_path / "file", report=stopping(2))
    run(2, tmp_path / "file")
    near(whole, weights(tmp_path / "file"))


def test_a_sharded_run_that_is_killed_goes_on_bit_for_bit(tmp_path: Path) -> None:
    run(2, tmp_path / "whole")
    with start(2, tmp_path / "killed", 0) as job:
        while not (tmp_path / "killed" / "step-00000002").is_dir() and job.poll() is None:
            time.sleep(0.01)
        kill(job)
    (tmp_path / "killed" / "writing.parts").mkdir(exist_ok=True)  # as a killed writer leaves it
    run(2, tmp_path / "killed")
    one, other = (checkpoint.found(tmp_path / name)[-1] for name in ("whole", "killed"))
    assert one.name == other.name == f"step-{STEPS:08d}"
    for file in one.glob("*.safetensors"):
        first, second = load_file(file), load_file(other / file.name)
        assert first.keys() == second.keys()
        assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_damaged_shares_and_foreign_states_are_said_and_nothing_in_them_runs(tmp_path: Path) -> None:
    run(2, tmp_path / "run", stop=2)
    folder = tmp_path / "run" / "step-00000002"

    def spoilt(name: str) -> Path:
        return Path(shutil.copytree(tmp_path / "run", tmp_path / name)) / "step-00000002"

    class Mallory:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (tmp_path / "ran",))

    harmed = spoilt("pickled")
    for name in (".metadata", "__0_0.distcp", "meta.pt"):
        (harmed / name).write_bytes(pickle.dumps(Mallory()))
    assert loop.run(config(), TOKENS, tmp_path / "pickled").step == STEPS
    assert not (tmp_path / "ran").exists()

    share = next(iter(sorted(spoilt("short").glob("*.safetensors"))))
    share.write_bytes(share.read_bytes()[:1_000])
    with pytest.raises(StateError, match="cannot be read"):
        loop.run(config(), TOKENS, tmp_path / "short")
    next(iter(spoilt("missing").glob("*.safetensors"))).unlink()
    with pytest.raises(StateError, match="cannot be read"):
        loop.run(config(), TOKENS, tmp_path / "missing")
    told = json.loads((folder / "state.json").read_text())
    (spoilt("newer") / "state.json").write_text(json.dumps(told | {"version": 9}))
    with pytest.raises(StateError, match="newer version"):
        loop.run(config(), TOKENS, tmp_path / "newer")
    (spoilt("none") / "state.json").unlink()
    with pytest.raises(StateError, match="cannot be read"):
        loop.run(config(), TOKENS, tmp_path / "none")


def test_another_codec_profile_or_version_is_named_with_what_differs(tmp_path: Path) -> None:
    loop.run(config(steps=1), TOKENS, tmp_path)
    layout = msgspec.structs.replace(LAYOUT, codec="another", semantic="clusters-2")
    other = msgspec.structs.replace(config().generator, layout=layout, layers=3)
    with pytest.raises(StateError, match=r'generator.layout.codec \("synthetic", not "another"\)') as caught:
        loop.run(msgspec.structs.replace(config(), generator=other), TOKENS, tmp_path)
    assert "generator.layers (2, not 3)" in str(caught.value)
    kept = tmp_path / "config.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"from_the_future": 1}))
    with pytest.raises(StateError, match="from_the_future"):
        loop.run(config(), TOKENS, tmp_path)
    assert [path.name for path in checkpoint.found(tmp_path)] == ["step-00000001.pt"]


class Failing(InMemoryTokenSet):
    """A set whose place cannot be reached any more after some examples."""

    def get(self, index: int) -> Example:
        self.left = getattr(self, "left", 14) - 1
        if self.left < 0:
            raise InputError("the bucket cannot be reached", "Try again later.")
        return super().get(index)


def test_data_that_goes_away_ends_the_run_with_what_was_learnt(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bucket"):
        loop.run(config(save_every=100), Failing([TOKENS.get(n) for n in range(24)]), tmp_path / "cut")
    assert [path.name for path in checkpoint.found(tmp_path / "cut")] == ["step-00000002.pt"]
    resumed, whole = loop.run(config(), TOKENS, tmp_path / "cut"), loop.run(config(), TOKENS, tmp_path / "whole")
    assert all(torch.equal(a, b) for a, b in zip(resumed.model.parameters(), whole.model.parameters(), strict=True))


def test_a_run_ends_when_its_time_is_over_and_keeps_a_checkpoint_as_often_as_asked(tmp_path: Path) -> None:
    stopped = loop.run(config(minutes=1e-9), TOKENS, tmp_path / "none")
    assert stopped.step == 0
    loop.run(config(save_every=100, save_minutes=1e-9), TOKENS, tmp_path)
    assert [checkpoint.step_of(path) for path in checkpoint.found(tmp_path)] == [2, 3, 4]


def exhausted(out: Path) -> None:
    """Learn with too little memory for a step (in a process of its own)."""
    rng = np.random.default_rng(0)
    tokens = InMemoryTokenSet(
        [Example(rng.integers(0, 10, 4_000).astype(np.uint16), rng.integers(0, 7, (3, 4_000)).astype(np.uint16))] * 12
    )
    large = config(batch=12, frames=4_000, steps=1)
    trainer_size = 600 << 20
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + trainer_size, held + trainer_size))
    try:
        loop.run(large, tokens, out)
    except UnavailableError as error:
        print(error)


def test_too_little_memory_proposes_smaller_parts_and_keeps_the_run(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, __file__, str(tmp_path), "memory"], capture_output=True, text=True, timeout=600, check=False
    )
    assert "too little memory for 12 examples at once" in made.stdout, made.stderr
    assert "--accumulate 2" in made.stdout
    assert [checkpoint.step_of(path) for path in checkpoint.found(tmp_path)] == [0]


class ExhaustedGpu(Trainer):
    """A GPU whose memory is full at its third step, as PyTorch says so."""

    def train(self, batch: Batch) -> dict[str, float]:
        if self.step == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return super().train(batch)


def test_a_gpu_that_runs_out_of_memory_proposes_smaller_parts_until_there_are_none(tmp_path: Path) -> None:
    def go_on(accumulate: int) -> UnavailableError:
        parts = config(batch=4, hardware=Hardware(accumulate=accumulate))
        plan = batch_plan(TOKENS, parts)
        with pytest.raises(UnavailableError, match="too little memory for") as caught:
            run_training(
                parts,
                tmp_path,
                lambda processes: ExhaustedGpu(parts, processes),
                lambda step, _: batch_of(TOKENS, plan.at(step), step, parts),
            )
        return caught.value

    assert "--accumulate 2" in go_on(1).hint
    assert [checkpoint.step_of(path) for path in checkpoint.found(tmp_path)] == [2]
    assert "--accumulate 4" in go_on(2).hint
    assert "--recompute" in go_on(4).hint


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2] == "memory":
        exhausted(Path(sys.argv[1]))
    elif sys.argv[2] == "compiled":
        compiled()
    else:
        at = int(sys.argv[2])
        loop.run(config(hardware=Hardware(strategy="fsdp")), TOKENS, Path(sys.argv[1]), report=stopping(at))
