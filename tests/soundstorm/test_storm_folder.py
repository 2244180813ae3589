"""A model as a folder: what it tells is true, and nothing is served that is not what it says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from click.testing import CliRunner, Result
from storm_fakes import tone, write
from storm_worlds import SyntheticCodec

from antiphon import soundstorm
from antiphon.cli.soundstorm import soundstorm as command
from antiphon.codecs.chip import ChipCodec
from antiphon.errors import AntiphonError, InputError, ModelError
from antiphon.models import tensors
from antiphon.soundstorm import DecodingInput, DecodingOptions, serving, task_key
from antiphon.soundstorm.semantic import SemanticConfig, SemanticTokenizer, learn

yaml = pytest.importorskip("yaml", reason="comes with what training needs")
pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[2] / "docs" / "soundstorm.md"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments])


def failed(*arguments: object) -> AntiphonError:
    error = call(*arguments).exception
    assert isinstance(error, AntiphonError), error
    return error


def _tokenizer(seed: int) -> SemanticTokenizer:
    return learn(lambda: [tone(3.0, seed)], SemanticConfig(features="mel", clusters=8, passes=1))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `tiny` generator, two steps old, by the commands that anybody gives."""
    root = tmp_path_factory.mktemp("folder")
    for number in range(2):
        write(root / "audio" / "ada" / f"{number}.wav", tone(1.0, number))
    _tokenizer(1).save(root / "semantic" / "semantic.safetensors")
    made = call("prepare", root / "audio", "--codec", "chip", "--semantic", root / "semantic", "--out", root / "tokens",
                "--licence", "CC0-1.0")  # fmt: skip
    assert made.exit_code == 0, made.output
    made = call("train", "generator", "--profile", "tiny", "--data", root / "tokens", "--out", root / "generator",
                "--steps", 2, "--threads", 1)  # fmt: skip
    assert made.exit_code == 0, made.output
    name = serving.load(root / "generator" / "exported").name
    figures = [
        {"name": "word error rate", "value": 0.125, "unit": "ratio", "target": "", "reached": None, "note": "a | b"},
        {"name": "real-time factor", "value": 0.00001, "unit": "", "target": "<= 0.1", "reached": True, "note": ""},
        {"name": "drift", "value": None, "unit": "ratio", "target": "", "reached": None, "note": "too short"},
    ]
    told = {"generator": name, "codec": "chip", "tokenizer": _tokenizer(1).name, "data": "heldout", "figures": figures}
    (root / "figures.json").write_text(json.dumps(told | {"codec": ChipCodec().name}))
    made = call("export", root / "generator", root / "model", "--licence", "CC0-1.0", "--data", root / "tokens",
                "--evaluation", root / "figures.json")  # fmt: skip
    assert made.exit_code == 0, (made.output, made.exception)
    return root


