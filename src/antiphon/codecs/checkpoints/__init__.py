"""Codecs of other projects from the weights they publish: networks by the published names, and our own ONNX exporter.

Needs PyTorch (the extra `train`) once; what is exported serves without.
"""

from __future__ import annotations

from antiphon.codecs.checkpoints.exporting import KINDS, export_checkpoint

__all__ = ["KINDS", "export_checkpoint"]
