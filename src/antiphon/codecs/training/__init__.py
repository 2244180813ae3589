"""Training of the neural codec. Needs torch: `pip install 'antiphon[train]'`; serving never does."""

from __future__ import annotations

from importlib.util import find_spec

from antiphon.errors import ModelError

if find_spec("torch") is None:
    raise ModelError("Training needs PyTorch, which is not installed", "Run `pip install 'antiphon[train]'`.")

from antiphon.codecs.training.loop import run
from antiphon.codecs.training.profiles import PROFILES, TrainConfig, profile

__all__ = ["PROFILES", "TrainConfig", "profile", "run"]
