"""What a command does not need it does not load: a list of modules, since times differ from machine to machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = frozenset({
    "aiohttp", "av", "babel", "cryptography", "ctranslate2", "hibari", "matplotlib", "markdown_it", "msgspec", "nacl",
    "num2words", "numpy", "onnxruntime", "rich", "scipy", "soundfile", "soxr", "sqlite3", "tokenizers", "torch",
    "uvloop",
})  # fmt: skip
NOT_FOR_ENGLISH_SPEECH = frozenset({
    "aiohttp", "antiphon.codecs.chip", "antiphon.judges.music.meters", "antiphon.music", "antiphon.soundstorm", "av",
    "babel", "hibari", "matplotlib", "markdown_it", "num2words", "scipy", "torch",
})  # fmt: skip
"""Nor for the first sound of a voice that mimic cloned."""


def loaded(code: str, *arguments: str) -> set[str]:
    """Every module that a fresh Python has loaded after `code`, packages included."""
    code += "\nimport sys; print('\\n'.join(['LOADED', *sys.modules]))"
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env={**os.environ}
    )
    return set(ended.stdout.rpartition("LOADED\n")[2].split())


def test_the_package_alone_loads_nothing_heavy() -> None:
    modules = loaded("import antiphon")
    assert "antiphon" in modules
    assert sorted(modules & HEAVY) == []
    assert "asyncio" not in modules


@pytest.mark.parametrize("words", [("--help",), ("--version",)], ids=" ".join)
def test_the_overview_loads_nothing_heavy(words: tuple[str, ...]) -> None:
    modules = loaded(
        "import sys\nfrom antiphon.cli.app import group\ngroup.main(sys.argv[1:], standalone_mode=False)", *words
    )
    assert "antiphon.cli.app" in modules
    assert sorted(modules & HEAVY) == []
    ours = {name for name in modules if name.startswith("antiphon.") and not name.startswith("antiphon.cli")}
    assert ours == {"antiphon.door", "antiphon.door.settings"}


def test_a_network_and_a_cloner_load_nothing_of_other_services() -> None:
    modules = loaded(
        "import antiphon.cli.say, antiphon.door.connecting, antiphon.cli.progress, antiphon.client.cloning\n"
        "import antiphon.network.embedded\n"
        "from antiphon.engines import english, registry\n"
        "registry.load('mimic')\n"
        "from antiphon.nodes.evaluation.evaluator import evaluator_of\n"
        "assert {'speech', 'clone', 'music'} <= set(evaluator_of('antiphon').abilities)\n"
        "list(english.readings('A whole sentence, zorbleflax.', british=False))"
    )
    assert {"antiphon.network.embedded", "antiphon.engines.mimic.engine"} <= modules
    assert sorted(modules & NOT_FOR_ENGLISH_SPEECH) == []
