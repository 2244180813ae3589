"""What is told while a command works: lines in a log, a moving line on a terminal, nothing where it is quick."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from antiphon.cli.waiting import waiting


class Log(io.StringIO):
    """`grown` is set by every line."""

    def __init__(self) -> None:
        super().__init__()
        self.grown = threading.Event()

    def write(self, text: str) -> int:
        done = super().write(text)
        if "\n" in text:
            self.grown.set()
        return done


def test_a_log_gets_a_line_now_and_then_with_the_step_and_the_time() -> None:
    log = Log()
    with waiting(Console(file=log, highlight=False, soft_wrap=True), "Opening [it].", every_s=0.05) as tell:
        assert log.grown.wait(60)
        tell("The judges hear sentence 2 of 6.")
        while "judges" not in log.getvalue():
            log.grown.clear()
            assert log.grown.wait(60)
    lines = log.getvalue().splitlines()
    assert re.fullmatch(r"0:\d\d  Opening \[it\]\.", lines[0])
    assert lines[-1].endswith("  The judges hear sentence 2 of 6.")


def test_quick_work_says_nothing_and_leaves_no_thread() -> None:
    log = Log()
    with waiting(Console(file=log), "Measuring."):
        assert "waiting" in {thread.name for thread in threading.enumerate()}
    assert log.getvalue() == ""
    assert "waiting" not in {thread.name for thread in threading.enumerate()}


def test_an_error_passes_and_ends_the_telling() -> None:
    with pytest.raises(ValueError, match="broken"), waiting(Console(file=Log()), "Measuring."):
        raise ValueError("broken")
    assert "waiting" not in {thread.name for thread in threading.enumerate()}


def test_a_quiet_console_gets_nothing() -> None:
    log = Log()
    with waiting(Console(file=log, quiet=True), "Measuring.", every_s=0.01):
        assert not log.grown.wait(0.2)
    assert log.getvalue() == ""


def test_on_a_terminal_a_line_moves() -> None:
    log = Log()
    console = Console(file=log, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with waiting(console, "Opening it.", every_s=1e9) as tell:
        tell("Looking for beats and chords.")
    assert "Looking for beats and chords." in log.getvalue()
