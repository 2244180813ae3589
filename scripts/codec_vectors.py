"""Vectors of `antiphon.codecs.checkpoints` by the projects' own networks, with weights that follow from their names.

    pip install transformers==5.24.0 einops; git clone https://github.com/yangdongchao/AcademiCodec
    python scripts/codec_vectors.py AcademiCodec tests/vectors/foreign_codecs.json

Runs the public networks (EnCodec and DAC of Transformers, EnCodec and HiFi-Codec of AcademiCodec), small where they can
be, and writes names and shapes of their weights, tokens of a fixed signal, and samples of the sound made of them.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "codecs"))
from codec_weights import signal, weight

FRAMES, HOP, KEPT = 24, 320, 40
SMALL: dict[str, Any] = {
    "resblock": "1", "upsample_rates": [8, 5, 4, 2], "upsample_kernel_sizes": [16, 11, 8, 4],
    "upsample_initial_channel": 64, "resblock_kernel_sizes": [3, 7], "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]],
    "n_code_groups": 2, "n_codes": 64, "sampling_rate": 16_000, "codebook_loss_lambda": 1.0,
    "commitment_loss_lambda": 0.25,
}  # fmt: skip

Coder = Callable[[torch.Tensor], torch.Tensor]


def fill(module: torch.nn.Module, prefix: str = "") -> dict[str, list[int]]:
    """Weights by their names; shapes of all that were set."""
    shapes = {}
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.from_numpy(weight(prefix + name, tuple(value.shape))))
                shapes[prefix + name] = list(value.shape)
    return shapes


def made(shapes: dict[str, list[int]], encode: Coder, decode: Coder, **more: object) -> dict[str, object]:
    with torch.no_grad():
        tokens = encode(torch.from_numpy(signal(FRAMES * HOP))[None, None])
        wave = decode(tokens)
    samples = [round(float(x), 6) for x in wave.flatten()[::191][:KEPT]]
    return {"shapes": shapes, "tokens": tokens[0].tolist(), "samples": samples, **more}


def encodec() -> dict[str, object]:
    from transformers import EncodecConfig, EncodecModel

    model = EncodecModel(
        EncodecConfig(num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=16, target_bandwidths=[1.5])
    ).eval()
    shapes = fill(model)
    return made(
        shapes,
        lambda x: model.quantizer.encode(model.encoder(x), bandwidth=None).transpose(0, 1),
        lambda c: model.decoder(model.quantizer.decode(c.transpose(0, 1))),
    )


def dac() -> dict[str, object]:
    from transformers import DacConfig, DacModel

    config = DacConfig(
        encoder_hidden_size=4, decoder_hidden_size=32, downsampling_ratios=[2, 4, 5, 8], upsampling_ratios=[8, 5, 4, 2],
        n_codebooks=3, codebook_size=32, codebook_dim=8, hidden_size=64,
    )  # fmt: skip
    model = DacModel(config).eval()
    shapes = fill(model)
    return made(shapes, lambda x: model.encode(x).audio_codes, lambda c: model.decode(audio_codes=c).audio_values)


def academicodec(project: Path) -> dict[str, object]:
    sys.path[:0] = [str(project), str(project / "academicodec")]
    from academicodec.models.encodec.net3 import SoundStream

    model = SoundStream(
        n_filters=4, D=16, target_bandwidths=[1], ratios=[8, 5, 4, 2], sample_rate=16_000, bins=32
    ).eval()
    shapes = fill(model)
    for name, value in model.named_buffers():
        if name.endswith("inited"):
            value.fill_(1)
    return made(shapes, lambda x: model.encode(x).transpose(0, 1), lambda c: model.decode(c.transpose(0, 1)))


def hificodec(project: Path) -> dict[str, object]:
    tools = types.ModuleType("utils")
    tools.get_padding = lambda kernel, dilation=1: (kernel - 1) * dilation // 2  # type: ignore[attr-defined]
    tools.init_weights = lambda *_: None  # type: ignore[attr-defined]
    sys.modules["utils"] = tools
    found = types.ModuleType("hificodec_models")
    source = (project / "academicodec" / "models" / "hificodec" / "models.py").read_text()
    exec(compile(source, "models.py", "exec"), found.__dict__)
    told = types.SimpleNamespace(**SMALL)
    parts = {"encoder": found.Encoder(told), "generator": found.Generator(told), "quantizer": found.Quantizer(told)}
    shapes: dict[str, list[int]] = {}
    for name, part in parts.items():
        shapes.update(fill(part.eval(), f"{name}."))
    quantizer = parts["quantizer"]
    return made(
        shapes,
        lambda x: torch.stack([one.reshape(1, -1) for one in quantizer(parts["encoder"](x))[2]], 1),
        lambda c: parts["generator"](quantizer.embed(c.transpose(1, 2))),
        config=SMALL,
    )


def main() -> None:
    project, out = Path(sys.argv[1]), Path(sys.argv[2])
    vectors = {
        "encodec": encodec(), "dac": dac(), "academicodec": academicodec(project), "hificodec": hificodec(project),
    }  # fmt: skip
    out.write_text(json.dumps(vectors, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
