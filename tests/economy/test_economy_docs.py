from __future__ import annotations

import doctest
from pathlib import Path


def test_the_numbers_in_the_economy_guide_are_computed() -> None:
    guide = Path(__file__).parents[2] / "docs" / "economy.md"
    result = doctest.testfile(str(guide), module_relative=False)
    assert result.attempted > 60
    assert result.failed == 0
