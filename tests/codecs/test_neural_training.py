"""Training: quantiser by worked numbers, resuming, broken batches and files, and what is exported."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
import torch

from antiphon.audio.waveform import Waveform
from antiphon.codecs import training
from antiphon.codecs.neural import CodecConfig, load
from antiphon.codecs.neural.codec import BLOCK
from antiphon.codecs.neural.features import encoder_input
from antiphon.codecs.neural.head import pulses
from antiphon.codecs.training import data, profile, run
from antiphon.codecs.training.export import export, restored
from antiphon.codecs.training.layers import Head, sources
from antiphon.codecs.training.quantiser import DECAY, Codebook, GroupResidualQuantiser
from antiphon.codecs.training.trainer import Trainer
from antiphon.errors import InputError, ModelError, OutputError, StateError
from antiphon.training import checkpoint, rate_scale

pytestmark = pytest.mark.slow

TINY = msgspec.structs.replace(
    profile("tiny"), steps=6, adversarial_from=3, adversarial_ramp=2, log_every=1, save_every=100, precision="float32"
)


def _speech(seed: int, seconds: float = 1.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hz = 100 + 80 * rng.random()
    made, _ = pulses(np.full(int(seconds * 200), hz, np.float32), hz, 0.0, 80, 16_000)
    swell = 1 + np.sin(np.arange(made.shape[0]) / 16_000 * 2 * np.pi * 3)
    return (0.05 * made * swell + 0.003 * rng.standard_normal(made.shape[0])).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    for speaker in ("a", "b"):
        (folder / speaker).mkdir()
        for number in range(3):
            soundfile.write(folder / speaker / f"{number}.wav", _speech(number), 16_000)
    (folder / "a" / "broken.wav").write_bytes(b"RIFF and nothing else")
    out = tmp_path_factory.mktemp("prepared")
    report = data.prepare(folder, out, TINY.codec, copies=1, seed=3)
    assert len(report["clips"]) == 12  # type: ignore[arg-type]
    assert len(report["bad"]) == 1  # type: ignore[arg-type]
    assert "broken.wav" in str(report["bad"])
    return out


def _book(codes: list[list[float]]) -> Codebook:
    book = Codebook(len(codes), len(codes[0]))
    book.codes.copy_(torch.tensor(codes))
    book.sums.copy_(book.codes)
    book.ready.fill_(True)
    return book


def test_the_nearest_code_is_chosen_and_the_first_of_equals() -> None:
    book = _book([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    rows = torch.tensor([[0.4, 0.1], [1.9, -1.0], [0.1, 1.2], [1.0, 0.0]])
    assert book.nearest(rows).tolist() == [0, 1, 2, 0]


def test_codes_move_to_the_running_mean_of_their_frames() -> None:
    book = _book([[0.0], [10.0]])
    rows = torch.tensor([[1.0], [3.0], [12.0]])
    counts, sums = book.assigned(rows, book.nearest(rows))
    assert counts.tolist() == [2, 1]
    assert sums[:, 0].tolist() == [4, 12]
    revived = book.update(counts, sums, rows)
    assert revived == 0
    expected = [(0.01 * 4) / (DECAY + 0.01 * 2), (DECAY * 10 + 0.01 * 12) / (DECAY + 0.01)]
    np.testing.assert_allclose(book.codes[:, 0].numpy(), expected, rtol=1e-4)


def test_a_code_nobody_needs_takes_the_place_of_a_frame() -> None:
    book = _book([[0.0], [50.0]])
    book.counts.copy_(torch.tensor([1.0, 0.03]))
    rows = torch.tensor([[1.0], [3.0]])
    counts, sums = book.assigned(rows, book.nearest(rows))
    assert book.update(counts, sums, rows[1:]) == 1
    assert book.codes[1].item() == 3.0
    # It starts with the mean count, so that it is not dead again at once.
    assert book.counts[1].item() == pytest.approx((DECAY * 1.03 + 0.01 * 2) / 2)


def test_groups_quantise_apart_and_levels_take_what_is_left() -> None:
    config = CodecConfig(groups=2, levels=2, codes=2, code_dim=1)
    quantiser = GroupResidualQuantiser(config).eval()
    for number, codes in enumerate(([[0.0], [4.0]], [[-1.0], [1.0]], [[0.0], [8.0]], [[-2.0], [2.0]])):
        quantiser.book(number).codes.copy_(torch.tensor(codes))
    latent = torch.tensor([[[4.8], [6.5]]])  # one clip, two groups of one number, one frame
    quantised = quantiser(latent)
    assert quantised.tokens[0, :, 0].tolist() == [1, 1, 1, 0]
    assert quantised.latent[0, :, 0].tolist() == [5.0, 6.0]
    assert torch.equal(quantiser.decode(quantised.tokens), quantised.latent)
    # Commitment: what each level left over, squared: (.8 - 0)^2 of level 1 is before its code was taken.
    np.testing.assert_allclose(quantised.commitment.item(), np.mean([0.8**2, 0.2**2, 1.5**2, 0.5**2]), rtol=1e-5)


def test_one_group_is_plain_residual_quantisation_with_straight_through_gradients() -> None:
    quantiser = GroupResidualQuantiser(CodecConfig(groups=1, levels=3, codes=4, code_dim=2)).eval()
    latent = torch.randn(2, 2, 5, requires_grad=True)
    quantised = quantiser(latent)
    assert quantised.tokens.shape == (2, 3, 5)
    quantised.latent.sum().backward()
    assert torch.equal(latent.grad, torch.ones_like(latent))


def test_torch_and_numpy_make_the_same_sound() -> None:
    config = CodecConfig()
    rng = np.random.default_rng(5)
    hz = np.exp2(rng.uniform(6.5, 8.0, 40)).astype(np.float32)
    made, _ = pulses(hz, float(hz[0]), 0.0, config.step, config.rate_hz)
    twin = sources(torch.from_numpy(hz)[None], torch.zeros(1), config)[0]
    np.testing.assert_allclose(twin.numpy(), made, atol=1e-4)
    assert Head(config)(torch.zeros(1, 40, config.controls), torch.zeros(1, 2, 3_200)).shape == (1, 3_200)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(prepared: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = run(TINY, prepared, tmp_path / "whole")
    run(msgspec.structs.replace(TINY, steps=2), prepared, tmp_path / "cut")
    again = run(TINY, prepared, tmp_path / "cut")
    assert again.step == whole.step == 6
    for name in ("network", "average", "judges"):
        one, other = (getattr(t, name).state_dict() for t in (whole, again))
        assert all(torch.equal(one[key], other[key]) for key in one), name
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert "judge" in lines[-1]


def test_a_decoder_learns_on_while_encoder_and_codebooks_rest_and_tokens_keep_their_meaning(
    prepared: Path, tmp_path: Path
) -> None:
    first = run(TINY, prepared, tmp_path / "run")
    export(first.average.eval(), TINY.codec, tmp_path / "first")
    longer = msgspec.structs.replace(TINY, steps=10, encoder_steps=6)
    then = run(longer, prepared, tmp_path / "run")
    assert then.step == 10
    export(then.average.eval(), TINY.codec, tmp_path / "then")
    wave = Waveform(_speech(7)[None], 16_000)
    before, after = load(tmp_path / "first"), load(tmp_path / "then")
    assert before.name == after.name
    grid = before.encode(wave)
    np.testing.assert_array_equal(grid.tokens, after.encode(wave).tokens)
    assert not np.array_equal(before.decode(grid).samples, after.decode(grid).samples)
    other = run(msgspec.structs.replace(TINY, steps=10), prepared, tmp_path / "other")
    export(other.average.eval(), TINY.codec, tmp_path / "moved")
    assert load(tmp_path / "moved").name != before.name


def test_a_run_refuses_to_go_on_with_another_configuration(prepared: Path, tmp_path: Path) -> None:
    run(msgspec.structs.replace(TINY, steps=1), prepared, tmp_path)
    with pytest.raises(StateError, match="another batch"):
        run(msgspec.structs.replace(TINY, batch=2), prepared, tmp_path)


def test_a_batch_that_is_not_finite_is_skipped_and_counted(prepared: Path) -> None:
    trainer = Trainer(TINY)
    clips = data.load(prepared, TINY.codec)
    good = data.batch(clips, 0, size=4, frames=25, seed=1)
    trainer.train(good)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    broken = data.Batch(np.full_like(good.audio, np.nan), good.f0_hz, good.voicing)
    figures = trainer.train(broken)
    assert figures["skipped"] == 1
    after = trainer.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert np.isfinite(trainer.train(good)["loss"])


def test_batches_are_a_function_of_the_step(prepared: Path) -> None:
    clips = data.load(prepared, TINY.codec)
    one, same, other = (data.batch(clips, step, size=4, frames=25, seed=1) for step in (7, 7, 8))
    assert np.array_equal(one.audio, same.audio)
    assert not np.array_equal(one.audio, other.audio)
    assert one.audio.shape == (4, 25 * 320)
    assert np.abs(one.audio).max() <= 1.0


def test_a_truncated_checkpoint_is_named(prepared: Path, tmp_path: Path) -> None:
    run(msgspec.structs.replace(TINY, steps=1), prepared, tmp_path)
    path = checkpoint.found(tmp_path)[-1]
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(StateError, match=path.name):
        run(TINY, prepared, tmp_path)


def test_a_disk_that_takes_no_more_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = checkpoint.save(tmp_path, 1, {"step": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        checkpoint.save(tmp_path, 2, {"step": 2})
    assert checkpoint.found(tmp_path) == [first]
    assert not list(tmp_path.glob("*.part"))


def test_only_a_few_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in range(6):
        checkpoint.save(tmp_path, step, {"step": step})
    assert [path.name for path in checkpoint.found(tmp_path)] == [f"step-{n:08d}.pt" for n in (3, 4, 5)]


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio"):
        data.prepare(tmp_path, tmp_path / "out", TINY.codec, copies=0, seed=1)


def test_without_torch_the_command_that_installs_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'antiphon\[train\]'"):
        importlib.reload(training)
    monkeypatch.undo()
    importlib.reload(training)


def test_an_unknown_profile_lists_the_profiles() -> None:
    with pytest.raises(InputError, match="tiny, small, base, paper"):
        profile("huge")


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    config = msgspec.structs.replace(TINY, steps=110, warm_up=10, final_rate=0.1)
    assert rate_scale(0, config) == pytest.approx(0.1)
    assert rate_scale(9, config) == pytest.approx(1.0)
    assert rate_scale(60, config) == pytest.approx(0.55)
    assert rate_scale(110, config) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "codec",
    [TINY.codec, CodecConfig(name="mono-24k", rate_hz=24_000, hop=480, subframes=6, groups=1, levels=3, codes=32,
                             encoder_dim=32, encoder_blocks=1, decoder_dim=32, decoder_blocks=2, mel_window=768)],
    ids=["16 kHz, two groups", "24 kHz, plain residual"],
)  # fmt: skip
def test_what_is_exported_agrees_with_torch(codec: CodecConfig, tmp_path: Path) -> None:
    trainer = Trainer(msgspec.structs.replace(TINY, codec=codec))
    for number in range(codec.streams):
        trainer.network.quantiser.book(number).codes.normal_(0, 0.3)
    paths = export(trainer.network, codec, tmp_path)
    network = restored(paths["weights.safetensors"].read_bytes(), codec)
    served = load(tmp_path)
    assert served.frame_rate_hz == 50
    assert served.name.startswith(codec.name)
    signal = _speech(1)[: 40 * codec.hop]
    grid = served.encode(Waveform(signal[None], codec.rate_hz))
    features = torch.from_numpy(encoder_input(np.pad(signal, (0, grid.frames * codec.hop - signal.shape[0])), codec))
    quantised = network.quantiser(network.encoder(features[None]))
    # An untrained encoder's latents lie close together, so a few frames are nearly as near to another code.
    assert np.mean(quantised.tokens[0].numpy() == grid.tokens) > 0.9
    latent = network.quantiser.decode(torch.from_numpy(grid.tokens.astype(np.int64))[None])
    controls = network.decoder(latent)[0].numpy()
    nothing = np.full((codec.streams, codec.lookahead), codec.codes)
    padded = np.concatenate([nothing, grid.tokens, nothing, np.repeat(nothing[:, :1], BLOCK, 1)], axis=1)
    state = np.zeros((codec.decoder_blocks, codec.decoder_dim, 6), np.float32)
    first = served._decoder.run(None, {"tokens": padded[:, : BLOCK + 2 * codec.lookahead], "state": state})[0]
    np.testing.assert_allclose(first, controls[: first.shape[0]], atol=1e-3)
    whole = served.decode(grid).samples
    assert whole.shape == (1, grid.frames * codec.hop)
    stream = served.decoder()
    pieces = [stream.push(grid.tokens[:, n : n + 7]).samples for n in range(0, grid.frames, 7)]
    assert np.array_equal(np.concatenate([*pieces, stream.finish().samples], axis=1), whole)
