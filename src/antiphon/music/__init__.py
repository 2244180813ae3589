"""Music as notes: free words to a brief, a brief to a score, a score to MIDI, MusicXML and sound-chip registers."""

from __future__ import annotations

from antiphon.music.arranger import arrange
from antiphon.music.brief import MusicBrief, read
from antiphon.music.composer import compose
from antiphon.music.midi import to_midi
from antiphon.music.musicxml import to_musicxml
from antiphon.music.nsf import to_nsf
from antiphon.music.overrides import overridden
from antiphon.music.planning import loop_seconds, plan
from antiphon.music.score import Chord, Note, Score, Section, Track
from antiphon.music.stems import layers, stems
from antiphon.music.vgm import to_vgm
from antiphon.music.xm import to_xm

__all__ = [
    "Chord",
    "MusicBrief",
    "Note",
    "Score",
    "Section",
    "Track",
    "arrange",
    "compose",
    "layers",
    "loop_seconds",
    "overridden",
    "plan",
    "read",
    "stems",
    "to_midi",
    "to_musicxml",
    "to_nsf",
    "to_vgm",
    "to_xm",
]
