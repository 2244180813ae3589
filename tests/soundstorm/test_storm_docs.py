"""The commands of the guide are understood; its Python runs with that of the other pages."""

import shlex
from pathlib import Path

import click
import pytest

from antiphon.cli.app import group

GUIDE = (Path(__file__).parents[2] / "docs" / "soundstorm.md").read_text()
COMMANDS = [line for line in GUIDE.splitlines() if line.startswith("antiphon ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line)[1:]
    monkeypatch.chdir(tmp_path)
    for name in ("recordings", "semantic", "tokens", "generator", "text", "heldout"):
        (tmp_path / name).mkdir()
    (tmp_path / "me.wav").touch()
    found: click.Command = group
    context = click.Context(group)
    while isinstance(found, click.Group):
        inner = found.get_command(context, words.pop(0))
        assert inner is not None, line
        found = inner
    found.make_context(found.name, words)  # parses, and runs nothing
