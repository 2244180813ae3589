"""The recorded voices that ship for measuring are usable, and each states its licence."""

from __future__ import annotations

import pytest

from antiphon.audio.reference import prepare
from antiphon.bench.cloning import BUILT_IN, OTHERS, REFERENCES

FILES = sorted(REFERENCES.glob("*.opus"))


def test_there_are_five_voices_and_ten_others_for_each() -> None:
    assert len([file for file in FILES if not file.stem.startswith("other-")]) >= 5
    assert len(FILES) - 1 + len(BUILT_IN) >= OTHERS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_is_a_good_enough_reference_with_a_licence(file) -> None:  # type: ignore[no-untyped-def]
    assert prepare(file).report.seconds_used >= 4
    assert f"`{file.name}`" in (REFERENCES / "LICENCES.md").read_text(encoding="utf-8")
