"""The command line: one thin command per verb. The library knows nothing of it."""

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point. However a command ends, it ends with its own exit code and at most one line of complaint."""
    try:
        from antiphon.cli.app import group
        from antiphon.cli.ending import end

        code = end(group)
    except KeyboardInterrupt:  # pressed while Python was still loading
        code = 130
    sys.exit(code)
