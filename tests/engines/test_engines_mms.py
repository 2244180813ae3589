"""MMS: checkpoints of Transformers' own class with tiny random weights, loaded by the real code."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engines import conformance, registry
from antiphon.engines.base import Engine
from antiphon.engines.pretrained import drawing, require_extra
from antiphon.errors import BusyError, InputError, ModelError, UnavailableError
from antiphon.services import MusicRequest, SpeechRequest

pytest.importorskip("transformers", reason="needs the extra transformers")
pytest.importorskip("torch", reason="needs torch")
import tiny_models

FAMILY = EntryPoint("mms", "antiphon.engines.mms:MmsFamily", registry.FAMILIES)
TEXT = "Two boats rest by the old wall."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with tiny_models.one_thread():
        yield tiny_models.mms(tmp_path_factory.mktemp("hub") / "mms-tts-eng")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return opened(folder)


def opened(folder: Path, **options: object) -> Engine:
    return registry.Registry((), families=(FAMILY,)).open(f"mms:{folder}", options)


def said(engine: Engine, text: str = TEXT, seed: int = 3, **changes: Any) -> np.ndarray[Any, Any]:
    voice = engine.capabilities.voices[0]
    request = SpeechRequest(text=text, voice=voice.name, language=voice.language, **changes)
    return np.concatenate([chunk.samples[0] for chunk in engine.generate(request, seed)])


def copied(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "copy"))


def changed(folder: Path, file: str, **changes: object) -> None:
    found = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**found, **changes}))


def test_it_conforms(engine: Engine) -> None:
    assert conformance.failures(engine) == []


def test_its_family_is_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"][registry.FAMILIES]
    assert declared["mms"] == FAMILY.value
    assert any(one.startswith("transformers==") for one in project["optional-dependencies"]["transformers"])


def test_it_declares_what_the_folder_tells(engine: Engine) -> None:
    able = engine.capabilities
    assert (engine.name, able.languages, able.rate_hz) == ("mms-en", ("en", "en-us"), 16_000)
    assert able.streams
    assert able.seeded
    assert able.licence == "CC-BY-NC-4.0"


def test_other_seeds_sound_otherwise_and_torchs_numbers_stay_the_callers(engine: Engine) -> None:
    import torch

    torch.manual_seed(1)
    wanted = torch.rand(2)
    torch.manual_seed(1)
    first = said(engine)
    assert torch.equal(torch.rand(2), wanted)
    assert np.array_equal(said(engine), first)
    assert not np.array_equal(said(engine, seed=4), first)


def test_figures_are_spoken_as_words(engine: Engine) -> None:
    assert np.array_equal(said(engine, "2 boats rest by the old wall."), said(engine, TEXT))


def test_letters_it_does_not_know_are_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="cannot read 'ж'"):
        said(engine, "The letter ж.")


@pytest.mark.slow
def test_other_scripts_are_romanised_where_the_checkpoint_wants_it(tmp_path: Path) -> None:
    pytest.importorskip("uroman", reason="needs the extra transformers")
    engine = opened(tiny_models.mms(tmp_path, language="kor", roman=True))
    assert engine.capabilities.languages == ("ko",)
    assert said(engine, "안녕하세요").size > 1_000


def test_each_speaker_is_a_voice(tmp_path: Path) -> None:
    engine = opened(tiny_models.mms(tmp_path, num_speakers=3, speaker_embedding_size=4), label="many")
    first, second, third = (voice.name for voice in engine.capabilities.voices)
    assert (first, third) == ("many-0", "many-2")
    request = SpeechRequest(text=TEXT, voice=first, language="en")
    one = next(iter(engine.generate(request, 1)))
    other = next(iter(engine.generate(SpeechRequest(text=TEXT, voice=second, language="en"), 1)))
    assert not np.array_equal(one.samples, other.samples)


def test_names_of_weights_as_the_hubs_checkpoints_have_them(folder: Path, engine: Engine, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    old = copied(folder, tmp_path)
    weights = load_file(old / "model.safetensors")
    first, second = "parametrizations.weight.original0", "parametrizations.weight.original1"
    renamed = {name.replace(first, "weight_g").replace(second, "weight_v"): one for name, one in weights.items()}
    assert set(renamed) != set(weights)
    save_file(renamed, old / "model.safetensors", metadata={"format": "pt"})
    assert np.array_equal(said(opened(old)), said(engine))


def test_a_checkpoint_that_lacks_weights_is_none(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    short = copied(folder, tmp_path)
    weights = load_file(short / "model.safetensors")
    del weights["decoder.conv_post.weight"]
    save_file(weights, short / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights, such as decoder\.conv_post\.weight"):
        said(opened(short))


def test_weights_that_are_cut_off_are_told(folder: Path, tmp_path: Path) -> None:
    cut = copied(folder, tmp_path)
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        said(opened(cut))


def test_pickles_are_not_read(folder: Path, tmp_path: Path) -> None:
    import torch

    pickled = copied(folder, tmp_path)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="no weights as safetensors"):
        opened(pickled)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("config.json", {"model_type": "bert"}, "'bert', not 'vits'"),
        ("config.json", {"num_speakers": 10**9}, "speakers"),
        ("config.json", {"sampling_rate": "16 kHz"}, "rate"),
        ("tokenizer_config.json", {"phonemize": True}, "phonemes"),
        ("tokenizer_config.json", {"language": None}, "language=de"),
    ],
)
def test_what_is_no_voice_is_refused(
    file: str, changes: dict[str, object], told: str, folder: Path, tmp_path: Path
) -> None:
    other = copied(folder, tmp_path)
    changed(other, file, **changes)
    with pytest.raises(InputError, match=told):
        opened(other)


def test_a_folder_that_is_not_there_tells_how_to_fetch_one() -> None:
    with pytest.raises(InputError, match="hf download facebook/mms-tts-eng --local-dir mms-tts-eng"):
        opened(Path("nowhere"))


def test_a_config_that_is_no_json_is_told(folder: Path, tmp_path: Path) -> None:
    other = copied(folder, tmp_path)
    (other / "config.json").write_bytes(b"\xff{")
    with pytest.raises(ModelError, match=r"config\.json"):
        opened(other)


def test_a_device_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match="no device 'tpu9'"):
        said(opened(folder, device="tpu9"))


def test_music_is_none_of_its_business(engine: Engine) -> None:
    with pytest.raises(InputError, match="speaks texts"):
        engine.check(MusicRequest(prompt="calm", seconds=2, seed=1, start_s=0, stop_s=2))


def test_a_missing_extra_is_told_with_its_command() -> None:
    with pytest.raises(ModelError, match=r"needs no_such_library\. Run `pip install 'antiphon\[transformers\]'`"):
        require_extra("transformers", "json", "no_such_library")


def test_no_memory_is_busy_and_other_faults_are_a_part_not_made() -> None:
    import torch

    with pytest.raises(BusyError, match="no memory"), drawing(1):
        torch.empty(1 << 60)
    with pytest.raises(UnavailableError, match="The model failed"), drawing(1):
        torch.zeros(2) @ torch.zeros(3)
