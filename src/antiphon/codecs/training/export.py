"""From a training run to what serves: two ONNX graphs and the weights as safetensors, all in half precision.

The safetensors file holds all weights; encoder and codebooks in it name the codec. The graphs refer to it, so torch and
ONNX Runtime compute with the very same numbers.
"""

from __future__ import annotations

import hashlib
import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.codecs.neural.codec import BLOCK
from antiphon.codecs.neural.layout import CodecConfig
from antiphon.codecs.training.layers import KERNEL, Block
from antiphon.codecs.training.profiles import TrainConfig
from antiphon.codecs.training.quantiser import GroupResidualQuantiser
from antiphon.codecs.training.trainer import Network
from antiphon.models import tensors

OPSET = 17
_HALF_FROM = 256
"""Smaller tensors stay float32: they weigh nothing."""

_WRAPPED = "model."


class EncoderGraph(nn.Module):
    """Features `[1, F, T]` to tokens `[levels, T]`."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.encoder, self.quantiser = network.encoder, network.quantiser

    def forward(self, features: Tensor) -> Tensor:
        rows = self.encoder(features)[0].T
        tokens = []
        quantiser: GroupResidualQuantiser = self.quantiser
        for group, part in enumerate(rows.split(quantiser.dim, dim=1)):
            rest = part
            for level in range(quantiser.levels):
                book: Any = quantiser.books[group * quantiser.levels + level]
                index = book.nearest(rest)
                rest = rest - book.codes[index]
                tokens.append(index)
        return torch.stack(tokens)


class DecoderGraph(nn.Module):
    """Tokens `[levels, n + 2 lookahead]` and state `[blocks, C, 6]` to controls `[n * subframes, controls]` and state.

    The token after the last stands for nothing: its code is zero.
    """

    def __init__(self, network: Network, config: CodecConfig) -> None:
        super().__init__()
        self.config, self.decoder, self.quantiser = config, network.decoder, network.quantiser

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        config, decoder = self.config, self.decoder
        parts = []
        for group in range(config.groups):
            levels = range(group * config.levels, (group + 1) * config.levels)
            parts.append(torch.stack([self._codes(level)[tokens[level]] for level in levels]).sum(0))
        latent = torch.cat(parts, dim=1).T[None]
        x = decoder.enter(latent)
        states = []
        for number, block in enumerate(decoder.blocks):
            assert isinstance(block, Block)
            padded = torch.cat([state[number][None], x], dim=2)
            states.append(padded[0, :, 1 - KERNEL :])
            x = block.ahead(padded, x)
        return decoder.controls(x)[0], torch.stack(states)

    def _codes(self, level: int) -> Tensor:
        quantiser: GroupResidualQuantiser = self.quantiser
        return torch.cat([quantiser.book(level).codes, torch.zeros(1, self.config.code_dim)])


def rounded(network: Network, config: CodecConfig) -> tuple[Network, bytes]:
    """A network with weights rounded to float16, and those weights as safetensors."""
    state = network.state_dict()
    kept: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in state.items():
        if name.startswith("quantiser.") and not name.endswith(".codes"):
            continue  # running counts serve training only
        array = tensor.detach().numpy()
        kept[name] = array.astype(np.float16) if array.size >= _HALF_FROM else array
    blob = tensors.dump(kept, {"config": config.to_json()})
    return restored(blob, config), blob


def restored(blob: bytes, config: CodecConfig) -> Network:
    """The torch network of a safetensors file."""
    network = Network(TrainConfig(codec=config)).requires_grad_(False).eval()
    state = network.state_dict()
    for name, array in tensors.parse(blob).items():
        state[name] = torch.from_numpy(np.array(array, np.float32))
    network.load_state_dict(state)
    return network


def fingerprint(blob: bytes) -> str:
    """Eight hexadecimal digits that name these weights."""
    return hashlib.sha256(blob).hexdigest()[:8]


def meaning(blob: bytes) -> str:
    """Eight digits over what gives a codec's tokens their meaning: its encoder and codebooks.

    A decoder that learnt on while those rested reads the same tokens, and what was trained on them stays of use.
    """
    digest = hashlib.sha256()
    for name, array in sorted(tensors.parse(blob).items()):
        if not name.startswith("decoder."):
            digest.update(f"{name} {array.dtype.str} {array.shape}\0".encode() + array.tobytes())
    return digest.hexdigest()[:8]


def export(network: Network, config: CodecConfig, out: Path, *, prefix: str = "") -> dict[str, Path]:
    """Write `encoder.onnx`, `decoder.onnx`, `weights.safetensors`, their names after `prefix`; paths by name.

    The graphs hold no large tensor: they refer to the safetensors file, which must lie beside them.
    """
    network, blob = rounded(network, config)
    about = {"config": config.to_json(), "fingerprint": meaning(blob)}
    features = torch.zeros(1, config.features, 50)
    tokens = torch.zeros(config.streams, BLOCK + 2 * config.lookahead, dtype=torch.int64)
    state = torch.zeros(config.decoder_blocks, config.decoder_dim, KERNEL - 1)
    out.mkdir(parents=True, exist_ok=True)
    paths = {name: out / f"{prefix}{name}" for name in ("encoder.onnx", "decoder.onnx", "weights.safetensors")}
    encoder, decoder, weights = paths.values()
    axes = {"features": {2: "T"}, "tokens": {1: "T"}}
    _write(EncoderGraph(network), (features,), encoder, inputs=["features"], outputs=["tokens"], axes=axes)
    decoding = DecoderGraph(network, config)
    _write(decoding, (tokens, state), decoder, inputs=["tokens", "state"], outputs=["controls", "next"], axes={})
    weights.write_bytes(blob)
    for path in (encoder, decoder):
        path.write_bytes(linked(path.read_bytes(), blob, weights.name, about))
    return paths


def _write(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    *,
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    with warnings.catch_warnings():
        # The tracing exporter is announced to go some day; the other one needs a compiler stack we do not ship.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            path,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            do_constant_folding=False,  # or weights would be transposed, and no longer those of the file
            dynamo=False,
        )


def linked(graph: bytes, blob: bytes, file: str, about: dict[str, str]) -> bytes:
    """The graph with its constants taken from the safetensors `blob`, which lies beside it as `file`, by offset.

    Only float16 tensors are taken, and cast to float32; the runtime folds the casts away when it loads the graph. A
    graph that wraps a network as `model` names its tensors after that.
    """
    import onnx

    model = onnx.load_from_string(graph)
    places = _places(blob)
    casts = []
    for tensor in model.graph.initializer:
        place = places.get(tensor.name.removeprefix(_WRAPPED))
        if place is None:
            continue
        name, shape, (offset, length) = tensor.name, list(tensor.dims), place
        tensor.Clear()
        tensor.name, tensor.data_type = f"{name}_half", onnx.TensorProto.FLOAT16
        tensor.dims.extend(shape)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", file), ("offset", offset), ("length", length)):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    return _finished(model, casts, about)


def _places(blob: bytes) -> dict[str, tuple[int, int]]:
    """Offset and length in bytes of every float16 tensor of a safetensors file."""
    (length,) = struct.unpack_from("<Q", blob)
    header = json.loads(blob[8 : 8 + length])
    spans = {name: entry["data_offsets"] for name, entry in header.items() if entry.get("dtype") == "F16"}
    return {name: (8 + length + start, end - start) for name, (start, end) in spans.items()}


def _finished(model: Any, casts: list[Any], about: dict[str, str]) -> bytes:
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    for key, value in sorted(about.items()):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())
