"""The sound chip as a codec: registers per frame (tokens) to audio and back, exactly."""

from __future__ import annotations

from antiphon.codecs.chip.codec import ChipCodec
from antiphon.codecs.chip.midi import from_midi
from antiphon.codecs.chip.registers import Registers, Row, canonical, frames_of, pitch_midi, pitch_tokens, rows

__all__ = ["ChipCodec", "Registers", "Row", "canonical", "frames_of", "from_midi", "pitch_midi", "pitch_tokens", "rows"]
