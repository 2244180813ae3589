"""How a codec is trained: one frozen configuration, three named sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from antiphon.codecs.neural.layout import CodecConfig
from antiphon.errors import InputError
from antiphon.training.hardware import Hardware
from antiphon.training.loop import LoopConfig


class TrainConfig(LoopConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of losses follow Vocos (arXiv:2306.00814) and HiFi-GAN in kind, and our own runs in size."""

    RENAMED: ClassVar[Mapping[str, str]] = {"rate": "learning_rate", "judge_rate": "discriminator_lr"}

    codec: CodecConfig = CodecConfig()
    batch: int = 8  # clips a step
    frames: int = 50  # token frames of a clip
    steps: int = 40_000
    encoder_steps: int | None = None  # then encoder and codebooks rest, and tokens keep their meaning; None: never
    warm_up: int = 500
    learning_rate: float = 6e-4
    discriminator_lr: float = 8e-4
    final_rate: float = 0.05  # of the first step's after the warm-up
    weight_decay: float = 1e-2
    clip_norm: float = 5.0
    ema: float = 0.9995
    adversarial_from: int = 1_200
    adversarial_ramp: int = 500
    judged_frames: int = 25  # the adversaries hear this part of each clip
    judged_clips: int = 4
    judge_width: int = 16
    stft_weight: float = 1.0
    mel_weight: float = 3.0
    pitch_weight: float = 0.5
    commitment_weight: float = 1.0
    adversarial_weight: float = 0.3
    matching_weight: float = 1.0
    copies: int = 2  # of each clip, at other speeds

    def __post_init__(self) -> None:
        if min(self.batch, self.frames, self.steps, self.log_every, self.save_every) < 1:
            raise ValueError("batch, frames, steps, log_every and save_every must be at least 1")
        if not 1 <= self.judged_frames <= self.frames or not 1 <= self.judged_clips <= self.batch:
            raise ValueError("judged_frames and judged_clips must be within frames and batch")
        if self.hardware != Hardware(device=self.hardware.device):
            raise ValueError("of the hardware, a codec's training takes the device only: it is small")


_TINY = CodecConfig(name="tiny-16k", codes=64, encoder_dim=48, encoder_blocks=2, decoder_dim=64, decoder_blocks=2)
_LARGE = CodecConfig(
    name="antiphon-16k-large", encoder_dim=384, encoder_blocks=8, decoder_dim=640, decoder_blocks=10, code_dim=64
)
_PAPER = msgspec.structs.replace(_LARGE, name="antiphon-16k-12", groups=1, levels=12, code_dim=128)

PROFILES = {
    "tiny": TrainConfig(
        codec=_TINY, batch=4, frames=25, steps=40, warm_up=5, adversarial_from=20, adversarial_ramp=5, judged_frames=12,
        judged_clips=2, judge_width=4, log_every=10, save_every=20, copies=0,
    ),
    "small": TrainConfig(),
    "base": TrainConfig(
        codec=_LARGE, batch=64, frames=100, steps=500_000, warm_up=2_000, adversarial_from=20_000, judge_width=32,
        judged_frames=50, judged_clips=64, save_every=2_000,
    ),
}  # fmt: skip
PROFILES["paper"] = msgspec.structs.replace(PROFILES["base"], codec=_PAPER)
"""`tiny` proves the recipe in a minute; `small` is what we ship, trained on two cores; `base` and `paper` want a GPU.
`paper` has SoundStream's 12 levels of one stack at 50 Hz (6 kb/s), as the generator's paper uses."""


def profile(name: str) -> TrainConfig:
    """Raises `InputError` with the names when there is none of that name."""
    if name not in PROFILES:
        raise InputError(f"There is no training profile {name}", f"Choose one of {', '.join(PROFILES)}.")
    return PROFILES[name]
