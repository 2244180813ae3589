"""Both text stages: they learn, resume bit for bit, and say the same through ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from antiphon.errors import InputError, ModelError, StateError
from antiphon.soundstorm.decoding import task_key
from antiphon.soundstorm.text import SamplingOptions, TextConfig, generate, load, load_sounds, predict_tokens
from antiphon.soundstorm.text.parallel import rounded

torch = pytest.importorskip("torch")

from antiphon.soundstorm.training.text_data import NOTHING, Line, aligned, batch_of, batch_plan  # noqa: E402
from antiphon.soundstorm.training.text_export import TorchDecoder, TorchSpeaker, export  # noqa: E402
from antiphon.soundstorm.training.text_export import rounded as halved  # noqa: E402
from antiphon.soundstorm.training.text_model import TextDecoder  # noqa: E402
from antiphon.soundstorm.training.text_profiles import TextTrainConfig, profile  # noqa: E402
from antiphon.soundstorm.training.text_trainer import TextObjective, TextTrainer, run  # noqa: E402

SYMBOLS = "abcdefgh"
GREEDY = SamplingOptions(temperature=0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def mapping(count: int, seed: int) -> list[Line]:
    """Symbol n becomes token 2 n, for n % 3 + 1 frames."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        ids = rng.integers(0, 8, rng.integers(4, 9))
        made.append(Line(ids, np.repeat(ids * 2, ids % 3 + 1).astype(np.uint16), ids % 3 + 1))
    return made


def config(kind: str, **changes: object) -> TextTrainConfig:
    text = TextConfig(
        kind=kind, symbols=SYMBOLS, semantic="fake", semantic_vocabulary=16, frame_rate_hz=50.0, frames_per_symbol=1.9
    )  # type: ignore[arg-type]
    return msgspec.structs.replace(profile("tiny", text), batch=16, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "steps"), [("autoregressive", 220), ("parallel", 50)])
def test_a_mapping_is_learnt_in_seconds_and_said_the_same_by_onnx(kind: str, steps: int, tmp_path: Path):
    trainer = run(config(kind, steps=steps), mapping(300, 0), tmp_path / "run")
    unseen = mapping(20, 99)
    batch = batch_of(unseen, np.arange(20), trainer.config)
    trainer.average.eval()
    objective, targets = TextObjective(trainer.average, trainer.config), float((batch.target != NOTHING).sum())
    _, figures = objective(batch.tensors(), [targets, 1.0])
    assert float(figures["accuracy"]) > 0.9
    export(trainer.average, None, tmp_path / "exported")
    stage = load(tmp_path / "exported", threads=1)
    again = halved(trainer.average)[0]
    right = 0
    for line in unseen:
        key = task_key("test", 3)
        if kind == "autoregressive":
            one = generate(TorchDecoder(again), line.phonemes, key)
            other = generate(stage.model, line.phonemes, key)
            np.testing.assert_allclose(one.attention, other.attention, atol=1e-4)
        else:
            one, other = (
                predict_tokens(TorchSpeaker(again), line.phonemes, key),
                predict_tokens(stage.model, line.phonemes, key),
            )
            np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.tokens, other.tokens)
        said = stage.say(stage.config.spelt(line.phonemes), key, GREEDY)
        right += said.tokens.tolist() == line.tokens.tolist()
        assert len(said.words) == 1
    assert right >= (18 if kind == "parallel" else 8)


@pytest.mark.parametrize("kind", ["autoregressive", "parallel"])
def test_a_stopped_run_goes_on_bit_for_bit(kind: str, tmp_path: Path):
    settings = config(kind, steps=6, save_every=2, log_every=2)
    whole = run(settings, mapping(40, 0), tmp_path / "whole")
    run(msgspec.structs.replace(settings, steps=3), mapping(40, 0), tmp_path / "parts")
    parts = run(settings, mapping(40, 0), tmp_path / "parts")
    assert parts.step == whole.step == 6
    for one, other in ((whole.model, parts.model), (whole.average, parts.average)):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_what_the_cache_remembers_is_what_the_whole_would_say():
    model = TextDecoder(config("autoregressive").text, seed=3).eval()
    torch.nn.init.normal_(model.head.weight)
    line = mapping(1, 5)[0]
    batch = batch_of([line], np.array([0]), config("autoregressive"))
    with torch.inference_mode():
        whole, scores, _ = model(batch.ids, batch.prefix, model.empty(1))
    decoder = TorchDecoder(model)
    first = line.phonemes.shape[0]
    logits, looked, state = decoder.begin(line.phonemes)
    for place, token in enumerate([*line.tokens.tolist(), None]):
        np.testing.assert_allclose(logits, whole[0, first + place], atol=1e-4)
        np.testing.assert_allclose(looked, scores[0, first + place, :first].softmax(-1), atol=1e-4)
        if token is not None:
            logits, looked, state = decoder.step(token, state)


