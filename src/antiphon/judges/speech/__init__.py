"""Judging speech in built-in voices: words, naturalness, voice, integrity, our own rendering."""
