"""From a training run to what serves: `generator.onnx`, its int8 twin, and the weights as safetensors.

The safetensors file is the original, in half precision: its fingerprint names the generator, and graphs are made from
its rounded numbers, so that torch and ONNX Runtime compute with equal weights.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.codecs.training.export import OPSET, fingerprint, linked
from antiphon.errors import ModelError
from antiphon.models import tensors
from antiphon.soundstorm.inputs import Inputs, JointLogits, Logits
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.serving import GRAPHS, WEIGHTS
from antiphon.soundstorm.training.model import Generator

_HALF_FROM = 256
"""Smaller tensors stay float32: they weigh nothing."""


class LevelGraph(nn.Module):
    """Inputs and a level to its logits `[B, T, Vmax]` (MaskGIT)."""

    def __init__(self, model: Generator) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, semantic: Tensor, tokens: Tensor, prompt: Tensor, valid: Tensor, level: Tensor, text: Tensor | None = None
    ) -> Tensor:
        return self.model(semantic, tokens, prompt, valid, level, text)  # type: ignore[no-any-return]


class JointGraph(nn.Module):
    """Inputs and a step to all levels' logits (diffusion)."""

    def __init__(self, model: Generator) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, semantic: Tensor, tokens: Tensor, prompt: Tensor, valid: Tensor, noise: Tensor, text: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        return tuple(self.model.joint(semantic, tokens, prompt, valid, text, noise))


def weights_of(model: Generator) -> bytes:
    """The weights as safetensors, matrices in half precision, with the configuration."""
    kept: dict[str, np.ndarray[Any, Any]] = {}
    for name, value in model.state_dict().items():
        array = value.detach().cpu().numpy()
        kept[name] = array.astype(np.float16) if array.size >= _HALF_FROM else array
    return tensors.dump(kept, {"config": model.config.to_json()})


def stored_bytes(model: Generator) -> int:
    """How much of `weights_of` is numbers, also of a model on the meta device."""
    sizes = ((one.numel(), one.element_size()) for one in model.state_dict().values())
    return sum(count * (2 if count >= _HALF_FROM else width) for count, width in sizes)


def restored(blob: bytes, config: GeneratorConfig) -> Generator:
    """The torch generator of a safetensors file. Raises `ModelError` when it is of another configuration."""
    model = Generator(config).requires_grad_(False).eval()
    state = {name: torch.from_numpy(np.array(array, np.float32)) for name, array in tensors.parse(blob).items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"These weights are not of this configuration: {error}", "Export them again.") from error
    return model


def continued(blob: bytes, config: GeneratorConfig) -> dict[str, Tensor]:
    """The weights of an export for a generator that learns on with them.

    Levels may be made in another order: tables and heads are the grid's, and grids keep the codec's order, so nothing
    has to be moved. Raises `ModelError` where the tokens mean something else, or the sizes differ.
    """
    before = GeneratorConfig.from_json(tensors.metadata(blob).get("config", ""))
    for what in ("codec", "vocabulary", "semantic_vocabulary"):
        was, now = getattr(before.layout, what), getattr(config.layout, what)
        if was != now:
            raise ModelError(f"These weights are of the {what} {was}, not {now}", "Begin with others, or with none.")
    if before.layout.semantic and before.layout.semantic != config.layout.semantic:
        raise ModelError(
            f"These weights were told semantic tokens of {before.layout.semantic}, not of {config.layout.semantic}",
            "Prepare the data with that tokenizer, or begin with none.",
        )
    return restored(blob, config).state_dict()


def export(model: Generator, out: Path, *, prefix: str = "") -> dict[str, Path]:
    """Write graphs and weights into `out`, their names after `prefix`; paths by name. Usually of `Trainer.average`.

    The graphs refer to the safetensors file, which must lie beside them: the float32 graph for all that is large, the
    int8 graph for what is not quantised.
    """
    blob = weights_of(model)
    model = restored(blob, model.config)
    about = {"config": model.config.to_json(), "fingerprint": fingerprint(blob)}
    files = {
        GRAPHS["float32"]: linked(_graph(model, folded=False), blob, f"{prefix}{WEIGHTS}", about),
        GRAPHS["int8"]: linked(_int8(_graph(model)), blob, f"{prefix}{WEIGHTS}", about),
        WEIGHTS: blob,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / f"{prefix}{name}").write_bytes(content)
    return {name: out / f"{prefix}{name}" for name in files}


