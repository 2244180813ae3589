"""What every training shares: a loop that resumes bit for bit, checkpoints, several processes. Needs torch."""

from __future__ import annotations

from importlib.util import find_spec

from antiphon.errors import ModelError

if find_spec("torch") is None:
    raise ModelError("Training needs PyTorch, which is not installed", "Run `pip install 'antiphon[train]'`.")
if find_spec("lightning_fabric") is None or find_spec("safetensors") is None:
    raise ModelError("Training needs Lightning Fabric and safetensors", "Run `pip install 'antiphon[train]'`.")

from antiphon.training.kept import read_config
from antiphon.training.loop import Report, Trainable, run_training
from antiphon.training.rates import rate_scale

__all__ = ["Report", "Trainable", "rate_scale", "read_config", "run_training"]
