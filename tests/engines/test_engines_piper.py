"""Piper's voices: a graph of the same inputs and outputs with random weights, read by the real loading code."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engines import conformance, registry
from antiphon.engines.base import Engine
from antiphon.engines.piper import ids_of
from antiphon.errors import InputError, ModelError
from antiphon.services import SpeechRequest

pytest.importorskip("onnx")
RATE_HZ = 16_000
HOP = 600
SYMBOLS = "_^$ abcdefghijklmnopqrstuvwxyzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒθːˈˌ.,!?;:"  # noqa: RUF001 - IPA


def graph() -> bytes:
    """Each id becomes `HOP` samples of its own, stretched by the scale of length, with noise by its scale."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)
    time_s = np.arange(HOP) / RATE_HZ
    table = np.stack([0.3 * np.sin(2 * np.pi * rng.uniform(150, 900) * time_s) for _ in range(64)])
    table *= np.hanning(HOP)
    table[0] = 0
    nodes = [
        helper.make_node("Gather", ["table", "input"], ["frames"]),  # [1, T, HOP]
        helper.make_node("Reshape", ["frames", "flat"], ["wave"]),  # [1, 1, T * HOP]
        helper.make_node("Split", ["scales"], ["noise", "length", "noise_w"], num_outputs=3),
        helper.make_node("Concat", ["ones", "length"], ["factors"], axis=0),
        helper.make_node("Resize", ["wave", "", "factors"], ["paced"], mode="linear"),
        helper.make_node("RandomNormalLike", ["paced"], ["random"], scale=0.01),
        helper.make_node("Mul", ["random", "noise"], ["hiss"]),
        helper.make_node("Add", ["paced", "hiss"], ["sound"]),
        helper.make_node("Unsqueeze", ["sound", "axis"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "T"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    constants = {
        "table": table.astype(np.float32),
        "flat": np.array([1, 1, -1], np.int64),
        "ones": np.ones(2, np.float32),
        "axis": np.array([1], np.int64),
    }
    made = helper.make_graph(
        nodes,
        "voice",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def config(**changes: Any) -> dict[str, Any]:
    return {
        "audio": {"sample_rate": RATE_HZ, "quality": "low"},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_US"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(SYMBOLS)},
        "num_speakers": 1,
        "speaker_id_map": {},
        **changes,
    }


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    file = tmp_path / "en_US-nobody-low.onnx"
    file.write_bytes(graph())
    file.with_name(f"{file.name}.json").write_text(json.dumps(config()))
    return file


def opened(file: Path, **options: object) -> Engine:
    return registry.Registry((), families=tuple(entry_points(group=registry.FAMILIES))).open(f"piper:{file}", options)


def test_a_voice_is_an_engine_that_conforms(voice: Path) -> None:
    engine = opened(voice, noise=False)
    assert engine.name == "piper-en_US-nobody-low"
    assert engine.capabilities.languages == ("en-us",)
    assert engine.capabilities.seeded
    assert conformance.failures(engine) == []


def test_with_noise_no_seed_is_promised(voice: Path) -> None:
    engine = opened(voice, label="nobody")
    assert not engine.capabilities.seeded
    assert conformance.failures(engine) == []


def test_speakers_are_voices(voice: Path) -> None:
    many = config(num_speakers=2, speaker_id_map={"p 225": 0, "p226": 1})
    voice.with_name(f"{voice.name}.json").write_text(json.dumps(many))
    assert [one.name for one in opened(voice, label="vctk").capabilities.voices] == ["vctk-p-225", "vctk-p226"]


def test_ids_are_those_of_piper() -> None:
    table = {"_": [0], "^": [1], "$": [2], "a": [7], "b": [8], "\u0303": [9]}
    assert ids_of("ab", table) == [1, 7, 0, 8, 0, 2]
    assert ids_of("\u00e3?", table) == [1, 7, 0, 9, 0, 2]  # decomposed; what the voice does not know is left out
    assert ids_of("?!", table) == []


@pytest.mark.parametrize(("text", "kind"), [
    ("{", ModelError),
    ("{}", ModelError),
    (json.dumps(config(audio={"sample_rate": 3})), ModelError),
    (json.dumps(config(phoneme_id_map={"a": ["x"]})), ModelError),
    (None, InputError),
])  # fmt: skip
def test_what_is_no_voice_is_told(text: str | None, kind: type[Exception], voice: Path) -> None:
    beside = voice.with_name(f"{voice.name}.json")
    beside.unlink() if text is None else beside.write_text(text)
    with pytest.raises(kind):
        opened(voice)
    with pytest.raises(InputError, match="no voice"):
        opened(voice.with_name("other.onnx"))


def test_a_damaged_graph_is_told_with_the_first_sentence(voice: Path) -> None:
    voice.write_bytes(b"not a graph")
    engine = opened(voice)
    with pytest.raises(ModelError, match="no readable ONNX"):
        list(engine.generate(SpeechRequest(text="Hello.", voice=engine.capabilities.voices[0].name), 1))
