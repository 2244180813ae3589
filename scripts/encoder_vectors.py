"""What the public code of HuBERT and WavLM makes of weights that are made up: for test_speech_encoders.py.

pip install 'transformers<5' && python scripts/encoder_vectors.py > tests/vectors/speech_encoders.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import HubertConfig, HubertModel, WavLMConfig, WavLMModel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "soundstorm"))

from storm_fakes import made_up  # the tests' own rule

SMALL = {
    "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "conv_dim": (6,) * 7,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
LARGE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
SAMPLES, SHOWN = 8_000, 4


def main() -> None:
    found: list[dict[str, Any]] = []
    for kind, settings in (
        (HubertConfig, SMALL),
        (HubertConfig, SMALL | LARGE),
        (WavLMConfig, SMALL),
        (WavLMConfig, SMALL | LARGE),
    ):
        model = (HubertModel if kind is HubertConfig else WavLMModel)(kind(**settings)).eval()
        names = {name: list(value.shape) for name, value in sorted(model.state_dict().items())}
        model.load_state_dict({name: torch.from_numpy(made_up(name, shape)) for name, shape in names.items()})
        audio = torch.from_numpy(made_up("audio", [1, SAMPLES]))
        with torch.inference_mode():
            layers = model(audio, output_hidden_states=True).hidden_states
        rows = [np.round(layer[0, :SHOWN].numpy().astype(float), 5).tolist() for layer in layers]
        config = settings | {"model_type": "hubert" if kind is HubertConfig else "wavlm"}
        found.append({"config": config, "weights": names, "rows": layers[0].shape[1], "layers": rows})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
