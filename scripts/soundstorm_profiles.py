"""The table of generator profiles in docs/soundstorm.md: what each needs, counted from what it is made of.

python scripts/soundstorm_profiles.py

Nothing is allocated: models are made on PyTorch's meta device.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from antiphon.codecs import training as codecs
from antiphon.soundstorm.layout import SIZES, GeneratorConfig, Layout
from antiphon.soundstorm.semantic import profile as semantic_profile
from antiphon.soundstorm.training.export import stored_bytes
from antiphon.soundstorm.training.model import Generator
from antiphon.soundstorm.training.profiles import profile

STATE = 5 * 4
"""Bytes a parameter takes in training: float32 weight, gradient, average, and the two moments of AdamW."""


def layout_of(name: str) -> Layout:
    """Tokens of the codec and the clusters of the same profile."""
    codec = codecs.profile(name).codec
    return Layout(
        codec=codec.name,
        vocabulary=(codec.codes,) * codec.streams,
        frame_rate_hz=codec.frame_rate_hz,
        depth=codec.depth,
        semantic_vocabulary=semantic_profile("paper" if name == "base" else name).clusters,
    )


def table() -> Iterator[str]:
    """Lines of the table."""
    yield "| profile | layers x dim | tokens | parameters | float32 | as shipped | training state | a step | steps |"
    yield "|---|---|---|---|---|---|---|---|---|"
    yield from map(_row, SIZES)


def _row(name: str) -> str:
    config = profile(name, layout_of(name))
    generator, layout = config.generator, config.generator.layout
    parameters, float32, shipped = weights_of(generator)
    cells = (
        f"`{name}`",
        f"{generator.layers} x {generator.dim}",
        f"{layout.levels} x {layout.vocabulary[0]}",
        f"{parameters / 1e6:.1f} M",
        _size(float32),
        _size(shipped),
        _size(parameters * STATE),
        f"{config.batch * config.frames / layout.frame_rate_hz:,.0f} s",
        f"{config.steps:,}",
    )
    return f"| {' | '.join(cells)} |"


def weights_of(generator: GeneratorConfig) -> tuple[int, int, int]:
    """Parameters, bytes of them in float32, and bytes of the safetensors file's tensors."""
    with torch.device("meta"):
        model = Generator(generator)
    parameters = sum(one.numel() for one in model.parameters())
    return parameters, sum(one.nbytes for one in model.parameters()), stored_bytes(model)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


if __name__ == "__main__":
    print("\n".join(table()))