@pytest.fixture
def model(work: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    out = tmp_path / "model"
    out.mkdir()
    for path in (work / "model").iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return out


def test_what_was_trained_is_what_the_folder_serves(work: Path) -> None:
    job = DecodingInput(np.arange(20, dtype=np.uint16) % 8, np.zeros((10, 4), np.uint16), task_key("a task", 1))
    options = DecodingOptions(first=2)
    for precision in ("float32", "int8"):
        given = soundstorm.load(work / "model", codec=ChipCodec(), tokenizer=_tokenizer(1), precision=precision)
        trained = serving.load(work / "generator" / "exported", precision=precision)
        first, second = (one.generate([job], options)[0].grid.tokens for one in (given, trained))
        np.testing.assert_array_equal(first, second)


def test_its_config_names_all_that_it_belongs_to(work: Path) -> None:
    told = json.loads((work / "model" / "config.json").read_text())
    layout = told["generator"]["layout"]
    assert (layout["codec"], layout["semantic"]) == (ChipCodec().name, _tokenizer(1).name)
    assert told["training"]["data"] == json.loads((work / "generator" / "config.json").read_text())["data"]
    assert told["training"]["steps"] == 2
    assert set(told["files"]) == {"generator.safetensors", "generator.onnx", "generator-int8.onnx"}
    assert {path.name for path in (work / "model").iterdir()} == {*told["files"], "config.json", "README.md"}
    assert tensors.parse((work / "model" / "generator.safetensors").read_bytes())


def test_its_card_is_in_the_form_of_hubs(work: Path) -> None:
    text = (work / "model" / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["library_name"], front["pipeline_tag"]) == ("cc0-1.0", "antiphon", "text-to-speech")
    (index,) = front["model-index"]
    (result,) = index["results"]
    assert result["task"]["type"] == "text-to-speech"
    assert result["dataset"] == {"name": "heldout", "type": "heldout"}
    metrics = {one["type"]: one["value"] for one in result["metrics"]}
    assert metrics == {"wer": 0.125, "real_time_factor": 0.00001}  # what could not be measured is no number
    assert "| CC0-1.0 | 0.00 |" in text
    assert "| drift | not measured | too short |" in text
    assert "## Limits" in text


def test_a_hub_reads_the_card(work: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard.load(work / "model" / "README.md").data
    assert next((one.metric_type, one.metric_value) for one in data.eval_results) == ("wer", 0.125)
    assert data.model_name == serving.load(work / "generator" / "exported").name


@pytest.mark.parametrize("name", ["generator.safetensors", "generator.onnx"])
def test_a_changed_or_missing_file_is_not_served(model: Path, name: str) -> None:
    blob = bytearray((model / name).read_bytes())
    blob[len(blob) // 2] ^= 1
    (model / name).write_bytes(blob)
    with pytest.raises(ModelError, match=rf"{name} is not the file that config.json names"):
        soundstorm.load(model)
    (model / name).unlink()
    with pytest.raises(ModelError, match=f"{name} cannot be read"):
        soundstorm.load(model)


def test_weights_of_another_model_are_not_served_with_its_config(model: Path) -> None:
    told = json.loads((model / "config.json").read_text())
    for change in ({"name": "generator-tiny-00000000"}, {"generator": told["generator"] | {"window": 50}}):
        (model / "config.json").write_text(json.dumps(told | change))
        with pytest.raises(ModelError, match="set up otherwise"):
            soundstorm.load(model)


def test_another_codec_or_tokenizer_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="makes tokens of the codec") as error:
        soundstorm.load(model, codec=SyntheticCodec())
    assert error.value.hint
    with pytest.raises(InputError, match="told semantic tokens of") as error:
        soundstorm.load(model, tokenizer=_tokenizer(2))
    assert error.value.hint


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('{"model_type": "bert"}', "another kind of model: bert"),
        ("{", "cannot be understood"),
        ('{"model_type": "antiphon-soundstorm", "format": 2}', "of format 2, this version reads 1"),
        ('{"model_type": "antiphon-soundstorm", "format": 1}', "cannot be understood"),
        ("[" * 2_000_000, "larger than"),
    ],
)
def test_a_config_of_something_else_says_so(model: Path, config: str, says: str) -> None:
    (model / "config.json").write_text(config)
    with pytest.raises(ModelError, match=says) as error:
        soundstorm.load(model)
    assert error.value.hint


def test_no_folder_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no exported model") as error:
        soundstorm.load(tmp_path)
    assert "antiphon soundstorm export" in error.value.hint


def test_what_belongs_to_another_model_is_not_exported_with_it(work: Path, tmp_path: Path) -> None:
    told = json.loads((work / "figures.json").read_text())
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    for what in ("generator", "codec", "tokenizer"):
        figures.write_text(json.dumps(told | {what: "another"}))
        error = failed("export", work / "generator", out, "--licence", "MIT", "--evaluation", figures)
        assert f"is of the {what} another" in str(error)
    figures.write_text("[]")
    assert "no evaluation" in str(
        failed("export", work / "generator", out, "--licence", "MIT", "--evaluation", figures)
    )
    error = failed("export", work / "generator", out, "--licence", "MIT", "--data", work / "tokens", "--without", "b*")
    assert "learnt from the token set" in str(error)
    assert "no training run" in str(failed("export", tmp_path, out, "--licence", "MIT"))
    assert "there already" in str(failed("export", work / "generator", work / "model", "--licence", "MIT"))
    longer = tmp_path / "longer"
    shutil.copytree(work / "generator", longer)
    told = json.loads((longer / "config.json").read_text())
    (longer / "config.json").write_text(json.dumps(told | {"steps": 5}))
    assert "at step 2 of 5" in str(failed("export", longer, out, "--licence", "MIT"))
    shutil.rmtree(longer / "exported")
    assert "no finished model" in str(failed("export", longer, out, "--licence", "MIT"))
    assert not out.exists()


def test_a_card_without_figures_says_so(work: Path, tmp_path: Path) -> None:
    assert call("export", work / "generator", tmp_path / "new" / "out", "--licence", "My own: terms").exit_code == 0
    text = (tmp_path / "new" / "out" / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["license_name"]) == ("other", "My own: terms")
    assert "model-index" not in front
    assert "None was given" in text
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]  # nothing half made stays


def test_the_guides_example_runs(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"`(soundstorm\.load\(.*?\))`", DOCS.read_text())
    monkeypatch.chdir(work)
    names = {"soundstorm": soundstorm, "codec": ChipCodec(), "tokenizer": _tokenizer(1)}
    assert eval(example, names).name.startswith("generator-tiny-")
