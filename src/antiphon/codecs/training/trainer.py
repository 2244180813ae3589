"""One training step, and everything that changes in it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.analysis.pitch import F0Track
from antiphon.codecs.neural.features import features
from antiphon.codecs.training import discriminators as adversaries
from antiphon.codecs.training.data import Batch
from antiphon.codecs.training.layers import Decoder, Encoder, Head, sources
from antiphon.codecs.training.losses import SpectralLoss, pitch_loss
from antiphon.codecs.training.profiles import TrainConfig
from antiphon.codecs.training.quantiser import GroupResidualQuantiser, Quantised
from antiphon.training.averaging import follow
from antiphon.training.hardware import ProcessGroup
from antiphon.training.rates import rate_scale


class Network(nn.Module):
    """Encoder, quantiser and decoder."""

    def __init__(self, config: TrainConfig, *, half: bool = False) -> None:
        super().__init__()
        self.encoder = Encoder(config.codec, half=half)
        self.quantiser = GroupResidualQuantiser(config.codec)
        self.decoder = Decoder(config.codec, half=half)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Tensors of a batch: features `[B, F, T]`, audio `[B, N]`, F0 (Hz) and voicing of steps `[B, S]`."""

    features: Tensor
    audio: Tensor
    f0_hz: Tensor
    voicing: Tensor


