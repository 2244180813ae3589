"""SoundStorm: semantic tokens in, every acoustic token out in a few dozen passes."""
