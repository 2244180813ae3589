"""Figures of the SoundStorm paper (arXiv:2305.09636) at small scale, by `antiphon soundstorm reproduce`."""
