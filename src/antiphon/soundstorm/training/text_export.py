"""From a text training to what serves: ONNX graphs, and weights as safetensors in half precision."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.codecs.training.export import OPSET, fingerprint, linked
from antiphon.models import tensors
from antiphon.soundstorm.inputs import Floats, Ints
from antiphon.soundstorm.text.alignment import Sounds
from antiphon.soundstorm.text.serving import GRAPHS, SOUNDS, WEIGHTS, sounds_blob
from antiphon.soundstorm.training.text_model import ParallelText, TextDecoder

_HALF_FROM = 256


class TorchDecoder:
    """The torch model as the `Decoder` that `sampling` runs."""

    def __init__(self, model: TextDecoder) -> None:
        self._model, self.config = model.eval(), model.config

    @torch.inference_mode()
    def begin(self, phonemes: Ints) -> tuple[Floats, Floats, Any]:
        ids = torch.from_numpy(np.append(phonemes, self.config.start)[None])
        return self._run(ids, torch.tensor([phonemes.shape[0]]), self._model.empty(1))

    @torch.inference_mode()
    def step(self, token: int, state: Any) -> tuple[Floats, Floats, Any]:
        prefix, cache = state
        return self._run(torch.tensor([[self.config.start + 1 + token]]), prefix, cache)

    def _run(self, ids: Tensor, prefix: Tensor, cache: Tensor) -> tuple[Floats, Floats, Any]:
        logits, attention, cache = self._model(ids, prefix, cache)
        looked = attention[0, -1, : int(prefix)].softmax(-1)
        return logits[0, -1].numpy(), looked.numpy(), (prefix, cache)


class TorchSpeaker:
    """The torch model as the `Speaker` that `parallel` runs."""

    def __init__(self, model: ParallelText) -> None:
        self._model, self.config = model.eval(), model.config

    @torch.inference_mode()
    def read(self, phonemes: Ints) -> tuple[Floats, Floats]:
        hidden, durations = self._model.read(torch.from_numpy(phonemes[None]), torch.ones(1, len(phonemes)).bool())
        return hidden[0].numpy(), durations.exp()[0].numpy()

    @torch.inference_mode()
    def predict_tokens(self, hidden: Floats, place: Floats) -> Floats:
        valid = torch.ones(1, hidden.shape[0]).bool()
        made = self._model.predict_tokens(torch.from_numpy(hidden[None]), torch.from_numpy(place[None]), valid)
        logits: Floats = made[0].numpy()
        return logits


class _StepGraph(nn.Module):
    def __init__(self, model: TextDecoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, prefix: Tensor, cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, attention, cache = self.model(ids, prefix, cache)
        return logits[:, -1], attention[:, -1], cache


class _ReadGraph(nn.Module):
    def __init__(self, model: ParallelText) -> None:
        super().__init__()
        self.model = model

    def forward(self, phonemes: Tensor) -> tuple[Tensor, Tensor]:
        hidden, durations = self.model.read(phonemes, torch.ones_like(phonemes, dtype=torch.bool))
        return hidden, durations.exp()


class _PredictTokensGraph(nn.Module):
    def __init__(self, model: ParallelText) -> None:
        super().__init__()
        self.model = model

    def forward(self, hidden: Tensor, place: Tensor) -> Tensor:
        return self.model.predict_tokens(hidden, place, torch.ones_like(hidden[..., 0], dtype=torch.bool))


def rounded(model: TextDecoder | ParallelText) -> tuple[TextDecoder | ParallelText, bytes]:
    """The model with weights rounded to half precision, and those as safetensors."""
    kept: dict[str, np.ndarray[Any, Any]] = {}
    for name, value in model.state_dict().items():
        array = value.detach().cpu().numpy()
        kept[name] = array.astype(np.float16) if array.size >= _HALF_FROM else array
    blob = tensors.dump(kept, {"config": model.config.to_json()})
    copy = type(model)(model.config).requires_grad_(False).eval()
    copy.load_state_dict({name: torch.from_numpy(np.array(array, np.float32)) for name, array in kept.items()})
    return copy, blob


def export(model: TextDecoder | ParallelText, sounds: Sounds | None, out: Path, *, prefix: str = "") -> dict[str, Path]:
    """Write graphs, weights and the table of sounds into `out`, their names after `prefix`; paths by name.

    The graphs refer to the weights, which must lie beside them.
    """
    copy, blob = rounded(model)
    about = {"config": model.config.to_json(), "fingerprint": fingerprint(blob)}
    graphs = (
        {"step": _step(copy)}
        if isinstance(copy, TextDecoder)
        else {"read": _read(copy), "predict_tokens": _predict_tokens(copy)}
    )
    files = {GRAPHS[name]: linked(graph, blob, f"{prefix}{WEIGHTS}", about) for name, graph in graphs.items()}
    files[WEIGHTS] = blob
    if sounds is not None:
        files[SOUNDS] = sounds_blob(sounds)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / f"{prefix}{name}").write_bytes(content)
    return {name: out / f"{prefix}{name}" for name in files}


def _step(model: TextDecoder) -> bytes:
    config = model.config
    past = torch.zeros(config.layers, 2, 1, config.heads, 5, config.dim // config.heads)
    ids, prefix = torch.zeros(1, 3, dtype=torch.int64), torch.tensor([4])
    axes = {"ids": {1: "N"}, "cache": {4: "K"}, "attention": {1: "M"}, "next": {4: "M"}}
    return _traced(
        _StepGraph(model), (ids, prefix, past), ["ids", "prefix", "cache"], ["logits", "attention", "next"], axes
    )


def _read(model: ParallelText) -> bytes:
    axes = {"phonemes": {1: "P"}, "hidden": {1: "P"}, "durations": {1: "P"}}
    ids = torch.zeros(1, 7, dtype=torch.int64)
    return _traced(_ReadGraph(model), (ids,), ["phonemes"], ["hidden", "durations"], axes)


def _predict_tokens(model: ParallelText) -> bytes:
    axes = {"hidden": {1: "S"}, "place": {1: "S"}, "logits": {1: "S"}}
    example = (torch.zeros(1, 9, model.config.dim), torch.zeros(1, 9, 2))
    return _traced(_PredictTokensGraph(model), example, ["hidden", "place"], ["logits"], axes)


def _traced(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> bytes:
    buffer: Any = io.BytesIO()  # taken by the exporter, unknown to its types
    with warnings.catch_warnings():
        # The tracing exporter is announced to go some day; the other one needs a compiler stack we do not ship.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(), example, buffer, input_names=inputs, output_names=outputs, dynamic_axes=axes,
            opset_version=OPSET, dynamo=False, do_constant_folding=False,
        )  # fmt: skip
    return bytes(buffer.getvalue())
