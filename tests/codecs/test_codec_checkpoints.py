"""Codecs of other projects: their own networks' tokens and sound, from weights of the published names."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from codec_weights import signal, weight  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from antiphon.audio.waveform import Waveform  # noqa: E402
from antiphon.cli.soundstorm import soundstorm  # noqa: E402
from antiphon.codecs.checkpoints import KINDS, export_checkpoint  # noqa: E402
from antiphon.codecs.checkpoints.reading import folded, read_weights  # noqa: E402
from antiphon.codecs.neural import ForeignCodec, told  # noqa: E402
from antiphon.errors import InputError, ModelError  # noqa: E402
from antiphon.soundstorm.data.makers import open_codec  # noqa: E402

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "foreign_codecs.json").read_text())
"""scripts/codec_vectors.py tells how they were made."""

RATES = {"encodec": 24_000, "dac": 16_000, "academicodec": 16_000, "hificodec": 16_000}


def weights_of(kind: str) -> dict[str, Any]:
    shapes = VECTORS[kind]["shapes"]
    return {name: torch.from_numpy(weight(name, tuple(shape))).contiguous() for name, shape in shapes.items()}


def checkpoint(kind: str, folder: Path) -> tuple[Path, Path | None]:
    """As its project publishes it: safetensors, a state dictionary, or parts with a configuration beside."""
    weights = weights_of(kind)
    if kind == "hificodec":
        parts: dict[str, dict[str, Any]] = {}
        for name, value in weights.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = value
        torch.save(parts, folder / "HiFi-Codec")
        (folder / "config.json").write_text(json.dumps(VECTORS[kind]["config"] | {"batch_size": 64}))
        return folder / "HiFi-Codec", folder / "config.json"
    if kind == "academicodec":
        torch.save(weights, folder / "encodec.pth")
        return folder / "encodec.pth", None
    save_file(weights, folder / "model.safetensors")
    return folder / "model.safetensors", None


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_tokens_and_sound_are_those_of_the_project(kind: str, tmp_path: Path) -> None:
    file, config = checkpoint(kind, tmp_path)
    model = export_checkpoint(kind, file, tmp_path / "codec", config=config, rate_hz=RATES[kind])
    codec = ForeignCodec(model, tmp_path / "codec")
    samples = signal(24 * model.hop)
    grid = codec.encode(Waveform(samples[None], codec.rate_hz))
    assert grid.tokens.tolist() == VECTORS[kind]["tokens"]
    made = codec.decode(grid)
    wanted = np.clip(VECTORS[kind]["samples"], -1, 1)
    np.testing.assert_allclose(made.samples[0][::191][: len(wanted)], wanted, atol=2e-4)
    assert made.samples.shape[1] == grid.frames * model.hop
    assert codec.encode(Waveform(samples[None, : model.hop // 2], codec.rate_hz)).frames == 1


@pytest.mark.slow
def test_by_command_it_is_a_codec_that_data_is_prepared_with(tmp_path: Path) -> None:
    file, config = checkpoint("hificodec", tmp_path)
    asked = ["import-codec", "hificodec", str(file), str(tmp_path / "codec"), "--config", str(config)]
    result = CliRunner().invoke(soundstorm, asked)
    assert result.exit_code == 0, result.output
    codec = open_codec(str(tmp_path / "codec"))
    assert codec.name.startswith("hificodec-")
    assert codec.name in result.output
    assert codec.depth == (0, 0, 1, 1)  # type: ignore[attr-defined]
    assert (codec.vocabulary, codec.frame_rate_hz) == ((64,) * 4, 50.0)


def test_weight_normalisation_is_folded_whatever_its_form() -> None:
    v, g = torch.randn(4, 3, 5), torch.rand(4, 1, 1) + 0.5
    wanted = torch._weight_norm(v, g, 0)
    for names in (
        ("a.weight_g", "a.weight_v"),
        ("a.parametrizations.weight.original0", "a.parametrizations.weight.original1"),
    ):
        ((name, value),) = folded(dict(zip(names, (g, v), strict=True))).items()
        assert name == "a.weight"
        torch.testing.assert_close(value, wanted)
    with pytest.raises(ModelError, match="no weight_g"):
        folded({"a.weight_v": v})


def test_what_is_no_such_checkpoint_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "ran").touch, ())

    (tmp_path / "bad.pth").write_bytes(pickle.dumps(Payload(), protocol=2))
    with pytest.raises(ModelError, match="safely"):
        read_weights(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    for kind, says in (
        ("encodec", "this is no EnCodec"),
        ("dac", "strides"),
        ("hificodec", "--config"),
        ("wav", "kind"),
    ):
        with pytest.raises(InputError, match=says):
            export_checkpoint(kind, tmp_path / "other.pth", tmp_path / "out", rate_hz=16_000)
    weights = weights_of("encodec")
    weights.pop("decoder.layers.0.conv.bias")
    save_file(weights, tmp_path / "cut.safetensors")
    with pytest.raises(InputError, match=r"no decoder\.layers\.0\.conv\.bias"):
        export_checkpoint("encodec", tmp_path / "cut.safetensors", tmp_path / "out")
    file, _ = checkpoint("dac", tmp_path)
    with pytest.raises(InputError, match="--rate"):
        export_checkpoint("dac", file, tmp_path / "out")
    (tmp_path / "config.json").write_text('{"resblock": "3"}')
    with pytest.raises(InputError, match=r"config\.json is no configuration"):
        export_checkpoint("hificodec", tmp_path / "other.pth", tmp_path / "out", config=tmp_path / "config.json")
    (tmp_path / "codec.json").write_text('{"name": "x"}')
    with pytest.raises(ModelError, match="cannot be understood"):
        told(tmp_path)
    assert not (tmp_path / "out").exists()
