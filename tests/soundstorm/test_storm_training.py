"""Model, objectives, trainer and export: worked losses, exact resuming, broken batches and files, torch and ONNX."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_worlds import LAYOUT, job, token_set, tokens_for  # noqa: E402

from antiphon.codecs import TokenGrid  # noqa: E402
from antiphon.codecs.chip import layout as chip  # noqa: E402
from antiphon.economy.types import Verdict  # noqa: E402
from antiphon.errors import InputError, ModelError, OutputError, StateError  # noqa: E402
from antiphon.soundstorm import (  # noqa: E402
    DecodingInput,
    DecodingOptions,
    Example,
    InMemoryTokenSet,
    Layout,
    generate,
    profile,
    task_key,
)
from antiphon.soundstorm.audit import INT8_FOR_FLOAT, SAME_WEIGHTS, Task, audit, commit, open_pass  # noqa: E402
from antiphon.soundstorm.decoding import batch as inputs_of  # noqa: E402
from antiphon.soundstorm.decoding import start  # noqa: E402
from antiphon.soundstorm.diffusion import Noising  # noqa: E402
from antiphon.soundstorm.serving import load  # noqa: E402
from antiphon.soundstorm.training import loop, profiles  # noqa: E402
from antiphon.soundstorm.training.data import batch_of, batch_plan  # noqa: E402
from antiphon.soundstorm.training.export import export, restored, torch_joint, torch_logits, weights_of  # noqa: E402
from antiphon.soundstorm.training.model import Generator  # noqa: E402
from antiphon.soundstorm.training.objectives import AUXILIARY, diffusion_loss, divergence, maskgit_loss  # noqa: E402
from antiphon.soundstorm.training.trainer import Trainer  # noqa: E402
from antiphon.trackers import TensorBoard, WeightsAndBiases  # noqa: E402
from antiphon.training import rate_scale, read_config  # noqa: E402

pytestmark = pytest.mark.slow

TOKENS = token_set(24)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():  # type: ignore[no-untyped-def]
    """Two threads on busy cores wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _config(**changes) -> profiles.TrainConfig:  # type: ignore[no-untyped-def]
    config = profiles.profile("tiny", LAYOUT)
    generator = {name: changes.pop(name) for name in ("fusion", "objective", "dropout", "text_dim") if name in changes}
    made = msgspec.structs.replace(config.generator, **generator)
    settings = {"steps": 6, "precision": "float32", "log_every": 1, "save_every": 100} | changes
    return msgspec.structs.replace(config, generator=made, **settings)


@pytest.fixture(scope="module")
def trained() -> Trainer:
    config = _config(steps=180, batch=8, dropout=0.0, learning_rate=4e-3)
    trainer, order = Trainer(config), batch_plan(TOKENS, config)
    for step in range(config.steps):
        figures = trainer.train(batch_of(TOKENS, order.at(step), step, config))
    assert figures["loss"] < 0.8
    return trainer


