"""The command line: one thin command per verb. The library knows nothing of it."""

import atexit
import contextlib
import gc
import os
import sys
from typing import NoReturn

__all__ = ["main"]

_GARBAGE_EVERY = 50_000
"""New objects between two looks for cycles. By Python's own 700 a command spends .1 s before its first sound looking
through modules and word lists, which never become garbage."""


def main() -> None:
    """Entry point. However a command ends, it ends with its own exit code and at most one line of complaint."""
    gc.set_threshold(_GARBAGE_EVERY)
    try:
        from antiphon.cli.app import group
        from antiphon.cli.exit_codes import end

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
