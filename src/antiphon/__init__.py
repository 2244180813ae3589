"""Antiphon: an open network that turns text into audio."""

__version__ = "0.1.0"
