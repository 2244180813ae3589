"""How a generator is trained: one frozen configuration, named sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from antiphon.errors import InputError
from antiphon.soundstorm.layout import GeneratorConfig, Layout
from antiphon.soundstorm.layout import profile as generator_profile
from antiphon.training.loop import LoopConfig

WINDOW_OF_CROP = 1.2
"""Longest window made at once, over the longest crop learnt from: positions are relative, a little more is met well."""


class TrainConfig(LoopConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optimiser: AdamW, linear warm-up, half a cosine down to `final_rate` of `learning_rate`."""

    RENAMED: ClassVar[Mapping[str, str]] = {"rate": "learning_rate"}

    generator: GeneratorConfig
    data: str = ""  # hash of the token set it learns from
    begun_with: str = ""  # fingerprint of the weights it went on from; empty: it began with none
    revoiced: bool = False  # each recording with another copy's semantic tokens (`tokenset.Revoiced`)
    joined: bool = True  # a speaker's recordings end to end, up to `frames` (`tokenset.Joined`); paper: none
    batch: int = 16  # examples a step, over all processes
    frames: int = 500  # longest crop (10 s at 50 Hz)
    shortest: int = 0  # 0: crops are `frames` long; else a batch's are drawn from U{shortest, frames} (paper)
    packed: bool = False  # short examples share rows; what is learnt stays, padding falls
    steps: int = 100_000
    warm_up: int = 1_000
    learning_rate: float = 5e-4
    final_rate: float = 0.05
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema: float = 0.9995
    upper_weight: float = 0.0  # of the levels above the drawn one (MaskGIT); the paper has none
    longest_prompt: float = 1.0  # share of an example; less teaches more a step, where prompts in use are short
    drop_conditions: float = 0.1  # share of examples without semantic tokens and text, for guidance

    def __post_init__(self) -> None:
        if min(self.batch, self.frames, self.steps, self.log_every, self.save_every) < 1 or self.warm_up < 0:
            raise ValueError("batch, frames, steps, log_every and save_every must be at least 1, warm_up not negative")
        if not 0 <= self.shortest <= self.frames:
            raise ValueError(f"shortest must be within 0..{self.frames}, the longest crop")
        if self.packed and (self.generator.objective != "maskgit" or self.generator.text_dim):
            raise ValueError("packed is for MaskGIT without a text's embedding")
        if self.packed and self.hardware.accumulate > 1 and self.hardware.strategy == "fsdp":
            raise ValueError("packed batches in parts are for ddp: with fsdp all processes need as many parts")
        if not 0 < self.longest_prompt <= 1:
            raise ValueError("longest_prompt must be above 0 and at most 1")
        if not (0 <= self.drop_conditions <= 1 and 0 <= self.ema < 1 and self.learning_rate > 0 and self.clip_norm > 0):
            raise ValueError(
                "drop_conditions must be within 0..1, ema within 0..1, learning_rate and clip_norm positive"
            )


def profile(name: str, layout: Layout) -> TrainConfig:
    """`tiny` proves the recipe in a minute, `small` trains on two cores, `base` and `paper` want a GPU.

    Raises `InputError` with the names when there is none of that name.
    """
    config = _profile(name, generator_profile(name, layout))
    if config.generator.window > WINDOW_OF_CROP * config.frames:  # never longer than what it was shown
        config = msgspec.structs.replace(
            config, generator=msgspec.structs.replace(config.generator, window=config.frames)
        )
    return config


def _profile(name: str, generator: GeneratorConfig) -> TrainConfig:
    if name == "tiny":
        return TrainConfig(
            generator=generator,
            batch=4,
            frames=100,
            steps=60,
            warm_up=10,
            learning_rate=2e-3,
            log_every=10,
            save_every=30,
        )
    if name == "small":
        generator = msgspec.structs.replace(generator, window=700, dropout=0.05)
        return TrainConfig(
            generator=generator,
            batch=8,
            frames=600,
            steps=20_000,
            warm_up=200,
            learning_rate=8e-4,
            ema=0.999,
            upper_weight=0.5,
            longest_prompt=0.5,
            save_every=500,
        )
    if name == "base":
        return TrainConfig(
            generator=generator, batch=64, frames=1_000, steps=300_000, warm_up=4_000, learning_rate=3e-4
        )
    if name == "paper":
        # The paper trains on 60 k hours for 10 epochs, on windows of 0 to 30 s; of its optimiser it tells nothing.
        return TrainConfig(
            generator=generator,
            joined=False,
            batch=256,
            frames=1_500,
            shortest=1,
            steps=500_000,
            warm_up=10_000,
            learning_rate=2e-4,
            drop_conditions=0.0,
        )
    raise InputError(f"There is no training profile {name}", "Choose one of tiny, small, base, paper.")
