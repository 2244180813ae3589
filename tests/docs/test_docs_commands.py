"""The README's commands are real: the main one is run, the others are parsed by the command line itself."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from antiphon.cli.app import group

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def command(number: int) -> str:
    found = re.search(rf"<!-- command {number} -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert found, f"README has no command {number}"
    assert "\n" not in found[1], "one line to paste"
    return found[1]


def examples() -> list[str]:
    lines = [line.split("  #")[0].split(" | ")[0] for line in README.splitlines() if line.startswith("antiphon ")]
    assert len(lines) >= 5
    return lines


@pytest.mark.slow
def test_the_first_command_makes_speech_that_was_judged_and_paid(tmp_path: Path) -> None:
    line = command(1)
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/antiphon say ")
    say = shlex.split(line.split(" && ")[-1])[1:]
    ended = subprocess.run(
        [sys.executable, "-m", "antiphon", "--home", str(tmp_path / "home"), *say],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for word in ("Quote", "Judged", "Paid", "Receipt"):
        assert word in ended.stderr
    assert (tmp_path / "hello.wav").stat().st_size > 100_000


def test_the_second_command_is_what_ci_runs() -> None:
    assert command(2).endswith("scripts/check")
    assert "<!-- command 2 -->" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("line", examples())
def test_every_example_is_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    found: click.Command = group
    while isinstance(found, click.Group) and (words or not found.invoke_without_command):
        inner = found.get_command(click.Context(found), words.pop(0))
        assert inner is not None
        found = inner
    found.make_context(found.name, words)


def test_every_document_that_is_linked_exists() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["music.md", pytest.param("soundstorm.md", marks=pytest.mark.slow)])
def test_the_python_of_a_page_runs(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def test_the_sound_files_of_the_examples_are_sound() -> None:
    from antiphon.audio import read

    page = (ROOT / "docs" / "examples.md").read_text()
    named = set(re.findall(r"-o (examples/[a-z-]+\.opus)", page))
    assert named == {f"examples/{file.name}" for file in (ROOT / "docs" / "examples").glob("*.opus")}
    for name in named:
        assert read(ROOT / "docs" / name).duration_s > 1.5
    for line in re.findall(r"^antiphon .*$", page, re.MULTILINE):
        words = shlex.split(line)[1:]
        found = group.get_command(click.Context(group), words.pop(0))
        assert found is not None