def int8_anew(weights: Path, graph: Path) -> None:
    """Write the int8 graph of an export again, from its safetensors file and with what the graph says of itself."""
    import onnx

    about = {entry.key: entry.value for entry in onnx.load(graph, load_external_data=False).metadata_props}
    blob = weights.read_bytes()
    model = restored(blob, GeneratorConfig.from_json(about["config"]))
    graph.write_bytes(linked(_int8(_graph(model)), blob, weights.name, about))


def torch_logits(model: Generator) -> Logits:
    """The torch model as the function that `decoding` runs."""
    model = model.eval()

    def logits(inputs: Inputs, level: int) -> Any:
        with torch.inference_mode():
            made = model(*_tensors(inputs), torch.tensor(level), _text(inputs))
        return made[..., : model.config.layout.vocabulary[level]].numpy()

    return logits


def torch_joint(model: Generator) -> JointLogits:
    """The torch model as the function that `diffusion` runs."""
    model = model.eval()

    def logits(inputs: Inputs) -> list[Any]:
        assert inputs.noise is not None
        with torch.inference_mode():
            made = model.joint(*_tensors(inputs), _text(inputs), torch.from_numpy(inputs.noise))
        return [level.numpy() for level in made]

    return logits


def _tensors(inputs: Inputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    arrays = (inputs.semantic, inputs.tokens, inputs.prompt, inputs.valid)
    first, second, third, fourth = (torch.from_numpy(array) for array in arrays)
    return first, second, third, fourth


def _text(inputs: Inputs) -> Tensor | None:
    return None if inputs.text is None else torch.from_numpy(inputs.text)


def _graph(model: Generator, *, folded: bool = True) -> bytes:
    """`folded` computes ahead what is constant; otherwise weights stay as the safetensors file has them."""
    config, layout = model.config, model.config.layout
    rows, frames = 2, 12
    example = [
        torch.zeros(rows, frames, dtype=torch.int64),
        torch.zeros(rows, layout.levels, frames, dtype=torch.int64),
        torch.zeros(rows, frames, dtype=torch.bool),
        torch.ones(rows, frames, dtype=torch.bool),
    ]
    names = ["semantic", "tokens", "prompt", "valid"]
    axes = {name: {0: "B", 2 if name == "tokens" else 1: "T"} for name in names}
    joint = config.objective == "diffusion"
    if joint:
        example.append(torch.ones(rows, dtype=torch.int64))
        names.append("noise")
        axes["noise"] = {0: "B"}
    else:
        example.append(torch.tensor(0))
        names.append("level")
    if config.text_dim:
        example.append(torch.zeros(rows, config.text_dim))
        names.append("text")
        axes["text"] = {0: "B"}
    outputs = [f"logits{level}" for level in range(layout.levels)] if joint else ["logits"]
    axes |= {name: {0: "B", 1: "T"} for name in outputs}
    graph: nn.Module = JointGraph(model) if joint else LevelGraph(model)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        # The tracing exporter is announced to go some day; the other one needs a compiler stack we do not ship.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(), tuple(example), path, input_names=names, output_names=outputs, dynamic_axes=axes,
            opset_version=OPSET, dynamo=False, do_constant_folding=folded,
        )  # fmt: skip
        return path.read_bytes()


def _int8(graph: bytes) -> bytes:
    """Weights of the matrix products as int8 by column, activations quantised as they come.

    Weights are held to 7 bits. Where a processor has AVX2 and no VNNI, two products of 8 bits are added in 16, which
    saturates: there the error was a fifth more, and other tokens came out than elsewhere. Unsigned weights of 8 bits do
    not saturate either, but take half as long again (scripts/measure_int8.py; figures in docs/figures.md).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a preparation that dynamic quantisation does not need
    try:
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
            before.write_bytes(graph)
            quantize_dynamic(
                before,
                after,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                reduce_range=True,
            )
            return after.read_bytes()
    finally:
        root.setLevel(level)
