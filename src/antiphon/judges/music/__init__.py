"""Judges of music: what a validator measures on a window of a piece, from the audio and the prompt alone."""
