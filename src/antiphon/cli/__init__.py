"""The command line: one thin command per verb. The library knows nothing of it."""

import atexit
import contextlib
import os
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> None:
    """Entry point. However a command ends, it ends with its own exit code and at most one line of complaint."""
    try:
        from antiphon.cli.app import group
        from antiphon.cli.ending import end

        code = end(group)
    except KeyboardInterrupt:  # pressed while Python was still loading
        code = 130
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End now. Python would wait for every thread of a pool, and one may be inside a model for ten seconds more, with
    work that nobody wants any longer."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    atexit._run_exitfuncs()  # logs, temporary files, child processes
    os._exit(code)
