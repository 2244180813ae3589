"""What the evaluation compares: parts that fit, clips prompted by another of their speaker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from storm_fakes import LevelCodec, shout, tone, write

from antiphon.bench.soundstorm import _pairs, evaluated
from antiphon.codecs.chip import ChipCodec
from antiphon.errors import InputError
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.pipeline import Pipeline
from antiphon.soundstorm.semantic import SemanticConfig, SemanticTokenizer, learn


@pytest.fixture(scope="module")
def tokenizer() -> SemanticTokenizer:
    return learn(lambda: [tone(2.0, 1)], SemanticConfig(features="mel", clusters=8, passes=1))


def parts(tokenizer: SemanticTokenizer, layout: Layout, semantic: str = "") -> Pipeline:
    text = SimpleNamespace(config=SimpleNamespace(semantic=semantic)) if semantic else None
    return Pipeline(LevelCodec(), tokenizer, SimpleNamespace(layout=layout), text, shout)  # type: ignore[arg-type]


def test_parts_that_do_not_fit_are_refused_before_anything_is_made(tokenizer: SemanticTokenizer, tmp_path: Path):
    for layout, text, says in (
        (Layout.of(ChipCodec(), 8), "", "codec"),
        (Layout.of(LevelCodec(), 16), "", "another tokenizer .16 of them"),
        (Layout.of(LevelCodec(), 8), "other-8", "other-8"),
    ):
        with pytest.raises(InputError, match=says):
            next(evaluated(tmp_path, parts(tokenizer, layout, text)))


def test_each_clip_is_prompted_by_another_of_its_speaker(tmp_path: Path):
    for speaker, count in (("ada", 3), ("bob", 2), ("eve", 1)):
        for number in range(count):
            write(tmp_path / speaker / f"{number}.wav", tone(0.5, number), "Text.")
    write(tmp_path / "ada" / "silent.wav", tone(0.5, 9))
    pairs = _pairs(tmp_path, 10)
    assert {clip.name for clip, _ in pairs} == {"ada/0.wav", "ada/1.wav", "ada/2.wav", "bob/0.wav", "bob/1.wav"}
    assert all(clip.speaker == prompt.speaker and clip.name != prompt.name for clip, prompt in pairs)
    assert [clip.speaker for clip, _ in _pairs(tmp_path, 2)] == ["ada", "bob"]


def test_a_set_without_companions_is_refused(tmp_path: Path):
    write(tmp_path / "ada" / "0.wav", tone(0.5, 0), "Text.")
    with pytest.raises(InputError, match="two clips with texts"):
        _pairs(tmp_path, 3)
