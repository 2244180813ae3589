"""MusicGen: a checkpoint of Transformers' own classes with tiny random weights, loaded by the real code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engines import registry
from antiphon.engines.base import Engine
from antiphon.errors import InputError
from antiphon.services import MusicRequest, Options, Service, SpeechRequest

pytest.importorskip("transformers", reason="needs the extra transformers")
pytest.importorskip("torch", reason="needs torch")
import tiny_models

FAMILY = EntryPoint("musicgen", "antiphon.engines.musicgen:MusicgenFamily", registry.FAMILIES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with tiny_models.one_thread():
        yield tiny_models.musicgen(tmp_path_factory.mktemp("hub") / "musicgen-small")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return opened(folder)


def opened(folder: Path, **options: object) -> Engine:
    return registry.Registry((), families=(FAMILY,)).open(f"musicgen:{folder}", options)


def asked(seed: int = 4, start_s: float = 0.0, stop_s: float = 1.0, **changes: Any) -> MusicRequest:
    given = {"prompt": "calm piano waltz", "seconds": 1.0, **changes}
    return MusicRequest(**given, seed=seed, start_s=start_s, stop_s=stop_s)


def made(engine: Engine, request: MusicRequest, seed: int = 1) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.samples for chunk in engine.generate(request, seed)], axis=1)


def test_it_makes_music_of_the_ordered_length_that_starts_and_ends_at_zero(engine: Engine) -> None:
    able = engine.capabilities
    assert (able.service, able.rate_hz, able.channels, able.streams) == (Service.MUSIC, 16_000, 1, False)
    music = made(engine, asked())
    assert music.shape == (1, 16_000)
    assert np.isfinite(music).all()
    assert 0.001 < np.abs(music).max() <= 0.98
    assert (music[0, 0], music[0, -1]) == (0, 0)


def test_windows_are_cut_from_one_piece_whatever_their_own_seed(engine: Engine) -> None:
    whole = made(engine, asked())
    halves = [made(engine, asked(start_s=0, stop_s=0.5), 8), made(engine, asked(start_s=0.5, stop_s=1.0), 9)]
    assert np.array_equal(np.concatenate(halves, axis=1), whole)


def test_a_seed_holds_in_another_engine_of_the_same_folder(engine: Engine, folder: Path) -> None:
    again = opened(folder)
    assert np.array_equal(made(again, asked()), made(engine, asked()))
    assert not np.array_equal(made(again, asked(seed=5)), made(engine, asked()))


def test_stereo_models_make_stereo(tmp_path: Path) -> None:
    engine = opened(tiny_models.musicgen(tmp_path, channels=2), label="stereo")
    assert engine.capabilities.channels == 2
    assert made(engine, asked()).shape == (2, 16_000)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seconds": 60.0}, "no piece above 30 s"),
        ({"loop": True}, "no loops"),
        ({"options": {"tempo_bpm": 90}}, "tempo_bpm"),
        ({"options": {"guidance": 100}}, "guidance"),
        ({"options": {"effect": True}}, "effect"),
    ],
)
def test_what_it_cannot_make_is_refused(changes: dict[str, Any], told: str, engine: Engine) -> None:
    with pytest.raises(InputError, match=told):
        engine.check(asked(**changes))


def test_speech_is_none_of_its_business(engine: Engine) -> None:
    with pytest.raises(InputError, match="makes music"):
        engine.check(SpeechRequest(text="Hello.", voice="musicgen"))


def test_the_prompt_and_its_guidance_change_the_piece(engine: Engine) -> None:
    options: Options = {"guidance": 1.0}
    assert not np.array_equal(made(engine, asked(options=options)), made(engine, asked()))
    assert not np.array_equal(made(engine, asked(prompt="waltz waltz")), made(engine, asked()))


def test_a_model_of_another_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "decoder": {"audio_channels": 7}}))
    with pytest.raises(InputError, match="audio_channels is 7"):
        opened(other)
    (other / "config.json").write_text(json.dumps({**config, "model_type": "bark"}))
    with pytest.raises(InputError, match="'bark', not 'musicgen'"):
        opened(other)
