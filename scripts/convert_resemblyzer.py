"""resemblyzer 0.1.4's speaker encoder (Apache-2.0) as ONNX with float16 weights.

    pip install torch==2.13.0 onnx && pip download --no-deps resemblyzer==0.1.4 && unzip Resemblyzer-*.whl
    W=weights/judges/antiphon_weights_judges
    python scripts/convert_resemblyzer.py resemblyzer/pretrained.pt $W/resemblyzer.onnx

What changes: only the encoder's weights are kept (the checkpoint is three quarters optimiser state), stored as float16.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from pathlib import Path

import onnx
import torch

sys.path.insert(0, str(Path(__file__).parent))
from convert_distillmos import halve

MELS, HIDDEN, LAYERS, FRAMES = 40, 256, 3, 160


class Encoder(torch.nn.Module):
    """mel power [N, 160, 40] -> unit vectors [N, 256]."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(MELS, HIDDEN, LAYERS, batch_first=True)
        self.linear = torch.nn.Linear(HIDDEN, HIDDEN)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        output, _ = self.lstm(mel)
        raw = torch.relu(self.linear(output[:, -1]))
        return raw / torch.linalg.vector_norm(raw, dim=1, keepdim=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()

    state = torch.load(arguments.checkpoint, map_location="cpu", weights_only=True)["model_state"]
    encoder = Encoder().eval()
    encoder.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})
    buffer = io.BytesIO()
    torch.onnx.export(
        encoder,
        (torch.rand(2, FRAMES, MELS),),
        buffer,
        input_names=["mel"],
        output_names=["embedding"],
        dynamic_axes={"mel": {0: "windows"}, "embedding": {0: "windows"}},
        opset_version=17,
        dynamo=False,
    )
    blob = halve(onnx.load_from_string(buffer.getvalue())).SerializeToString()
    arguments.target.write_bytes(blob)
    print(f"{len(blob):,} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
