"""How a text stage is trained.

Which kind: measured once on 700 recordings (4 layers of 96, 256 clusters), agreement with 40 unseen recordings by other
speakers (two people saying the same agree by .63, two different texts by .13): parallel .41 after 200 steps (60 s of
CPU), autoregressive .17 after 250; making a second of tokens took .003 and .041 s of CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from antiphon.errors import InputError
from antiphon.soundstorm.text.layout import SIZES, TextConfig
from antiphon.training.loop import LoopConfig


class TextTrainConfig(LoopConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optimiser: AdamW, linear warm-up, half a cosine down to `final_rate` of `learning_rate`, as the generator's."""

    RENAMED: ClassVar[Mapping[str, str]] = {"rate": "learning_rate", "told_weight": "alignment_weight"}

    text: TextConfig
    batch: int = 16
    steps: int = 20_000
    warm_up: int = 300
    learning_rate: float = 8e-4
    final_rate: float = 0.05
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema: float = 0.999
    alignment_weight: float = 0.5  # of the alignment loss: where the aligned head looks (autoregressive)
    duration_weight: float = 0.3  # of durations (parallel)
    longest: int = 1_000  # tokens; longer recordings are left out

    def __post_init__(self) -> None:
        if min(self.batch, self.steps, self.longest, self.log_every, self.save_every) < 1 or self.warm_up < 0:
            raise ValueError("batch, steps, longest, log_every and save_every must be at least 1")
        if self.hardware.recompute:
            raise ValueError("hardware.recompute is for generators: a text stage is small")


def profile(name: str, text: TextConfig) -> TextTrainConfig:
    """`text` gets the size of that name. Raises `InputError` with the names when there is none of that name."""
    if name not in SIZES:
        raise InputError(f"There is no text profile {name}", f"Choose one of {', '.join(SIZES)}.")
    layers, dim = SIZES[name]
    sized = msgspec.structs.replace(text, name=f"text-{name}", layers=layers, dim=dim)
    if name == "tiny":
        return TextTrainConfig(
            text=msgspec.structs.replace(sized, dropout=0.0),
            batch=8, steps=200, warm_up=20, learning_rate=3e-3, ema=0.98, precision="float32",
            log_every=20, save_every=100,
        )  # fmt: skip
    if name == "paper":
        return TextTrainConfig(text=sized, batch=128, steps=300_000, warm_up=4_000, learning_rate=3e-4)
    return TextTrainConfig(text=sized)
