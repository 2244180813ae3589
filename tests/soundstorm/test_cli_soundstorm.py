"""`antiphon soundstorm`: from recordings to figures by its own recipe, and what it says when something is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from storm_fakes import tone, write

from antiphon.audio import Waveform
from antiphon.cli.soundstorm import soundstorm
from antiphon.engines.espeak import EspeakEngine
from antiphon.engines.hibari import HibariEngine
from antiphon.errors import AntiphonError, InputError, ModelError, StateError
from antiphon.services import SpeechRequest
from antiphon.soundstorm.data import Shards
from antiphon.soundstorm.semantic import SemanticConfig, learn

ROOT = Path(__file__).parents[2]
TEXTS = ("The harbour was quiet before dawn.", "Seven green boxes fell off the truck.")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(soundstorm, [str(one) for one in arguments])


def failed(*arguments: object) -> AntiphonError:
    error = call(*arguments).exception
    assert isinstance(error, AntiphonError), error
    return error


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storm")


@pytest.fixture(scope="module")
def audio(shared: Path) -> Path:
    for number in range(2):
        write(shared / "audio" / "ada" / f"{number}.wav", tone(1.0, number), "One two three.")
    return shared / "audio"


@pytest.fixture(scope="module")
def semantic(shared: Path) -> Path:
    path = shared / "semantic" / "semantic.safetensors"
    learn(lambda: [tone(3.0, 1)], SemanticConfig(features="mel", clusters=8, passes=1)).save(path)
    return path.parent


@pytest.fixture(scope="module")
def tokens(audio: Path, semantic: Path, shared: Path) -> Path:
    result = call("prepare", audio, "--codec", "chip", "--semantic", semantic, "--out", shared / "tokens")
    assert result.exit_code == 0, result.output
    assert "2 with text" in result.output
    return shared / "tokens"


@pytest.mark.slow
def test_any_codec_is_prepared_at_its_own_rate(tokens: Path):
    shards = Shards(tokens)
    assert shards.codec.frame_rate_hz == 60.0
    assert shards.semantic.frame_rate_hz == 50.0
    example = shards.get(0)
    assert example.acoustic.shape[0] == 10
    assert example.semantic.shape[0] == example.acoustic.shape[1] == pytest.approx(60, abs=1)
    assert shards.native(0)[1].shape == (50,)
    assert shards.entry(0).phonemes.strip()


def speech(root: Path) -> Path:
    """Two speakers, each saying the same two sentences."""
    for engine, voice in ((HibariEngine(), "hibari"), (EspeakEngine(), "espeak-en-us")):
        for number, text in enumerate(TEXTS):
            chunks = list(engine.generate(SpeechRequest(text=text, voice=voice), 0))
            samples = np.concatenate([chunk.samples for chunk in chunks], axis=1)
            write(root / voice / f"{number}.wav", Waveform(samples, chunks[0].rate_hz), text)
    return root


@pytest.mark.slow
def test_the_tiny_recipe_goes_from_recordings_to_figures(tmp_path: Path):
    """Every stage on real speech; started again, it does nothing but measure."""
    pytest.importorskip("torch")
    audio, work = speech(tmp_path / "speech"), tmp_path / "work"
    (audio / "hibari" / "broken.wav").write_bytes(b"no audio")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["sh", str(ROOT / "runs" / "tiny.sh"), str(audio), str(work)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "broken.wav" in done.stdout
    told = json.loads((work / "figures.json").read_text())
    figures = {one["name"]: one for one in told["figures"]}
    assert figures["clips"]["value"] == 2
    assert figures["passes of a window"]["value"] == 34  # two groups of two levels: 16 + 16 + 1 + 1
    assert figures["word error rate"]["value"] >= 0
    assert 1 <= figures["naturalness (DistillMOS)"]["value"] <= 5
    for name in ("codec", "generator", "text"):
        assert (work / name / "exported").is_dir()
    assert json.loads((work / "model" / "config.json").read_text())["name"] == told["generator"]
    assert "type: wer" in (work / "model" / "README.md").read_text()


@pytest.mark.slow
def test_ctrl_c_stops_with_a_checkpoint_and_resume_goes_on(tokens: Path, tmp_path: Path):
    pytest.importorskip("torch")
    out = tmp_path / "generator"
    command = [sys.executable, "-m", "antiphon", "soundstorm", "train", "generator", "--profile", "tiny",
               "--threads", "1", "--data", str(tokens), "--out", str(out), "--steps", "100000"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not list(out.glob("step-*.pt")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "--resume goes on" in told
    newest = max(out.glob("step-*.pt"))
    step = int(newest.stem.removeprefix("step-"))
    assert step > 30  # the step in progress was finished after the last saved one
    arguments = ("train", "generator", "--profile", "tiny", "--data", tokens, "--out", out, "--steps", step + 1)
    assert isinstance(failed(*arguments), StateError)
    assert "another revoiced" in str(failed(*arguments, "--resume", "--revoiced"))
    assert "Exported" in call(*arguments, "--resume").output
    assert (out / "exported" / "generator.onnx").is_file()


def test_semantic_clusters_are_made_once(audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from antiphon.soundstorm import semantic as module

    monkeypatch.setitem(module.PROFILES, "tiny", SemanticConfig(features="mel", clusters=8, passes=1))
    arguments = ("train", "semantic", "--profile", "tiny", "--data", audio, "--out", tmp_path / "out")
    assert "Clusters    8" in call(*arguments).output
    assert "already" in str(failed(*arguments))


def test_what_is_missing_is_said_with_what_to_do(audio: Path, semantic: Path, tmp_path: Path):
    out = tmp_path / "out"
    for codec, kind in (("none", InputError), (f"encodec-24k:{audio}", ModelError), (str(audio), ModelError)):
        error = failed("prepare", audio, "--codec", codec, "--semantic", semantic, "--out", out)
        assert isinstance(error, kind)
        assert error.hint
    error = failed("prepare", audio, "--codec", "chip", "--semantic", tmp_path / "none", "--out", out)
    assert "train semantic" in error.hint
    error = failed("prepare", tmp_path / "none", "--codec", "chip", "--semantic", semantic, "--out", out)
    assert isinstance(error, InputError)
    assert not out.exists()


def test_training_on_a_folder_that_is_no_token_set_says_so(audio: Path, tmp_path: Path):
    pytest.importorskip("torch")
    for stage in ("generator", "text"):
        assert "prepare" in failed("train", stage, "--data", audio, "--out", tmp_path / stage).hint


def test_without_torch_training_names_the_command_that_brings_it(tmp_path: Path):
    code = (
        "import importlib.util as u, sys\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'torch' else real(name, package)\n"
        f"sys.argv = ['antiphon', 'soundstorm', 'train', 'generator', '--data', {str(tmp_path)!r}, '--out', 'x']\n"
        "from antiphon.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == ModelError.exit_code
    assert "pip install 'antiphon[train]'" in done.stderr


@pytest.mark.slow
def test_every_setting_is_on_the_command_line_and_a_runs_own_file_makes_it_again(tokens: Path, tmp_path: Path):
    pytest.importorskip("torch")
    file = tmp_path / "mine.toml"
    file.write_text("batch = 2\nframes = 40\n[generator]\nsegments = false\nfusion = 'unet'\n")
    arguments = ("train", "generator", "--profile", "tiny", "--threads", "1", "--data", tokens, "--steps", 2)
    settings = ("--set", "generator.dropout=0", "--set", "joined=false", "--set", "batch=3", "--set", "shortest=8")
    first = call(*arguments, "--out", tmp_path / "one", "--config", file, *settings)
    assert "Exported" in first.output, first.output
    kept = json.loads((tmp_path / "one" / "config.json").read_text())
    assert {name: kept[name] for name in ("batch", "frames", "joined", "shortest")} == {
        "batch": 3, "frames": 40, "joined": False, "shortest": 8,
    }  # fmt: skip
    generator = {name: kept["generator"][name] for name in ("segments", "fusion", "dropout")}
    assert generator == {"segments": False, "fusion": "unet", "dropout": 0}
    again = call(*arguments, "--out", tmp_path / "two", "--config", tmp_path / "one" / "config.json")
    assert "Exported" in again.output, again.output
    runs = [(tmp_path / name / "exported" / "generator.safetensors").read_bytes() for name in ("one", "two")]
    assert runs[0] == runs[1]
    on = call(*arguments, "--out", tmp_path / "three", "--config", file, "--begin-with", tmp_path / "one")
    assert "Exported" in on.output, on.output
    on = call(*arguments, "--out", tmp_path / "three", "--config", file, "--resume", "--begin-with", tmp_path / "one")
    assert len(json.loads((tmp_path / "three" / "config.json").read_text())["begun_with"]) == 8
    assert "Exported" in on.output, on.output


def test_every_verb_has_examples():
    for verb in ("prepare", "train", "evaluate"):
        shown = call(verb, "--help").output
        assert f"antiphon soundstorm {verb}" in shown
