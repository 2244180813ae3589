"""DistillMOS 0.9.1 (MIT) as one ONNX file with float16 weights.

    pip install torch==2.13.0 onnx onnxscript && pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0
    python scripts/convert_distillmos.py weights/judges/antiphon_weights_judges/distillmos.onnx

What changes: the STFT moves out of the graph (`analysis/features.py` computes it in NumPy), windows may be shorter than
7.68 s, and weights are stored as float16 and computed in float32. The original pads short clips with silence and runs
its convolutions over all of it; silence always gives the same features, so they are computed once here and appended.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import types
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

WINDOW_FRAMES, WINDOW_COLUMNS, BINS = 768, 384, 161


class Scorer(torch.nn.Module):
    """compressed spectrum [N, 2, 161, T], keep [1] -> MOS [N]. Columns from `keep` on are those of silence."""

    def __init__(self, original: torch.nn.Module) -> None:
        super().__init__()
        self.cnn, self.head = original.cnn.cnn, original.transformer_pool_attn
        silence = torch.flatten(self.cnn(torch.zeros(1, 2, BINS, WINDOW_FRAMES)), 1, -2)
        self.register_buffer("silence", silence)  # [1, 1024, 384]

    def forward(self, spectrum: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        features = torch.flatten(self.cnn(spectrum), 1, -2)
        count = keep[0]
        tail = self.silence[:, :, count:].expand(spectrum.shape[0], -1, -1)
        features = torch.cat([features[:, :, :count], tail], dim=2)
        return 1 + 4 * self.head(features.permute(0, 2, 1))


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16 behind a Cast, which ONNX Runtime folds away when it loads."""
    graph = model.graph
    casts = []
    for index, tensor in enumerate(list(graph.initializer)):
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < 1024:
            continue
        half = numpy_helper.from_array(value.astype(np.float16), f"{tensor.name}_half")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], f"widen_{index}", to=TensorProto.FLOAT))
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()

    # The package imports torchaudio only for its command line.
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from distillmos.sqa import ConvTransformerSQAModel

    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        scorer = Scorer(ConvTransformerSQAModel().eval()).eval()
        buffer = io.BytesIO()
        torch.onnx.export(
            scorer,
            (torch.randn(2, 2, BINS, 500), torch.tensor([246])),
            buffer,
            input_names=["spectrum", "keep"],
            output_names=["mos"],
            dynamic_axes={"spectrum": {0: "windows", 3: "frames"}, "mos": {0: "windows"}},
            opset_version=17,
            dynamo=False,
        )
    model = halve(onnx.load_from_string(buffer.getvalue()))
    onnx.checker.check_model(model)
    blob = model.SerializeToString()
    arguments.target.write_bytes(blob)
    print(f"{len(blob):,} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
