"""The command line as a user has it: called in this process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import click

from antiphon.cli.app import VERBS, group

SENTENCE = "My grandmother read a long letter from her brother on a cold winter morning."


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr that begins with the program's name."""
        lines = [line for line in self.err.splitlines() if line.startswith("antiphon: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


class Running(subprocess.Popen[bytes]):
    """A process that does not outlive a test that fails beside it."""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, trace)


def start(*arguments: str, home: Path, **options: object) -> Running:
    """The real command in a process of its own."""
    environment = {**os.environ, "ANTIPHON_HOME": str(home)}
    environment.pop("ANTIPHON_LEDGER", None)
    command = [sys.executable, "-m", "antiphon", *arguments]
    given: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return Running(command, env=environment, **(given | options))  # type: ignore[arg-type]


def finish(*arguments: str, home: Path, limit_s: float = 600.0, stdin: bytes | None = None) -> Ended:
    """Run the real command to its end."""
    with start(*arguments, home=home, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL) as process:
        out, err = process.communicate(stdin, timeout=limit_s)
    return Ended(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def commands() -> dict[tuple[str, ...], click.Command]:
    """Every command and subcommand by its words."""
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(group)
    for name in (name for section in VERBS.values() for name in section):
        command = group.get_command(context, name)
        assert command is not None
        found[(name,)] = command
        if isinstance(command, click.Group):
            found.update({(name, sub): one for sub, one in command.commands.items()})
    return found


__all__ = ["SENTENCE", "Ended", "commands", "finish", "start"]
