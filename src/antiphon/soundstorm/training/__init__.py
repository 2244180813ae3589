"""Training of the generator. Needs torch: `pip install 'antiphon[train]'`; serving never does."""

from __future__ import annotations

from importlib.util import find_spec

from antiphon.errors import ModelError

if find_spec("torch") is None:
    raise ModelError("Training needs PyTorch, which is not installed", "Run `pip install 'antiphon[train]'`.")
