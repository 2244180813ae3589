"""What the area `soundstorm` measures, on real speech, with the codec that ships and a generator that knows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.bench import soundstorm
from antiphon.bench.clips import COMPARED, HELD_OUT_SPEAKERS, Clip, recorded, recording, spoken
from antiphon.bench.codec import codec_figures
from antiphon.bench.figure import Figure
from antiphon.bench.generating import audit_tasks, speakers, speech_figures
from antiphon.codecs.neural import load
from antiphon.errors import ModelError
from antiphon.soundstorm import starter
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.pipeline import Pipeline
from antiphon.soundstorm.semantic import SemanticConfig, learn


def named(figures: list[Figure], part: str) -> Figure:
    return next(one for one in figures if part in one.name)


@pytest.fixture(scope="module")
def sentence() -> Clip:
    return next(spoken(("hibari",), 1))


def test_recorded_speakers_come_in_pieces_and_the_ten_to_be_told_apart_hold_them_all(sentence: Clip):
    pieces = list(recorded())
    assert {piece.speaker for piece in pieces} == set(HELD_OUT_SPEAKERS)
    assert all(1.0 <= piece.wave.duration_s <= 8.0 for piece in pieces)
    total = sum(piece.wave.duration_s for piece in pieces if piece.speaker == "june")
    assert total == pytest.approx(recording("june").duration_s)
    found = speakers([sentence, sentence])
    assert set(found) == {*HELD_OUT_SPEAKERS, *COMPARED, "hibari"}


@pytest.mark.slow
def test_a_codec_is_measured_on_words_sound_codes_and_time(sentence: Clip):
    pieces = [next(piece for piece in recorded() if piece.speaker == "librivox"), sentence]
    figures = list(codec_figures(load(), pieces))
    assert named(figures, "STOI").value == pytest.approx(0.92, abs=0.08)
    assert "of 12 words" in named(figures, "against texts").note
    assert named(figures, "as heard").value is not None
    lost = named(figures, "DistillMOS lost")
    assert lost.value is not None
    assert -0.5 < lost.value < 3.0
    used = named(figures, "codes used")
    assert used.value is None  # two clips hold fewer frames than there are codes
    assert "too few to tell" in used.note
    assert 1 < (named(figures, "perplexity").value or 0) < 1024
    assert named(figures, "real-time factor").value is not None
    found = named(figures, "PESQ")
    assert ("antiphon[pesq]" in found.note) if found.value is None else (1.0 < found.value < 4.65)


@pytest.mark.slow
def test_a_generator_that_knows_nothing_is_measured_all_the_same(sentence: Clip, tmp_path: Path):
    pytest.importorskip("torch")
    from antiphon.soundstorm.layout import profile
    from antiphon.soundstorm.serving import load as load_generator
    from antiphon.soundstorm.training.export import export
    from antiphon.soundstorm.training.model import Generator

    codec = load()
    tokenizer = learn(lambda: [sentence.wave], SemanticConfig(features="mel", clusters=8, passes=1))
    export(Generator(profile("tiny", Layout.of(codec, 8)), seed=1), tmp_path)
    parts = Pipeline(codec, tokenizer, load_generator(tmp_path), None, str)
    parts.check()
    voices = {name: recording(name) for name in ("librivox", "allison")}
    figures = list(speech_figures(parts, [sentence], voices, 3))
    assert [one.name for one in figures] == [
        "semantic -> speech: clips",
        "semantic -> speech: word error rate",
        "semantic -> speech: character error rate",
        "semantic -> speech: likeness to the speaker",
        "semantic -> speech: nearest of 2 speakers is the prompt's",
        "semantic -> speech: naturalness (DistillMOS)",
        "semantic -> speech: real-time factor",
        "semantic -> speech: passes for 30 s",
        "semantic -> speech: drift over 30 s",
    ]
    assert named(figures, "word error rate").reached is False
    tasks = audit_tasks(parts, [sentence], voices, 3)
    assert len({task.job.key for task in tasks}) == 3
    assert all(task.job.prompt_frames == 50 for task in tasks)


async def test_models_that_are_not_there_are_not_measured_and_say_why(monkeypatch: pytest.MonkeyPatch):
    def missing(**_options: object) -> None:
        raise ModelError("The starter models are not installed", "Reinstall antiphon.")

    monkeypatch.setattr(starter, "load", missing)
    monkeypatch.setattr(soundstorm, "recorded", lambda: iter(()))
    monkeypatch.setattr(soundstorm, "spoken", lambda *_: iter(()))
    monkeypatch.setattr(soundstorm, "codec_figures", lambda *_: iter(()))
    told = [one async for one in soundstorm.figures("fast", tries=1, peer_python=None)]
    found = [one for one in told if isinstance(one, Figure)]
    assert [(one.name, one.value, one.reached) for one in found] == [("generator", None, None)]
    assert "not installed" in found[0].note
    assert all("not installed" in one for one in soundstorm._others(None))  # type: ignore[arg-type,operator]
