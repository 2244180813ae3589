"""Music as notes: free words to a brief, a brief to a score, a score to MIDI, MusicXML and sound-chip registers."""

from __future__ import annotations

from antiphon.music.brief import Brief, read

__all__ = ["Brief", "read"]
