"""What Ruby learns from may be part of something under the licence of its weights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from antiphon import models

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import ruby_sources


def test_the_weights_are_under_the_licence_that_sources_are_held_to() -> None:
    assert models.find("ruby-1").licence == "GPL-3.0-or-later"
    learnt = [one for one in ruby_sources.SOURCES if not one.test]
    assert len(learnt) > 20
    assert {one.licence for one in learnt} <= ruby_sources.WITH_GPL_3


@pytest.mark.parametrize("licence", ["GPL-2.0-only", "Artistic-1.0", "CC-BY-NC-4.0", ""])
def test_a_source_that_does_not_fit_may_only_be_measured_on(licence: str) -> None:
    with pytest.raises(ValueError, match="no weights under GPL"):
        ruby_sources.Source("some-game", licence, ("some music",))
    assert ruby_sources.Source("some-game", licence, ("some music",), test=True).test