@pytest.fixture(scope="module")
def exported(trained: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    export(trained.average, out)
    return out


def test_training_starts_at_the_logarithm_of_the_vocabulary() -> None:
    config = _config()
    batch = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    loss, _ = maskgit_loss(Generator(config.generator), batch, float(batch.chosen.sum()))
    sizes = torch.tensor(LAYOUT.vocabulary)[batch.level]
    counts = batch.chosen.sum(1)
    assert float(loss.detach()) == pytest.approx(float((sizes.log() * counts).sum() / counts.sum()), rel=1e-5)


def test_levels_above_the_drawn_one_are_taught_too_when_that_is_asked(trained: Trainer) -> None:
    config = _config(batch=3)
    batch = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    model, count = trained.model.eval(), float(batch.chosen.sum())
    plain, _ = maskgit_loss(model, batch, count)
    both, figures = maskgit_loss(model, batch, count, upper=0.5)
    above = 0.0
    for row in range(3):
        frames = (batch.valid & ~batch.prompt)[row]
        for level in range(int(batch.level[row]) + 1, LAYOUT.levels):
            logits = model(batch.semantic, batch.tokens, batch.prompt, batch.valid, torch.tensor(level))[row]
            likely = torch.log_softmax(logits[:, : LAYOUT.vocabulary[level]], -1).detach()
            above -= float(likely[frames].gather(1, batch.target[row, level][frames][:, None]).sum())
    assert float(both.detach()) == pytest.approx(float(plain.detach()) + 0.5 * above / count, rel=1e-4)
    assert float(figures["tokens"]) == pytest.approx(float(plain.detach()), rel=1e-5)


def test_a_generator_may_begin_with_what_tokens_mean() -> None:
    config = _config()
    rng = np.random.default_rng(3)
    books = [rng.standard_normal((size, 6)).astype(np.float32) for size in LAYOUT.vocabulary]
    books[0][1] = books[0][0] + 0.01  # two codes that sound alike
    model = Trainer(config, codebooks=books).model
    table, start = model.levels.embedding.table.weight.detach(), int(model.levels.embedding.offsets[0])
    near, far = (table[start] - table[start + other] for other in (1, 2))
    assert float(near.norm()) < 0.05 * float(far.norm())
    head = model.heads.detach()[0]
    assert float((head[:, 0] - head[:, 1]).norm()) < 0.05 * float((head[:, 0] - head[:, 2]).norm())
    with pytest.raises(InputError, match="codes"):
        Trainer(config, codebooks=books[1:])


def test_the_loss_is_the_cross_entropy_of_the_hidden_tokens_of_the_drawn_level_only(trained: Trainer) -> None:
    config = _config(batch=3)
    batch = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    model = trained.model.eval()
    loss, figures = maskgit_loss(model, batch, float(batch.chosen.sum()))
    total, right = 0.0, 0
    for row in range(3):
        level = int(batch.level[row])
        logits = model(batch.semantic, batch.tokens, batch.prompt, batch.valid, torch.tensor(level))[row]
        likely = torch.log_softmax(logits[:, : LAYOUT.vocabulary[level]], -1)
        for frame in np.flatnonzero(batch.chosen[row].numpy()):
            total -= float(likely.detach()[frame, batch.target[row, level, frame]])
            right += int(likely[frame].argmax() == batch.target[row, level, frame])
    assert float(loss.detach()) == pytest.approx(total / int(batch.chosen.sum()), rel=1e-4)
    assert float(figures["accuracy"]) == pytest.approx(right / int(batch.chosen.sum()))


def test_the_divergence_of_three_tokens_is_that_of_the_matrices() -> None:
    noising, guess = Noising(4), np.log([0.2, 0.5, 0.3])
    for step in (1, 2, 3, 4):
        for seen in range(4):
            value = divergence(
                torch.tensor(guess)[None], torch.tensor([1]), torch.tensor([seen]), torch.tensor([step]), noising, 3
            )
            if step == 1:
                assert float(value) == pytest.approx(-guess[1])
                continue
            mixed, right = _bayes(noising, step, seen, np.exp(guess)), _bayes(noising, step, seen, np.eye(3)[1])
            known = right > 0
            expected = (right[known] * np.log(right[known] / mixed[known])).sum()
            assert float(value) == pytest.approx(expected, abs=1e-9)


def _bayes(noising: Noising, step: int, seen: int, origin: np.ndarray) -> np.ndarray:
    def matrix(before: int, after: int) -> np.ndarray:
        alpha, beta, gamma = noising.between(before, after, 3)
        q = np.full((4, 4), beta) + alpha * np.eye(4)
        q[3], q[:, 3] = gamma, np.eye(4)[3]
        return q

    made = np.zeros(4)
    for token, share in enumerate(origin):
        joint = matrix(step - 1, step)[seen] * matrix(0, step - 1)[:, token]
        if joint.sum() > 0:
            made += share * joint / joint.sum()
    return made


def test_a_diffusion_starts_at_its_bound_and_learns() -> None:
    config = _config(objective="diffusion", fusion="unet", steps=40, dropout=0.0)
    batch = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    count = float(batch.chosen.sum())
    loss, figures = diffusion_loss(Generator(config.generator), batch, Noising(), count)
    assert float(figures["auxiliary"]) == pytest.approx(np.log(LAYOUT.vocabulary).mean(), rel=1e-4)
    assert float(loss.detach()) == pytest.approx(float(figures["bound"] + AUXILIARY * figures["auxiliary"]), rel=1e-4)
    trainer, order = Trainer(config), batch_plan(TOKENS, config)
    lines = [trainer.train(batch_of(TOKENS, order.at(n), n, config)) for n in range(40)]
    assert np.mean([line["auxiliary"] for line in lines[-5:]]) < 0.9 * lines[0]["auxiliary"]
    made = trainer.average.joint(batch.semantic, batch.tokens, batch.prompt, batch.valid, None, batch.noise)
    assert [level.shape[-1] for level in made] == list(LAYOUT.vocabulary)


@pytest.mark.parametrize("fusion", ["sum", "unet"])
def test_padding_changes_nothing(fusion: str) -> None:
    model = Generator(_config(fusion=fusion).generator, seed=3).eval()
    torch.nn.init.normal_(model.heads)
    logits, jobs = torch_logits(model), [job(30, 5), job(50, 9, seed=1)]
    grids = [start(one, LAYOUT) for one in jobs]
    together = logits(inputs_of(jobs, grids, LAYOUT), 1)
    for row, one in enumerate(jobs):
        alone = logits(inputs_of([one], [grids[row]], LAYOUT), 1)[0]
        np.testing.assert_allclose(together[row, : one.frames], alone, atol=1e-4)


def test_every_epoch_uses_every_example_once_and_sorts_by_length_without_order() -> None:
    config = _config(batch=4)
    order = batch_plan(TOKENS, config)
    first, second = ([order.at(6 * epoch + n).tolist() for n in range(6)] for epoch in (0, 1))
    assert sorted(index for chosen in first for index in chosen) == list(range(24))
    assert first != second
    spread = [max(order.lengths[i] for i in b) - min(order.lengths[i] for i in b) for b in first]
    assert np.mean(spread) < 10  # of 30
    assert sorted(set(batch_plan(token_set(2), config).at(5).tolist())) <= [0, 1]
    with pytest.raises(InputError):
        batch_plan(InMemoryTokenSet([]), config)


def test_tokens_that_do_not_fit_the_layout_are_refused() -> None:
    config = _config(batch=1)
    for bad in (
        Example(np.full(9, 10, np.uint16), np.zeros((3, 9), np.uint16)),
        Example(np.zeros(9, np.uint16), np.full((3, 9), 7, np.uint16)),
        Example(np.zeros(9, np.uint16), np.zeros((2, 9), np.uint16)),
    ):
        with pytest.raises(InputError):
            batch_of(InMemoryTokenSet([bad]), np.array([0]), 0, config)


def _equal(first: Trainer, second: Trainer) -> bool:
    pairs = zip(first.state()["model"].values(), second.state()["model"].values(), strict=True)
    averages = zip(first.average.parameters(), second.average.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in (*pairs, *averages))


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = loop.run(_config(), TOKENS, tmp_path / "whole")
    loop.run(_config(steps=3), TOKENS, tmp_path / "parts")
    # The rate's cosine knows the last step, so a run cut short by a signal is imitated by its checkpoint.
    config = _config()
    trainer, order = Trainer(config), batch_plan(TOKENS, config)
    for step in range(3):
        trainer.train(batch_of(TOKENS, order.at(step), step, config))
    from antiphon.training import checkpoint

    checkpoint.save(tmp_path / "cut", 3, trainer.state())
    resumed = loop.run(config, TOKENS, tmp_path / "cut")
    assert resumed.step == whole.step == 6
    assert _equal(whole, resumed)


def test_a_run_from_before_a_setting_existed_goes_on(tmp_path: Path) -> None:
    loop.run(_config(steps=2), TOKENS, tmp_path)
    path, newest = tmp_path / "config.json", tmp_path / "step-00000002.pt"
    before = json.loads(path.read_text())
    for later in ("joined", "shortest", "begun_with"):
        del before[later]
    for later in ("expansion", "segments", "input_norm"):
        del before["generator"][later]
    del before["generator"]["layout"]["depth"]
    before["rate"] = before.pop("learning_rate")  # its name then
    path.write_text(json.dumps(before))
    torch.save(torch.load(newest, weights_only=True) | {"config": json.dumps(before)}, newest)
    assert read_config(tmp_path, profiles.TrainConfig) == _config(steps=2)
    with pytest.raises(StateError, match="another learning_rate"):
        loop.run(_config(steps=3, learning_rate=1e-5), TOKENS, tmp_path)
    assert loop.run(_config(steps=3), TOKENS, tmp_path).step == 3
    with pytest.raises(StateError, match="another shortest"):
        loop.run(_config(steps=4, shortest=9), TOKENS, tmp_path)


def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(tmp_path: Path) -> None:
    def report(line: dict[str, float]) -> None:
        if line["step"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = loop.run(_config(), TOKENS, tmp_path, report=report)
    assert stopped.step == 2
    assert [p.name for p in tmp_path.glob("*.pt")] == ["step-00000002.pt"]
    assert loop.run(_config(), TOKENS, tmp_path).step == 6


def test_a_batch_that_is_not_finite_is_skipped_and_counted() -> None:
    config = _config(dropout=0.0)
    trainer = Trainer(config)
    batch = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    trainer.train(batch)
    kept = trainer.model.biases.detach().clone()
    trainer.model.biases.data[:, 0] = float("nan")
    assert trainer.train(batch)["skipped"] == 1
    assert torch.isfinite(trainer.model.blocks[0].norm.weight).all()
    assert torch.isfinite(trainer.average.biases).all()
    trainer.model.biases.data.copy_(kept)
    assert trainer.train(batch)["skipped"] == 1
    assert trainer.step == 3


def test_damaged_checkpoints_other_configurations_and_full_disks_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop.run(_config(steps=2), TOKENS, tmp_path)
    with pytest.raises(StateError, match="another"):
        loop.run(_config(seed=1), TOKENS, tmp_path)
    saved = tmp_path / "step-00000002.pt"
    saved.write_bytes(saved.read_bytes()[:5_000])
    with pytest.raises(StateError, match="cannot be read"):
        loop.run(_config(), TOKENS, tmp_path)
    saved.unlink()

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    loop.run(_config(steps=2), TOKENS, tmp_path)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="kept"):
        loop.run(_config(), TOKENS, tmp_path)
    assert [p.name for p in tmp_path.glob("*.pt*")] == ["step-00000002.pt"]
    with pytest.raises(InputError):
        read_config(tmp_path / "nowhere", profiles.TrainConfig)
    assert read_config(tmp_path, profiles.TrainConfig).generator.layout == LAYOUT


def test_a_generator_is_bound_to_its_tokenizer_and_a_run_to_its_data(tmp_path: Path) -> None:
    def told(semantic: str, **changes: object) -> profiles.TrainConfig:
        config = _config(steps=1, **changes)
        layout = msgspec.structs.replace(config.generator.layout, semantic=semantic)
        return msgspec.structs.replace(config, generator=msgspec.structs.replace(config.generator, layout=layout))

    loop.run(told("mel-16-aaaa", data="one"), TOKENS, tmp_path / "run")
    with pytest.raises(StateError, match="another generator"):
        loop.run(told("mel-16-bbbb", data="one"), TOKENS, tmp_path / "run")
    with pytest.raises(StateError, match="--other-data"):
        loop.run(told("mel-16-aaaa", data="two"), TOKENS, tmp_path / "run")
    loop.run(told("mel-16-aaaa", data="two"), TOKENS, tmp_path / "run", other=("data",))
    (tmp_path / "moved").mkdir()
    (tmp_path / "run" / "step-00000001.pt").rename(tmp_path / "moved" / "step-00000001.pt")
    with pytest.raises(StateError, match="of a run with another generator"):
        loop.run(told("mel-16-bbbb", data="one"), TOKENS, tmp_path / "moved")
    layout = told("mel-16-aaaa").generator.layout
    layout.hears("mel-16-aaaa", layout.semantic_vocabulary)
    with pytest.raises(InputError, match="mel-16-aaaa"):
        layout.hears("mel-16-bbbb", layout.semantic_vocabulary)


@pytest.mark.parametrize("name", ["tiny", "small", "base", "paper"])
def test_no_profile_makes_longer_windows_than_it_was_shown(name: str) -> None:
    config = profiles.profile(name, LAYOUT)
    assert config.generator.window <= profiles.WINDOW_OF_CROP * config.frames


@pytest.mark.parametrize(("isa", "expected"), [("AVX2", "float32"), ("", None)])
def test_bfloat16_is_used_only_where_the_processor_computes_with_it(isa: str, expected: str | None) -> None:
    ask = "from antiphon.training.precision import resolved; print(resolved('auto'), resolved('bfloat16'))"
    held = {"ONEDNN_MAX_CPU_ISA": isa} if isa else {}
    made = subprocess.run([sys.executable, "-c", ask], env={**os.environ, **held}, capture_output=True, check=True)
    auto, asked = made.stdout.decode().split()
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    assert auto == (expected or ("bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"))
    assert asked == "bfloat16"


def test_the_rate_warms_up_and_falls() -> None:
    config = _config(steps=100, warm_up=10)
    assert rate_scale(0, config) == pytest.approx(0.1)
    assert rate_scale(10, config) == 1.0
    assert rate_scale(55, config) == pytest.approx(0.525)
    assert rate_scale(100, config) == pytest.approx(0.05)


_WORKER = """
import sys, torch, numpy as np
sys.path.insert(0, sys.argv[2])
torch.set_num_threads(1)
from pathlib import Path
import msgspec
from antiphon.soundstorm.training import loop, profiles
from storm_worlds import LAYOUT, token_set
config = profiles.profile("tiny", LAYOUT)
config = msgspec.structs.replace(config, steps=2, precision="float32",
    generator=msgspec.structs.replace(config.generator, dropout=0.0))
loop.run(config, token_set(24), Path(sys.argv[1]))
"""


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-c", _WORKER, str(tmp_path / "two"), str(Path(__file__).parent)]
    workers = [subprocess.Popen(command, env={**os.environ, **both, "RANK": rank, "LOCAL_RANK": rank}) for rank in "01"]
    alone = loop.run(_config(steps=2, dropout=0.0, log_every=10), TOKENS, tmp_path / "one")
    assert [worker.wait(300) for worker in workers] == [0, 0]
    state = torch.load(tmp_path / "two" / "step-00000002.pt", weights_only=True)["model"]
    for name, value in alone.state()["model"].items():
        torch.testing.assert_close(state[name], value, atol=2e-5, rtol=1e-3)


def test_torch_and_onnx_agree_on_logits_and_tokens(trained: Trainer, exported: Path) -> None:
    model = restored((exported / "generator.safetensors").read_bytes(), trained.config.generator)
    served, here = load(exported, threads=1), torch_logits(model)
    jobs = [job(30, 5), job(50, 9, seed=1), job(21, 0, seed=2)]
    inputs = inputs_of(jobs, [start(one, LAYOUT) for one in jobs], LAYOUT)
    for level in range(3):
        difference = np.abs(served(inputs, level) - here(inputs, level))[inputs.valid]
        assert difference.max() < 1e-3
    for a, b in zip(served.generate(jobs), generate(here, jobs, LAYOUT), strict=True):
        np.testing.assert_array_equal(a.grid.tokens, b.grid.tokens)


def test_the_trained_generator_goes_on_in_the_prompts_voice(exported: Path) -> None:
    served, options = load(exported, threads=1), DecodingOptions(temperature=0.3, noise=1.0)
    heard = [TOKENS.get(number) for number in range(24)]
    jobs = [
        DecodingInput(e.semantic, e.acoustic[:, : e.semantic.size // 2], task_key("voice", n))
        for n, e in enumerate(heard)
    ]
    right = 0
    for number, (one, made) in enumerate(zip(jobs, served.generate(jobs, options), strict=True)):
        target = slice(one.prompt_frames, None)
        fits = [(made.grid.tokens[0] == tokens_for(one.semantic, s)[0, target]).mean() for s in range(3)]
        right += int(np.argmax(fits)) == number % 3
    assert right >= 15  # by chance 8
    assert isinstance(served.runner(options)(jobs[0]), TokenGrid)


def test_honest_nodes_pass_the_audit_across_runtimes_threads_and_precisions(trained: Trainer, exported: Path) -> None:
    model = restored((exported / "generator.safetensors").read_bytes(), trained.config.generator)
    one, two, small = load(exported, threads=1), load(exported, threads=2), load(exported, precision="int8", threads=1)
    judged = {
        "torch": (torch_logits(model), SAME_WEIGHTS),
        "2 threads": (two, SAME_WEIGHTS),
        "int8": (small, INT8_FOR_FLOAT),
    }
    for name, (validator, tolerance) in judged.items():
        for seed in range(2):
            task = Task(one.name, LAYOUT, DecodingOptions(), job(40, 8, seed=seed))
            trace = one.generate([task.job], task.options, traced=True)[0].trace
            assert trace is not None
            made = commit(task, trace)
            for index in range(len(task.steps)):
                finding = audit(task, made, index, open_pass(task, trace, index), validator, tolerance)
                assert finding.verdict is Verdict.VALID, (name, index, finding)


def test_a_text_condition_and_the_chip_codecs_levels_are_exported(tmp_path: Path) -> None:
    layout = Layout(codec=chip.CODEC, vocabulary=chip.VOCABULARY, frame_rate_hz=60.0, semantic_vocabulary=10)
    config = msgspec.structs.replace(profile("tiny", layout), text_dim=5, fusion="unet", objective="diffusion")
    model = Generator(config, seed=1)
    torch.nn.init.normal_(model.heads)
    export(model, tmp_path)
    served = load(tmp_path, threads=1)
    one = job(20, 4, layout=layout)
    texted = type(one)(one.semantic, one.prompt, one.key, np.ones(5, np.float32))
    options = DecodingOptions(passes=(2, *(1,) * 9))
    made = served.generate([texted, one], options)
    assert not np.array_equal(made[0].grid.tokens, made[1].grid.tokens)
    assert made[0].grid.tokens.shape == (10, 16)
    here = torch_joint(restored((tmp_path / "generator.safetensors").read_bytes(), config))
    inputs = inputs_of([texted], [start(texted, layout)], layout)
    inputs = type(inputs)(
        *(getattr(inputs, n) for n in ("semantic", "tokens", "prompt", "valid", "text")), np.array([9])
    )
    for a, b in zip(served.joint(inputs), here(inputs), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3, rtol=1e-3)
    with pytest.raises(InputError, match="text embedding"):
        served.generate([type(one)(one.semantic, one.prompt, one.key, np.ones(4, np.float32))], options)


def test_missing_and_foreign_models_are_named(tmp_path: Path, trained: Trainer) -> None:
    with pytest.raises(ModelError, match="There is no"):
        load(tmp_path)
    (tmp_path / "generator.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="no readable ONNX"):
        load(tmp_path)
    with pytest.raises(ModelError, match="not of this"):
        restored(weights_of(trained.average), profile("small", LAYOUT))


def test_trackers_write_or_say_what_to_install(tmp_path: Path) -> None:
    for make, library in (
        (lambda: TensorBoard(tmp_path), "tensorboardX"),
        (lambda: WeightsAndBiases(tmp_path, "project", {}), "wandb"),
    ):
        try:
            __import__(library)
        except ImportError:
            with pytest.raises(ModelError, match=f"pip install {library}"):
                make()
            continue
        tracker = make()
        tracker.log(1, {"loss": 2.0})
        tracker.close()
        assert any(tmp_path.iterdir())


def test_the_log_has_a_line_a_report(tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    loop.run(_config(steps=2), TOKENS, tmp_path, report=lines.append)
    written = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in written] == [line["step"] for line in lines] == [1, 2]
