"""The guide runs: its engine is installed as a distribution would install it, found through the door, and conforms."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from antiphon import engines
from antiphon.engines import registry

GUIDE = Path(__file__).parents[2] / "docs" / "engines.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
ASKING, MORSE, CONFORMING = (code for language, code in BLOCKS if language == "python")


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (declared,) = (code for language, code in BLOCKS if language == "toml")
    group, line = declared.strip().splitlines()
    assert group == f'[project.entry-points."{registry.GROUP}"]'
    info = tmp_path / "morse-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: morse\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{line.replace(chr(34), '')}\n")
    (tmp_path / "morse.py").write_text(MORSE)
    monkeypatch.syspath_prepend(tmp_path)
    found = registry.Registry(tuple(entry_points(group=registry.GROUP)))
    monkeypatch.setattr(registry, "installed", lambda: found)


@pytest.mark.slow
@pytest.mark.usefixtures("_installed")
def test_the_guides_engine_is_found_and_conforms() -> None:
    assert engines.names()[-1] == "morse"
    exec(compile(CONFORMING, str(GUIDE), "exec"), {})
    assert engines.problems() == {}


def test_the_guides_questions_are_answered() -> None:
    exec(compile(ASKING, str(GUIDE), "exec"), {})


def test_the_guide_counts_the_voices() -> None:
    for name in ("hibari", "kokoro", "espeak"):
        (row,) = (line for line in GUIDE.read_text().splitlines() if line.startswith(f"| `{name}` |"))
        able = engines.load(name).capabilities
        assert str(len(able.voices)) in row.split("|")[2]
        assert f"RTF {able.rtf:g}," in row
