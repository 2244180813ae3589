"""HuBERT and WavLM by their published names: the public code's numbers, and by command from weights to clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from storm_fakes import layer, made_up, tone, write

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from safetensors.torch import save_file

from antiphon.cli.soundstorm import soundstorm
from antiphon.errors import AntiphonError, InputError, ModelError
from antiphon.soundstorm import semantic
from antiphon.soundstorm.semantic_sources import OnnxFeatures
from antiphon.soundstorm.speech_encoders import export, load

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "speech_encoders.json").read_text())
NAMES = [f"{one['config']['model_type']}-{len(one['config'])}" for one in VECTORS]


def published(folder: Path, vector: dict[str, Any], *, prefix: str = "", torch_file: bool = False) -> Path:
    """A folder as the hub has it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(vector["config"] | {"architectures": ["Any"], "vocab_size": 32}))
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    weights = {prefix + name: torch.from_numpy(made_up(name, shape)) for name, shape in vector["weights"].items()}
    if torch_file:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_every_layer_gives_what_the_public_code_gives(vector: dict[str, Any], tmp_path: Path) -> None:
    folder = published(tmp_path / "model", vector)
    audio = torch.from_numpy(made_up("audio", [1, 8_000]))
    for number, rows in enumerate(vector["layers"]):
        with torch.inference_mode():
            made = load(folder, number)(audio)
        assert made.shape == (1, vector["rows"], vector["config"]["hidden_size"])
        np.testing.assert_allclose(made[0, : len(rows)], rows, atol=5e-5)


@pytest.mark.parametrize("vector", [VECTORS[0], VECTORS[3]], ids=["hubert", "wavlm"])
def test_published_weights_become_clusters_by_command(vector: dict[str, Any], tmp_path: Path) -> None:
    kind = vector["config"]["model_type"]
    folder = published(tmp_path / "model", vector, prefix=f"{kind}.", torch_file=True)
    for number in range(2):
        write(tmp_path / "audio" / "ada" / f"{number}.wav", tone(1.0, number))
    run = CliRunner()

    def call(*arguments: object) -> str:
        made = run.invoke(soundstorm, [str(one) for one in arguments], catch_exceptions=False)
        assert made.exit_code == 0, made.output
        return made.output

    assert f"{kind}, layer 2 of 2" in call("import-features", folder, tmp_path / "layer.onnx", "--layer", 2)
    audio = made_up("audio", [1, 9_000])  # another length than the graph was made with
    with torch.inference_mode():
        rows = load(folder, 2)(torch.from_numpy(np.pad(audio, ((0, 0), (200, 200)))))[0]
    np.testing.assert_allclose(OnnxFeatures(tmp_path / "layer.onnx")._encode(audio[0]), rows, atol=1e-4)
    call(
        "train", "semantic", "--profile", "tiny", "--features", f"onnx:{tmp_path / 'layer.onnx'}",
        "--set", "clusters=8", "--data", tmp_path / "audio", "--out", tmp_path / "semantic",
    )  # fmt: skip
    tokens = semantic.load(tmp_path / "semantic" / "semantic.safetensors").encode(tone(1.0, 0))
    assert tokens.shape == (50,)


def test_a_file_is_found_relative_to_the_configuration_and_to_the_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "audio" / "ada" / "0.wav", tone(1.0, 0))
    run = tmp_path / "run"
    run.mkdir()
    layer(run / "layer.onnx")
    (run / "semantic.toml").write_text('features = "onnx:layer.onnx"\nclusters = 8\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    made = CliRunner().invoke(
        soundstorm,
        [
            "train", "semantic", "--profile", "tiny", "--config", "../run/semantic.toml", "--data", "../audio",
            "--out", "../run",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert semantic.load(run / "semantic.safetensors").encode(tone(0.5, 0)).shape == (25,)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "not of HuBERT or WavLM"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"broken"), "cannot be read"),
        (lambda folder: save_file({"a": torch.zeros(1)}, folder / "model.safetensors"), "There is no"),
    ],
)
def test_what_is_no_such_model_is_said(harm: Any, says: str, tmp_path: Path) -> None:
    folder = published(tmp_path / "model", VECTORS[0])
    harm(folder)
    with pytest.raises(AntiphonError, match=says) as caught:
        export(folder, 1, tmp_path / "layer.onnx")
    assert isinstance(caught.value, InputError | ModelError)
    assert caught.value.hint
    assert not (tmp_path / "layer.onnx").exists()


def test_a_layer_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no layer 3 of 2"):
        load(published(tmp_path / "model", VECTORS[0]), 3)
