"""The spectral features of the judges' models: `antiphon.hearing.features`, which cloners hear with too."""

from __future__ import annotations

from antiphon.hearing.features import (
    HOP,
    RATE_HZ,
    Complex,
    compressed_spectrum,
    dvector_log_mel,
    framed,
    hamming,
    hann,
    mel_filters,
    mono_16k,
    resemblyzer_mel,
    whisper_log_mel,
)

__all__ = [
    "HOP",
    "RATE_HZ",
    "Complex",
    "compressed_spectrum",
    "dvector_log_mel",
    "framed",
    "hamming",
    "hann",
    "mel_filters",
    "mono_16k",
    "resemblyzer_mel",
    "whisper_log_mel",
]
