"""`call` runs a command line in this process, with a data folder of its own."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_running import Ended

from antiphon.cli import exit_codes
from antiphon.cli.app import group


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def call(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """Works in an empty folder: whatever a failed command leaves behind is seen."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("ANTIPHON_HOME", str(home))
    monkeypatch.delenv("ANTIPHON_LEDGER", raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hook, raising = threading.excepthook, logging.raiseExceptions

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["antiphon", *arguments])
        code = exit_codes.end(group)
        seen = capfd.readouterr()
        return Ended(code, seen.out, seen.err)

    yield run
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)
    threading.excepthook, logging.raiseExceptions = hook, raising