def test_the_future_and_other_rows_are_not_seen():
    settings = config("autoregressive")
    model = TextDecoder(settings.text, seed=3).eval()
    torch.nn.init.normal_(model.head.weight)
    lines = mapping(3, 1)
    batch = batch_of(lines, np.arange(3), settings)
    with torch.inference_mode():
        together = model(batch.ids, batch.prefix, model.empty(3))[0]
        for row, line in enumerate(lines):
            alone = batch_of([line], np.array([0]), settings)
            made = model(alone.ids, alone.prefix, model.empty(1))[0][0]
            torch.testing.assert_close(together[row, : made.shape[0]], made, atol=1e-4, rtol=1e-4)
        changed = batch.ids.clone()
        changed[0, -1] = settings.text.start + 5
        seen = model(changed, batch.prefix, model.empty(3))[0]
    torch.testing.assert_close(seen[0, :-1], together[0, :-1])


def test_a_loss_that_is_no_number_changes_nothing_and_is_counted():
    trainer = TextTrainer(config("parallel"))
    batch = batch_of(mapping(16, 0), np.arange(16), trainer.config)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    poisoned = type(batch)(*(getattr(batch, f) for f in batch.__slots__[:-1]), torch.full_like(batch.inside, torch.nan))
    figures = trainer.train(poisoned)
    assert figures["skipped"] == 1
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


def test_another_configuration_does_not_go_on_with_a_run(tmp_path: Path):
    run(config("parallel", steps=1), mapping(16, 0), tmp_path)
    with pytest.raises(StateError, match="another learning_rate"):
        run(config("parallel", steps=2, learning_rate=1e-5), mapping(16, 0), tmp_path)
    next(tmp_path.glob("step-*.pt")).write_bytes(b"cut")
    with pytest.raises(StateError, match="cannot be read"):
        run(config("parallel", steps=2), mapping(16, 0), tmp_path)


def test_texts_are_aligned_and_what_does_not_fit_is_left_out(tmp_path: Path):
    text = config("parallel").text
    pairs = [(text.spelt(line.phonemes), line.tokens) for line in mapping(60, 0)]
    pairs += [("", pairs[0][1]), ("abcabcabc", np.zeros(2, np.uint16)), ("ab", np.zeros(5_000, np.uint16))]
    lines, sounds, left_out = aligned(pairs, text, longest=1_000)
    assert (len(lines), len(left_out)) == (60, 3)
    truth = mapping(60, 0)
    different = [np.diff(line.phonemes).all() for line in truth]
    right = [line.frames.tolist() == true.frames.tolist() for line, true in zip(lines, truth, strict=True)]
    assert all(r for r, d in zip(right, different, strict=True) if d)
    export(TextTrainer(config("parallel")).average, sounds, tmp_path)
    again = load_sounds(tmp_path / "sounds.safetensors")
    np.testing.assert_array_equal(again.align(lines[0].phonemes, lines[0].tokens), lines[0].frames)


def test_rounded_durations_keep_their_sum_and_a_frame_for_each():
    text = msgspec.structs.replace(config("parallel").text, symbols="ab ")
    frames = rounded(np.array([0.2, 1.4, 1.4, 1.4, 0.35], np.float32), text, np.array([0, 1, 0, 1, 2]))
    assert frames.tolist() == [1, 1, 2, 1, 1]
    assert rounded(np.array([9e9, 1.0], np.float32), text, np.array([0, 1])).tolist() == [100, 1]


def test_speed_shortens_and_bounds_are_kept():
    trainer = TextTrainer(config("parallel"))
    speaker = TorchSpeaker(trainer.average)  # type: ignore[arg-type]
    ids = mapping(1, 0)[0].phonemes
    slow, fast = (predict_tokens(speaker, ids, task_key("x", 0), speed=speed).tokens.shape[0] for speed in (0.5, 2.0))
    assert slow > 1.5 * fast
    with pytest.raises(InputError, match="speed"):
        predict_tokens(speaker, ids, task_key("x", 0), speed=9)


def test_no_lines_and_no_exports_are_errors(tmp_path: Path):
    with pytest.raises(InputError, match="no texts"):
        batch_plan([], config("parallel"))
    with pytest.raises(ModelError, match="folder of an export"):
        load(tmp_path)
    (tmp_path / "text.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="no readable ONNX"):
        load(tmp_path)
    with pytest.raises(InputError, match="no text profile"):
        profile("huge", config("parallel").text)
