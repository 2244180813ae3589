"""An inspection as plain numbers, for `--json`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.audio.loudness import HOP_S
from antiphon.pictures.measuring import PITCH_HOP_S, Inspection
from antiphon.pictures.tune import Tune


def as_numbers(seen: Inspection) -> dict[str, Any]:
    """Everything that was measured, but the picture's own columns. None: it could not be measured."""
    loudness = seen.loudness
    found: dict[str, Any] = {
        "file": seen.name,
        "kind": seen.kind,
        "duration_s": round(seen.duration_s, 4),
        "rate_hz": seen.rate_hz,
        "channels": seen.channels,
        "loudness": {
            "integrated_lufs": _rounded(loudness.integrated_lufs),
            "range_lu": _rounded(loudness.range_lu),
            "true_peak_dbtp": _rounded(loudness.true_peak_dbtp),
            "hop_s": HOP_S,
            "momentary_lufs": _list(loudness.momentary_lufs),
            "short_term_lufs": _list(loudness.short_term_lufs),
        },
        "notes": list(seen.notes),
    }
    if seen.pitch_hz is not None:
        voiced = seen.pitch_hz[seen.pitch_hz > 0]
        found["pitch"] = {
            "median_hz": _rounded(float(np.median(voiced)) if voiced.size else None),
            "voiced": _rounded(voiced.size / max(1, seen.pitch_hz.size)),
            "hop_s": PITCH_HOP_S,
            "hz": _list(seen.pitch_hz),
        }
    if seen.words is not None:
        found["words"] = [
            {
                "text": word.text,
                "start_s": round(word.start_s, 2),
                "end_s": round(word.end_s, 2),
                "probability": round(word.probability, 3),
            }
            for word in seen.words
        ]
    if seen.tune is not None:
        found["music"] = _music(seen.tune)
    if seen.registers is not None:
        grid = seen.registers.grid
        found["registers"] = {
            "codec": grid.codec,
            "exact": seen.registers.exact,
            "frame_rate_hz": grid.frame_rate_hz,
            "tokens": grid.tokens.tolist(),
        }
    return found


def _music(tune: Tune) -> dict[str, Any]:
    return {
        "tempo_bpm": _rounded(tune.tempo_bpm),
        "key": tune.key,
        "beats_s": [round(beat, 3) for beat in tune.beats_s],
        "chords": [
            {"name": chord.name, "start_s": round(chord.start_s, 2), "end_s": round(chord.end_s, 2)}
            for chord in tune.chords
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


def _list(values: npt.NDArray[Any]) -> list[float]:
    return [round(float(value), 2) for value in values]
