"""The data folder's logs: what the nodes complain about, and the traceback of what nobody foresaw."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import tempfile
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from antiphon import __version__

LOG_NAME = "antiphon.log"
LOG_BYTES = 1 << 20
MAX_CRASH_FILES = 20

_folder: Path | None = None


def start(home: Path, *, verbose: bool) -> None:
    """Warnings and errors go to `logs/antiphon.log` in the data folder; `verbose` shows all on stderr instead."""
    global _folder  # noqa: PLW0603 - known once the options are parsed, needed however the command ends
    _folder = home / "logs"
    logging.raiseExceptions = verbose  # a log that cannot be written must not end the work
    handler: logging.Handler = logging.StreamHandler() if verbose else _Log(_folder / LOG_NAME)
    form = "%(name)s: %(message)s" if verbose else "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.captureWarnings(True)
    if not verbose:
        threading.excepthook = _log_thread
    handler.setFormatter(logging.Formatter(form))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO if verbose else logging.WARNING)


def write_crash(text: str) -> Path | None:
    """Keep a traceback in the data folder, or else in the system's temporary folder. None if neither can be written."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    head = f"antiphon {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    for folder in filter(None, (_folder, Path(tempfile.gettempdir()))):
        file = folder / f"antiphon-crash-{stamp}-{os.getpid()}.txt"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            file.write_text(head + text, encoding="utf-8", errors="backslashreplace")
            for old in sorted(folder.glob("antiphon-crash-*.txt"))[:-MAX_CRASH_FILES]:
                old.unlink(missing_ok=True)
            return file
    return None


def _log_thread(ended: threading.ExceptHookArgs) -> None:
    """A thread that ends with an exception tells the log, not the user: whoever waits for it hears by other ways."""
    if ended.exc_value is not None:
        name = ended.thread.name if ended.thread is not None else "a thread"
        logging.getLogger("antiphon").error("%s ended", name, exc_info=ended.exc_value)


def since(moment_s: float) -> Path | None:
    """The log, if anything was written to it after `moment_s` (Unix time)."""
    if _folder is None:
        return None
    file = _folder / LOG_NAME
    with contextlib.suppress(OSError):
        if file.stat().st_mtime >= moment_s:
            return file
    return None


class _Log(RotatingFileHandler):
    """A file that comes into being with its first line; where it cannot, lines are dropped."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=LOG_BYTES, backupCount=1, delay=True, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        with contextlib.suppress(OSError):
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            super().emit(record)
