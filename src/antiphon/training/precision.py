"""In what precision the products of a training are computed."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def resolved(wanted: Precision, kind: Literal["cpu", "cuda"] = "cpu") -> Literal["float32", "bfloat16"]:
    """`auto` is bfloat16 where the device computes with it, else float32: elsewhere it is emulated, and a step takes
    minutes. The library that multiplies is asked, not the processor: it may have been held to fewer instructions
    (`ONEDNN_MAX_CPU_ISA`)."""
    if wanted != "auto":
        return wanted
    if kind == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
