"""`antiphon effect`: a sound by name, here or ordered, or one clear line."""

from __future__ import annotations

import json

import pytest
from cli_running import finish


def test_variants_are_files_of_their_own(call, tmp_path):
    ended = call("effect", "small", "coin", "--variants", "3", "--seed", "7", "--here")
    assert ended.code == 0
    names = sorted(path.name for path in (tmp_path / "work").iterdir())
    assert names == ["coin-1.wav", "coin-2.wav", "coin-3.wav"]
    assert len({path.read_bytes() for path in (tmp_path / "work").iterdir()}) == 3


def test_an_unknown_name_lists_the_known_ones(call):
    ended = call("effect", "symphony")
    assert ended.code != 0
    assert "power-up" in ended.err


def test_variants_and_a_stream_exclude_each_other(call):
    assert "--variants" in call("effect", "coin", "--variants", "2", "-o", "-").err


@pytest.mark.slow
def test_an_ordered_effect_is_the_one_of_its_seed(call, tmp_path):
    where = tmp_path / "paid.wav"
    ended = finish("effect", "small", "coin", "--seed", "7", "-o", str(where), "--json", home=tmp_path)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert (told["effect"], told["seed"], told["parts"][0]["state"]) == ("coin", 7, "valid")
    assert call("effect", "small", "coin", "--seed", "7", "--here", "-o", "here.wav").code == 0
    assert where.stat().st_size == pytest.approx((tmp_path / "work" / "here.wav").stat().st_size, abs=64)
