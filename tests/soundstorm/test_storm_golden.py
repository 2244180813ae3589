"""The vectors of a second implementation (`scripts/golden_vectors.py`): audited work is the same, bit by bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from antiphon.economy.types import Verdict
from antiphon.engines.soundstorm.tracing import PieceRecord, Record, WindowRecord, chosen_window, root_of
from antiphon.soundstorm import DecodingInput, DecodingOptions, Inputs, Layout, Trace, generate, merkle, task_key
from antiphon.soundstorm.audit import Task, audit, choose, commit, leaf, open_pass
from antiphon.soundstorm.decoding import gumbel, open_uniform, pass_key, pass_noise
from antiphon.soundstorm.masking import apply_mask, masking
from antiphon.soundstorm.schedules import Pass, left_after
from antiphon.soundstorm.text import SamplingOptions, TextConfig, predict_tokens
from antiphon.soundstorm.text import generate as speak

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/soundstorm.json").read_text())
CASES = pytest.mark.parametrize("one", VECTORS["generations"], ids=lambda one: one["name"])


def test_the_vectors_are_what_the_second_implementation_computes_and_it_uses_none_of_our_code() -> None:
    path = str(ROOT / "scripts/golden_vectors.py")
    script = (
        "import runpy, sys\n"
        f"main = runpy.run_path({path!r})['main']\n"
        "sys.argv = ['golden_vectors', '--check']\n"
        "code = main()\n"
        "assert not {'antiphon', 'numpy'} & sys.modules.keys()\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_keys_of_parts_and_passes() -> None:
    for one in VECTORS["task_keys"]:
        assert task_key(one["task"], one["seed"], one["part"]).hex() == one["key"]
    for one in VECTORS["pass_keys"]:
        assert pass_key(bytes(range(32)), Pass(9, one["level"], one["turn"], 99)).hex() == one["key"]


def test_bits_become_these_very_numbers_between_0_and_1() -> None:
    assert open_uniform(np.zeros(1, np.uint32)).dtype == np.float32
    for one in VECTORS["uniform"]:
        assert float(open_uniform(np.array([one["bits"]], np.uint32))[0]) == one["value"]


@pytest.mark.parametrize("one", VECTORS["gumbel"], ids=lambda one: f"use {one['use']}")
def test_gumbel_numbers_of_a_key_up_to_the_last_bits_of_the_logarithm(one: dict[str, Any]) -> None:
    made = gumbel(bytes.fromhex(one["key"]), one["use"], one["count"])
    assert made.dtype == np.float32
    assert made.shape == (one["count"],)
    np.testing.assert_allclose(made[one["places"]], one["gumbel"], rtol=3e-7, atol=3e-7)


def test_how_many_tokens_stay_unknown() -> None:
    for one in VECTORS["unknown_after"]:
        left = [
            left_after(Pass(0, 0, turn, one["turns"]), one["frames"], one["schedule"]) for turn in range(one["turns"])
        ]
        assert left == one["left"]


def test_the_noise_of_confidence_is_annealed_and_that_of_candidates_is_not() -> None:
    job = DecodingInput(np.zeros(4, np.uint16), np.zeros((1, 0), np.uint16), bytes(32))
    for one in VECTORS["annealed"]:
        for turn, scale in enumerate(one["scale"]):
            step = Pass(turn, 0, turn, one["turns"])
            noise = pass_noise(job, step, 3, 5, DecodingOptions(noise=one["noise"]))
            key = pass_key(job.key, step)
            np.testing.assert_allclose(noise.confidence, scale * gumbel(key, 1, 3), rtol=1e-6, atol=1e-7)
            if turn + 1 < one["turns"]:
                assert noise.candidates is not None
                np.testing.assert_array_equal(noise.candidates, gumbel(key, 0, 15).reshape(3, 5))


def _network(layout: Layout) -> Any:
    """Logits as of the second implementation's `logit`: a hash of all that a network is shown."""

    def logits(inputs: Inputs, level: int) -> np.ndarray:
        rows, frames = inputs.semantic.shape
        made = np.zeros((rows, frames, layout.vocabulary[level]), np.float32)
        for row, frame, token in np.ndindex(*made.shape):
            mixed = 0
            for value in (level, frame, token, inputs.semantic[row, frame], *inputs.tokens[row, :, frame]):
                mixed = (mixed ^ mixed >> 15 ^ int(value) + 1) * 2654435761 % 2**32
            made[row, frame, token] = (mixed >> 22) / 256 - 2
        return made

    return logits


def _task(case: dict[str, Any]) -> Task:
    names = ("passes", "first", "schedule", "temperature", "noise", "guidance", "guided_levels")
    options = DecodingOptions(**{n: tuple(case[n]) if n == "passes" else case[n] for n in names})
    layout = Layout(
        codec="golden",
        vocabulary=tuple(case["vocabulary"]),
        frame_rate_hz=50.0,
        semantic_vocabulary=case["semantic_vocabulary"],
        depth=tuple(case["depth"]),
    )
    levels = len(case["vocabulary"])
    job = DecodingInput(
        np.array(case["semantic"], np.uint16),
        np.array(case["prompt"], np.uint16).reshape(levels, -1),
        bytes.fromhex(case["key"]),
        None if case["text"] is None else np.array(case["text"], np.float32),
    )
    return Task(case["model"], layout, options, job)


