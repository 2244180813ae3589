"""DNSMOS (speechmos 0.0.1.1, MIT): the graph after its framing, so that a clip may have any length.

    pip install onnx && pip download --no-deps speechmos==0.0.1.1 && unzip speechmos-*.whl
    W=weights/judges/antiphon_weights_judges
    python scripts/convert_dnsmos.py speechmos/dnsmos_models/sig_bak_ovr.onnx $W/dnsmos.onnx

What changes: input `frames` [N, T, 320] (20 ms every 10 ms) instead of exactly 9.01 s of samples. The network ends in
a maximum over time, so the answer for 900 frames is the original's.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import onnx
from onnx.utils import Extractor

FRAMES = "mos_estimator_logpow/concat:0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()

    original = onnx.load(arguments.source)
    free = onnx.helper.make_tensor_value_info(FRAMES, onnx.TensorProto.FLOAT, ["clips", "frames", 320])
    kept = [info for info in original.graph.value_info if info.name != FRAMES]
    del original.graph.value_info[:]
    original.graph.value_info.extend([*kept, free])
    model = Extractor(original).extract_model([FRAMES], [original.graph.output[0].name])
    # Shapes inferred for 900 frames would contradict the free length.
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.input[:] = ["frames" if name == FRAMES else name for name in node.input]
        node.output[:] = ["scores" if name == original.graph.output[0].name else name for name in node.output]
    model.graph.input[0].name = "frames"
    model.graph.output[0].name = "scores"
    onnx.checker.check_model(model)
    blob = model.SerializeToString()
    arguments.target.write_bytes(blob)
    print(f"{len(blob):,} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