def inputs_of(batch: Batch, config: TrainConfig, device: torch.device | None = None) -> Inputs:
    """Features by the code that serves; F0 of half frames brought to the steps' ends, straight in octaves."""
    heard = [
        features(audio, F0Track(f0, voicing), config.codec)
        for audio, f0, voicing in zip(batch.audio, batch.f0_hz, batch.voicing, strict=True)
    ]
    halves = batch.f0_hz.shape[1]
    centres = np.arange(halves) + 0.5
    ends = (np.arange(halves * config.codec.subframes // 2) + 1) * 2 / config.codec.subframes
    f0 = [np.exp2(np.interp(ends, centres, np.log2(row))) for row in batch.f0_hz]
    voicing = [np.interp(ends, centres, row) for row in batch.voicing]
    arrays = (np.stack(heard), batch.audio, np.stack(f0), np.stack(voicing))
    return Inputs(*(torch.from_numpy(np.asarray(a, np.float32)).to(device) for a in arrays))


class Trainer:
    """State of a training: networks, their average, optimisers, and the step to make next."""

    def __init__(self, config: TrainConfig, processes: ProcessGroup | None = None) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.processes = processes or ProcessGroup(config.hardware, config.precision)
        self.step = 0
        self.skipped = 0
        device = self.processes.device
        self.network = Network(config, half=self.processes.precision == "bfloat16").to(device)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.judges = adversaries.Discriminators(config.judge_width).to(device)
        self.head = Head(config.codec).to(device)
        self.spectral = SpectralLoss(config.codec).to(device)
        self.optimiser = _adam(self.network, config.learning_rate, config.weight_decay)
        self.judge_optimiser = _adam(self.judges, config.discriminator_lr, config.weight_decay)

    def train(self, batch: Batch) -> dict[str, float]:
        """One step on this process's rows of a batch.

        A batch whose loss or gradient is not finite changes nothing but the count of skipped ones.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 64 + self.processes.rank)
        self._set_rates()
        inputs = inputs_of(batch, self.config, self.processes.device)
        # The codebooks learn in the forward pass, so a batch that is skipped must give them back.
        kept = {name: buffer.clone() for name, buffer in self.network.quantiser.named_buffers()}
        made, losses, figures = self._generate(inputs)
        loss = sum(losses.values(), torch.zeros((), device=self.processes.device))
        if self._adversarial():
            real, fake = self._heard(inputs.audio, made)
            figures["judge"] = self._train_judges(real, fake.detach())
            loss = loss + self._fooling(real, fake, figures)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients(self.network.parameters())
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):  # equal in all processes, and not finite when the loss is not
            self.optimiser.step()
            self._follow()
        else:
            for name, buffer in self.network.quantiser.named_buffers():
                buffer.copy_(kept[name])
            self.skipped += 1
        self.step += 1
        figures |= {name: float(value.detach()) for name, value in losses.items()}
        return figures | {"loss": float(loss.detach()), "norm": float(norm), "skipped": float(self.skipped)}

    def _generate(self, inputs: Inputs) -> tuple[Tensor, dict[str, Tensor], dict[str, float]]:
        config = self.config
        quantised = self._quantised(inputs.features)
        controls = self.network.decoder(quantised.latent)
        # The pulses follow the measured F0: gradients through a phase lead nowhere, and a source that has
        # drifted from the real harmonics would teach the envelopes to blur.
        start = (torch.rand(inputs.audio.shape[0]) * 2 * math.pi).to(inputs.audio.device)
        pulses = sources(inputs.f0_hz, start, config.codec)
        made = self.head(controls, torch.stack([pulses, torch.randn_like(pulses)], dim=1))
        stft, mel = self.spectral(made, inputs.audio, self.step)
        losses = {
            "stft": config.stft_weight * stft,
            "mel": config.mel_weight * mel,
            "pitch": config.pitch_weight * pitch_loss(controls[..., 0], inputs.f0_hz, inputs.voicing),
            "commitment": config.commitment_weight * quantised.commitment,
        }
        return made, losses, {"revived": float(quantised.revived)}

    def _quantised(self, features: Tensor) -> Quantised:
        """Where encoder and codebooks rest, those of the average, which are the ones that are exported."""
        if not self._resting():
            return self.network.quantiser(self.network.encoder(features), self.processes)  # type: ignore[no-any-return]
        average = self.average.eval()
        with torch.no_grad():
            return average.quantiser(average.encoder(features))  # type: ignore[no-any-return]

    def _resting(self) -> bool:
        return self.config.encoder_steps is not None and self.step >= self.config.encoder_steps

    def _adversarial(self) -> bool:
        return self.step >= self.config.adversarial_from

    def _heard(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        config = self.config
        length = config.judged_frames * config.codec.hop
        start = int(torch.randint(0, real.shape[1] - length + 1, ()))
        rows = slice(0, config.judged_clips // self.processes.size)
        return real[rows, start : start + length], made[rows, start : start + length]

    def _train_judges(self, real: Tensor, fake: Tensor) -> float:
        loss = adversaries.judge_loss(self.judges(real, self.step), self.judges(fake, self.step))
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients(self.judges.parameters())
        norm = nn.utils.clip_grad_norm_(self.judges.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):
            self.judge_optimiser.step()
        return float(loss.detach())

    def _fooling(self, real: Tensor, fake: Tensor, figures: dict[str, float]) -> Tensor:
        config = self.config
        self.judges.requires_grad_(False)
        with torch.no_grad():
            known = self.judges(real, self.step)
        heard = self.judges(fake, self.step)
        self.judges.requires_grad_(True)
        fooled, matched = adversaries.adversarial_loss(heard), adversaries.matching_loss(known, heard)
        figures |= {"fooled": float(fooled.detach()), "matched": float(matched.detach())}
        ramp = min(1.0, (self.step - config.adversarial_from + 1) / config.adversarial_ramp)
        return ramp * (config.adversarial_weight * fooled + config.matching_weight * matched)

    def _set_rates(self) -> None:
        scale = rate_scale(self.step, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * scale
        for group in self.judge_optimiser.param_groups:
            group["lr"] = self.config.discriminator_lr * scale

    @torch.no_grad()
    def _follow(self) -> None:
        """The average follows the weights that learn; codebooks are averages already and are copied."""
        slow_part: nn.Module = self.average
        fast_part: nn.Module = self.network
        if self._resting():
            slow_part, fast_part = self.average.decoder, self.network.decoder
        follow(slow_part, fast_part, step=self.step, ema=self.config.ema)
        for kept, learnt in zip(slow_part.buffers(), fast_part.buffers(), strict=True):
            kept.copy_(learnt)

    def averaged(self) -> Network:
        return self.average

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "skipped": self.skipped,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "judges": self.judges.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "judge_optimiser": self.judge_optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.step, self.skipped = int(state["step"]), int(state["skipped"])
        for name in ("network", "average", "judges", "optimiser", "judge_optimiser"):
            getattr(self, name).load_state_dict(state[name])


def _adam(module: nn.Module, learning_rate: float, decay: float) -> torch.optim.AdamW:
    """Weight decay for matrices only; fused, because a step over hundreds of small tensors is mostly overhead."""
    matrices = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.8, 0.99), fused=True)