def _trace(one: dict[str, Any]) -> Trace:
    return Trace(tuple(np.array(grid, np.uint16) for grid in one["grids"]))


@CASES
def test_every_grid_of_a_generation(one: dict[str, Any]) -> None:
    task = _task(one["case"])
    result = generate(_network(task.layout), [task.job], task.layout, task.options, traced=True)[0]
    assert result.trace is not None
    assert [grid.tolist() for grid in result.trace.grids] == one["grids"]
    np.testing.assert_array_equal(result.grid.tokens, result.trace.grids[-1][:, task.job.prompt_frames :])


@CASES
def test_statement_leaves_root_and_paths_of_a_generation(one: dict[str, Any]) -> None:
    task, trace = _task(one["case"]), _trace(one)
    assert task.statement().hex() == one["statement"]
    leaves = [leaf(task, number, grid) for number, grid in enumerate(trace.grids)]
    assert [each.hex() for each in leaves] == one["leaves"]
    commitment = commit(task, trace)
    assert (commitment.root.hex(), commitment.leaves) == (one["root"], len(leaves))
    places = (0, len(leaves) // 2, len(leaves) - 1)
    assert [[each.hex() for each in merkle.path(leaves, place)] for place in places] == one["paths"]


@CASES
def test_which_passes_are_opened(one: dict[str, Any]) -> None:
    task = _task(one["case"])
    commitment = commit(task, _trace(one))
    beacon = bytes.fromhex(one["beacon"])
    assert [list(choose(task, commitment, beacon, count)) for count in range(len(one["opened"]))] == one["opened"]


@CASES
def test_the_second_implementations_work_passes_our_audit(one: dict[str, Any]) -> None:
    task, trace = _task(one["case"]), _trace(one)
    commitment, network = commit(task, trace), _network(task.layout)
    for index in range(len(task.steps)):
        finding = audit(task, commitment, index, open_pass(task, trace, index), network)
        assert (finding.verdict, finding.reason) == (Verdict.VALID, "every choice is within the margin")


@CASES
def test_the_record_its_root_and_the_window_that_is_opened(one: dict[str, Any]) -> None:
    about = one["record"]
    encoded = bytes.fromhex(about["encoded"])
    record = msgspec.msgpack.decode(encoded, type=Record)
    window = WindowRecord(
        root=bytes.fromhex(one["root"]),
        tokens=_trace(one).grids[-1][:, len(one["case"]["prompt"][0]) :].astype("<u2").tobytes(),
    )
    first = PieceRecord(
        semantic=np.array(one["case"]["semantic"], "<u2").tobytes(), windows=(window, record.windows[1])
    )
    ours = msgspec.structs.replace(record, pieces=(first, record.pieces[1]))
    assert msgspec.msgpack.encode(ours) == encoded
    assert root_of(encoded).hex() == about["root"]
    assert [chosen_window(record, bytes.fromhex(each["beacon"])) for each in about["opened"]] == [
        each["window"] for each in about["opened"]
    ]


class _Flat:
    """A text stage that likes all tokens the same."""

    def __init__(self, config: TextConfig) -> None:
        self.config = config

    def begin(self, phonemes: np.ndarray) -> Any:
        logits = np.zeros(self.config.semantic_vocabulary + 1, np.float32)
        logits[-1] = -100  # the end
        return logits, np.ones(len(phonemes), np.float32), None

    def step(self, _token: int, _state: Any) -> Any:
        return self.begin(np.zeros(1, np.int64))

    def read(self, phonemes: np.ndarray) -> Any:
        return np.zeros((len(phonemes), 4), np.float32), np.full(len(phonemes), 6.0, np.float32)

    def predict_tokens(self, hidden: np.ndarray, _place: np.ndarray) -> np.ndarray:
        return np.zeros((len(hidden), self.config.semantic_vocabulary), np.float32)


def test_the_noise_of_the_text_stage_one_by_one_and_all_at_once() -> None:
    one = VECTORS["text"]
    config = TextConfig(
        symbols="ab", semantic="any", semantic_vocabulary=one["vocabulary"], frame_rate_hz=50.0, frames_per_symbol=24.0
    )
    key, count = bytes.fromhex(one["key"]), len(one["one_by_one"])
    free = SamplingOptions(temperature=1.0, top_k=0, top_p=1.0)
    spoken = speak(_Flat(config), config.ids("a"), key, free)
    assert spoken.tokens[:count].tolist() == one["one_by_one"]
    made = predict_tokens(_Flat(config), config.ids("ab"), key, SamplingOptions(temperature=1.0))
    assert made.tokens.tolist() == one["at_once"]


@pytest.mark.parametrize("one", VECTORS["masks"], ids=lambda one: f"level {one['level']}")
def test_what_training_hides(one: dict[str, Any]) -> None:
    layout = Layout(codec="golden", vocabulary=tuple(one["vocabulary"]), frame_rate_hz=50.0, depth=tuple(one["depth"]))
    tokens, chances = np.array(one["tokens"]), np.array(one["chances"])
    share = np.cos(one["u"])
    drawn = masking(
        tokens.shape[1], layout.levels, prompt=one["prompt"], level=one["level"], share=share, chances=chances
    )
    assert drawn.hidden.tolist() == one["hidden"]
    assert apply_mask(tokens, layout, drawn).tolist() == one["seen"]
