"""EnCodec and DAC: what a user without weights is told, and graphs of their shapes (the weights are not at hand)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antiphon.audio.waveform import Waveform
from antiphon.codecs import Codec, stream
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.neural import DAC_16K, ENCODEC_24K, FOREIGN, ForeignCodec, ForeignModel
from antiphon.errors import InputError, ModelError


@pytest.mark.parametrize("model", FOREIGN.values(), ids=list(FOREIGN))
def test_without_weights_the_command_is_given(model: ForeignModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="antiphon soundstorm import-codec"):
        ForeignCodec(model, tmp_path)


def test_a_file_that_is_no_graph_is_named(tmp_path: Path) -> None:
    (tmp_path / "encoder_model.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"encoder_model\.onnx is no readable"):
        ForeignCodec(DAC_16K, tmp_path)


def _write_graphs(folder: Path, model: ForeignModel) -> None:
    """Codes are the mean level of a frame, in every codebook; decoding holds each frame's level of the first one."""
    import onnx

    make, types = onnx.helper, onnx.TensorProto
    codes_shape = [1] * (model.codes_ndim - 2) + [model.levels, "T"]

    def constant(name: str, values: list[int] | np.ndarray) -> object:
        return onnx.numpy_helper.from_array(np.asarray(values), name)

    encoder = make.make_graph(
        [
            make.make_node("Reshape", ["input_values", "frames"], ["framed"]),
            make.make_node("ReduceMean", ["framed"], ["mean"], axes=[3], keepdims=0),
            make.make_node("Mul", ["mean", "scale"], ["scaled"]),
            make.make_node("Cast", ["scaled"], ["whole"], to=types.INT64),
            make.make_node("Expand", ["whole", "levels"], ["repeated"]),
            make.make_node("Reshape", ["repeated", "out"], ["audio_codes"]),
        ],
        "encoder",
        [make.make_tensor_value_info("input_values", types.FLOAT, [1, 1, "N"])],
        [make.make_tensor_value_info("audio_codes", types.INT64, codes_shape)],
        [
            constant("frames", np.array([1, 1, -1, model.hop])), constant("scale", np.float32(1000)),
            constant("levels", np.array([1, model.levels, 1])),
            constant("out", np.array([1] * (model.codes_ndim - 2) + [model.levels, -1])),
        ],
    )  # fmt: skip
    decoder = make.make_graph(
        [
            make.make_node("Reshape", ["audio_codes", "flat"], ["rows"]),
            make.make_node("Gather", ["rows", "first"], ["row"], axis=0),
            make.make_node("Cast", ["row"], ["level"], to=types.FLOAT),
            make.make_node("Div", ["level", "scale"], ["small"]),
            make.make_node("Expand", ["small", "hop"], ["held"]),
            make.make_node("Reshape", ["held", "line"], ["audio_values"]),
        ],
        "decoder",
        [make.make_tensor_value_info("audio_codes", types.INT64, codes_shape)],
        [make.make_tensor_value_info("audio_values", types.FLOAT, [1, 1, "N"])],
        [
            constant("flat", np.array([model.levels, -1, 1])), constant("first", np.array(0)),
            constant("scale", np.float32(1000)), constant("hop", np.array([1, model.hop])),
            constant("line", np.array([1, 1, -1])),
        ],
    )  # fmt: skip
    for name, graph in (("encoder", encoder), ("decoder", decoder)):
        proto = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=10)
        (folder / f"{name}_model.onnx").write_bytes(proto.SerializeToString())


@pytest.mark.slow
@pytest.mark.parametrize("model", [ENCODEC_24K, DAC_16K], ids=["encodec", "dac"])
def test_graphs_of_the_published_shapes_work_behind_the_contract(model: ForeignModel, tmp_path: Path) -> None:
    _write_graphs(tmp_path, model)
    codec = ForeignCodec(model, tmp_path)
    assert isinstance(codec, Codec)
    level = np.repeat(np.array([0.1, 0.5, 0.25, 0.9], np.float32), model.hop)
    grid = codec.encode(Waveform(level[None], model.rate_hz))
    assert grid.tokens.shape == (model.levels, 4)
    assert abs(int(grid.tokens[0, 3]) - 900) <= 1
    whole = codec.decode(grid)
    np.testing.assert_allclose(whole.samples[0], level, atol=2e-3)
    pieces = [piece.samples for piece in stream(codec, grid, 3)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole.samples)
    with pytest.raises(InputError, match="empty"):
        codec.encode(Waveform(np.zeros((1, 0), np.float32), 16_000))
    with pytest.raises(InputError, match="of the codec"):
        codec.decode(TokenGrid(grid.tokens, "another", 50.0))
