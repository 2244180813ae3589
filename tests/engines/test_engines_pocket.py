"""Pocket TTS: a model of the package's own classes with tiny random weights, loaded by the real code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engines import conformance, registry
from antiphon.engines.base import Engine
from antiphon.errors import InputError, ModelError
from antiphon.services import SpeechRequest

pytest.importorskip("pocket_tts", reason="needs the extra pocket")
pytest.importorskip("torch", reason="needs torch")
import tiny_models

FAMILY = EntryPoint("pocket", "antiphon.engines.pocket:PocketFamily", registry.FAMILIES)
TEXT = "The evening tide is in. Boats rest by the wall."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with tiny_models.one_thread():
        yield tiny_models.pocket(tmp_path_factory.mktemp("hub") / "english_tiny")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return opened(folder)


def opened(folder: Path, **options: object) -> Engine:
    return registry.Registry((), families=(FAMILY,)).open(f"pocket:{folder}", options)


def said(engine: Engine, *, voice: int = 0, seed: int = 3, text: str = TEXT) -> np.ndarray[Any, Any]:
    chosen = engine.capabilities.voices[voice]
    request = SpeechRequest(text=text, voice=chosen.name, language=chosen.language)
    return np.concatenate([chunk.samples[0] for chunk in engine.generate(request, seed)])


def copied(folder: Path, place: Path, name: str = "english_tiny") -> Path:
    return Path(shutil.copytree(folder, place / name))


def test_it_conforms(engine: Engine) -> None:
    assert conformance.failures(engine) == []


def test_its_voices_are_the_states_in_the_folder(engine: Engine) -> None:
    able = engine.capabilities
    assert [voice.name for voice in able.voices] == ["pocket-en-alba", "pocket-en-marius"]
    assert (able.languages, able.rate_hz, able.streams, able.seeded) == (("en", "en-us"), 24_000, True, True)
    assert not np.array_equal(said(engine), said(engine, voice=1))


def test_a_seed_holds_in_another_engine_of_the_same_folder(engine: Engine, folder: Path) -> None:
    assert np.array_equal(said(opened(folder)), said(engine))
    assert not np.array_equal(said(engine, seed=4), said(engine))


def test_a_voice_that_is_none_is_told_when_it_is_used(folder: Path, tmp_path: Path) -> None:
    broken = copied(folder, tmp_path)
    (broken / "embeddings" / "alba.safetensors").write_bytes(b"not this")
    engine = opened(broken)
    with pytest.raises(ModelError, match=r"alba\.safetensors is no voice"):
        said(engine)
    assert said(engine, voice=1).size > 10_000


def test_weights_that_are_cut_off_or_of_another_make_are_told(folder: Path, tmp_path: Path) -> None:
    cut = copied(folder, tmp_path)
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        said(opened(cut))
    (cut / "model.safetensors").write_bytes(whole)
    make = json.loads((cut / "config.yaml").read_text())
    make["flow_lm"]["transformer"]["num_layers"] = 3
    (cut / "config.yaml").write_text(json.dumps(make))
    with pytest.raises(ModelError, match="cannot be loaded"):
        said(opened(cut))


def test_nothing_is_fetched_for_what_the_folder_lacks(folder: Path, tmp_path: Path) -> None:
    bare = copied(folder, tmp_path)
    (bare / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        said(opened(bare))


def test_the_packages_own_makes_are_known_by_the_folders_name(folder: Path, tmp_path: Path) -> None:
    named = copied(folder, tmp_path, "german")
    (named / "config.yaml").unlink()
    engine = opened(named)
    assert engine.name == "pocket-de"
    with pytest.raises(InputError, match="cannot read 'привет'"):
        said(engine, text="привет")
    with pytest.raises(InputError, match="knows no make called klingon"):
        opened(Path(shutil.move(named, tmp_path / "klingon")), language="tlh")


def test_what_is_no_folder_of_voices_tells_how_to_fetch_one(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hf download kyutai/pocket-tts-without-voice-cloning"):
        opened(tmp_path)
    named = copied(folder, tmp_path, "tongue")
    with pytest.raises(InputError, match="language=en"):
        opened(named)
    (named / "config.yaml").write_text("a: [")
    with pytest.raises(ModelError, match="describes no voice"):
        opened(named, language="en")
