"""Music as notes: free words to a brief, a brief to a score, a score to MIDI, MusicXML and sound-chip registers."""
