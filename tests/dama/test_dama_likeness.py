"""Near copies are found by weights or behaviour; what was trained apart is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from assets_made import CARD, CLOCK, OWNER, sources, weights

from antiphon.dama import Depot, Shelf, asset_id, pack, sign
from antiphon.dama.likeness import compare
from antiphon.errors import ProtocolError
from antiphon.models import tensors
from antiphon.objects import Folder


class World:
    """Assets on one machine."""

    def __init__(self, root: Path) -> None:
        self.root, self.shelf, self.depot = root, Shelf(root / "shelf"), Depot(Folder(root / "store"))

    def add(self, name: str, **files: bytes) -> str:
        folder = self.root / name
        folder.mkdir()
        for file, data in files.items():
            (folder / file.replace("__", ".")).write_bytes(data)
        manifest = pack(folder, CARD)
        self.depot.push(sign(OWNER, manifest, CLOCK), sources(folder))
        self.depot.pull(asset_id(manifest), OWNER.node_id, self.shelf)
        return asset_id(manifest)

    def tensors(self, name: str, values: dict[str, np.ndarray]) -> str:
        return self.add(name, model__safetensors=tensors.dump(values))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def noisy(values: dict[str, np.ndarray], much: float) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(99)
    return {
        name: (value + much * value.std() * generator.standard_normal(value.shape)).astype(value.dtype)
        for name, value in values.items()
    }


def test_noise_rounding_renaming_and_scaling_make_no_other_model(world: World) -> None:
    own = weights()
    original = world.tensors("original", own)
    disguises = {
        "noise": noisy(own, 0.05),
        "half": {name: value.astype(np.float16) for name, value in own.items() if value.dtype != np.float16},
        "renamed": {f"layer.{number}": value for number, value in enumerate(own.values())},
        "scaled": {name: value * 3 for name, value in own.items()},
        "flipped": {name: -value for name, value in own.items()},
        "reshaped": {name: value.reshape(-1, 8) for name, value in own.items()},
    }
    for name, values in disguises.items():
        found = compare(world.shelf, world.tensors(name, values), original)
        assert found.near_copy, name
        assert found.behaviour is None


def test_what_was_trained_apart_or_far_is_no_copy(world: World) -> None:
    original = world.tensors("original", weights())
    for name, values in (("apart", weights(seed=1)), ("far", noisy(weights(), 1.0)), ("larger", weights(1, 80))):
        found = compare(world.shelf, world.tensors(name, values), original)
        assert not found.near_copy, name
        assert found.weights == 0.0


def test_half_a_copy_is_measured_as_such(world: World) -> None:
    own, other = weights(), weights(seed=1)
    original = world.tensors("original", own)
    found = compare(world.shelf, world.tensors("half", {"embed": own["embed"], "out": other["out"]}), original)
    assert (found.weights, found.near_copy) == (0.5, False)


def graph(hidden: np.ndarray, out: np.ndarray, bias: float = 0.0) -> bytes:
    """tanh(x @ hidden) @ out + bias, x of 16 columns."""
    onnx = pytest.importorskip("onnx", reason="the extra antiphon[train] is not installed")
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["x", "hidden"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "out"], ["c"]),
        helper.make_node("Add", ["c", "bias"], ["y"]),
    ]
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", out.shape[1]])],
        [
            numpy_helper.from_array(value.astype(np.float32), name)
            for name, value in (("hidden", hidden), ("out", out), ("bias", np.array([bias])))
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return onnx.ModelProto.SerializeToString(model)


def test_units_in_another_order_are_found_by_what_the_model_does(world: World) -> None:
    generator = np.random.default_rng(0)
    hidden, out = generator.standard_normal((16, 64)), generator.standard_normal((64, 8))
    order = generator.permutation(64)
    original = world.add("original", model__onnx=graph(hidden, out, 50))
    copy = world.add("copy", model__onnx=graph(hidden[:, order], out[order], 50))
    apart = world.add("apart", model__onnx=graph(generator.standard_normal((16, 64)), out[order], 50))
    found = compare(world.shelf, copy, original)
    assert (found.near_copy, found.weights) == (True, None)
    far = compare(world.shelf, apart, original)
    assert far.behaviour is not None
    assert abs(far.behaviour) < 0.5, "the same large constant is no likeness"
    assert not far.near_copy
    other = world.add("wider", other__onnx=graph(hidden, out))
    assert compare(world.shelf, other, original).behaviour is None, "it has no graph of that name"


def test_what_is_not_what_was_signed_is_not_compared(world: World) -> None:
    original = world.tensors("original", weights())
    (world.shelf.folder(original) / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ProtocolError):
        compare(world.shelf, original, original)
