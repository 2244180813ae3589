"""Antiphon: an open network that turns text into audio."""

__version__ = "0.2.0.dev0"
