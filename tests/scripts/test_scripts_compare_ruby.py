"""The comparison of Ruby with the composer: what is made is not made again, and differences are of the same prompts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs antiphon[train]")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import compare_ruby

from antiphon.engines.chiptune import ChiptuneEngine, score_of
from antiphon.judges.metrics import KEY_GAP, TEMPO


def test_rows_are_kept_and_go_on(tmp_path: Path) -> None:
    composer = compare_ruby.Maker(ChiptuneEngine(), score_of)
    file = tmp_path / "rows.jsonl"
    both = {compare_ruby.OURS: composer, compare_ruby.COMPOSER: composer}
    first = compare_ruby.rows(file, both, 1, seconds=12.0)
    assert [row["engine"] for row in first] == ["ruby", "composer"]
    before = file.read_text()
    again = compare_ruby.rows(file, both, 2, seconds=12.0)
    assert file.read_text().startswith(before)
    assert len(again) == 4
    assert compare_ruby.tokens_of(again[0]).shape[0] == 10
    lines = list(compare_ruby.summary(again, None))
    assert "adherence over 2 prompts" in lines[0]
    assert lines[0].endswith("+0.000, standard error 0.000")  # the same pieces
    assert json.loads(before.splitlines()[0])["prompt"] == first[0]["prompt"]


def test_a_difference_is_of_prompts_that_both_have_a_value_of() -> None:
    rows = [
        {"number": number, "engine": engine, "adherence": value}
        for number, engine, value in (
            (0, "ruby", 0.8), (0, "composer", 0.6), (1, "ruby", 0.5), (1, "composer", 0.7),
            (2, "ruby", None), (2, "composer", 0.1), (3, "ruby", 0.9), (3, "composer", 0.6),
        )
    ]  # fmt: skip
    found = compare_ruby.paired(rows, "adherence")
    assert found is not None
    count, ours, theirs, gap, error = found
    assert compare_ruby.paired(rows[4:6], "adherence") is None
    assert count == 3
    assert (ours, theirs) == (pytest.approx(2.2 / 3), pytest.approx(1.9 / 3))
    assert gap == pytest.approx(0.1)
    assert error == pytest.approx(0.2645751 / 3**0.5)


def test_adherence_is_of_what_was_asked_for() -> None:
    assert compare_ruby.adherence({}) is None
    assert compare_ruby.adherence({TEMPO.key: 1.0, KEY_GAP.key: 0.6}) == pytest.approx(0.5)
