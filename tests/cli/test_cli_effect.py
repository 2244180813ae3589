"""`antiphon effect`: a sound by name, or one clear line."""

from __future__ import annotations


def test_variants_are_files_of_their_own(call, tmp_path):
    ended = call("effect", "small", "coin", "--variants", "3", "--seed", "7")
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
