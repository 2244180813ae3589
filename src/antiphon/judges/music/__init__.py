"""Judges of music: what a validator measures on a window of a piece, from the audio and the prompt alone."""

from __future__ import annotations

from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.panel import MusicPanel

__all__ = ["MusicEvidence", "MusicPanel"]
