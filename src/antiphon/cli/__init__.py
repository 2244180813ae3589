"""The command line: one thin command per verb. The library knows nothing of it."""

from antiphon.cli.app import main

__all__ = ["main"]
