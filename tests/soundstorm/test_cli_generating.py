"""`antiphon soundstorm generate` and `dialogue`, by the models that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from storm_fakes import tone, write

from antiphon.analysis import Recogniser, mono_16k
from antiphon.audio import AudioWriter, Waveform, read
from antiphon.cli.soundstorm import soundstorm
from antiphon.engines.hibari import HibariEngine
from antiphon.errors import AntiphonError, InputError
from antiphon.services import SpeechRequest
from antiphon.soundstorm.generating import script, wanted


def call(*arguments: object) -> Result:
    return CliRunner().invoke(soundstorm, [str(one) for one in arguments])


def failed(*arguments: object) -> AntiphonError:
    error = call(*arguments).exception
    assert isinstance(error, AntiphonError), error
    return error


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    request = SpeechRequest(text="Seven green boxes fell off the truck.", voice="hibari")
    chunks = list(HibariEngine().generate(request, 0))
    wave = Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
    path = tmp_path_factory.mktemp("said") / "boxes.wav"
    with AudioWriter(path, "wav", wave.rate_hz) as writer:
        writer.write(wave)
    return path


def words(file: Path) -> str:
    return Recogniser("whisper-tiny-en").transcribe([mono_16k(read(file))], "en")[0].text.lower()


@pytest.mark.slow
def test_a_recording_and_texts_become_sound_and_are_not_made_twice(recording: Path, tmp_path: Path):
    (tmp_path / "lines.txt").write_text("The tide is in.\n\nThe tide is in.\n")
    (tmp_path / "noise.wav").write_bytes(b"no audio")
    out = tmp_path / "made"
    asked = (recording, tmp_path / "lines.txt", tmp_path / "noise.wav", "--prompt", recording, "--out", out, "--tokens")
    result = call("generate", *asked)
    assert result.exit_code == 0, result.output
    assert "noise.wav" in result.output
    listed = [json.loads(line) for line in (out / "made.jsonl").read_text().splitlines()]
    assert {one["name"] for one in listed} == {"boxes.wav", "lines-1.wav", "lines-3.wav"}
    assert "tide is in" in words(out / "lines-1.wav")
    assert "box" in words(out / "boxes.wav")
    assert read(out / "boxes.wav").duration_s == pytest.approx(read(recording).duration_s, abs=0.03)
    tokens = np.load(out / "boxes.npy")
    assert tokens.shape[0] == 4
    assert tokens.shape[1] == pytest.approx(50 * read(recording).duration_s, abs=1)
    before = (out / "boxes.wav").stat().st_mtime_ns
    (out / "made.jsonl").write_text(
        "\n".join(json.dumps(one) for one in listed if one["name"] != "lines-3.wav") + '\n{"name": "li'
    )
    again = call("generate", *asked)
    assert "already" in again.output
    assert again.exit_code == 0, again.output
    assert (out / "boxes.wav").stat().st_mtime_ns == before
    *_, cut, last = (out / "made.jsonl").read_text().splitlines()
    assert cut == '{"name": "li'
    assert json.loads(last)["name"] == "lines-3.wav"


@pytest.mark.slow
def test_two_speakers_talk_in_turn(recording: Path, tmp_path: Path):
    (tmp_path / "play.txt").write_text(
        "anna: The tide is in.\nben: Good morning.\nIt is nine.\nanna: The tide is in.\n"
    )
    result = call(
        "dialogue", tmp_path / "play.txt", "--voice", f"anna={recording}", "--voice", f"ben={recording}",
        "-o", tmp_path / "play.wav",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.count("anna ") == 2
    heard = words(tmp_path / "play.wav")
    assert heard.count("tide") == 2
    assert heard.index("morning") > heard.index("tide")


def test_what_does_not_fit_is_refused(recording: Path, tmp_path: Path):
    out = ("--out", tmp_path / "made")
    assert "nothing to make" in str(failed("generate", *out))
    assert "--generator" in str(failed("generate", recording, *out, "--semantic", tmp_path))
    assert "needs its tokenizer" in str(failed("generate", recording, *out, "--generator", tmp_path))
    assert "temperature?" in str(failed("generate", recording, *out, "--set", "temperatur=1"))
    (tmp_path / "play.txt").write_text("anna: Hello.\n")
    play = (tmp_path / "play.txt", "-o", tmp_path / "play.wav")
    assert "ben has" not in str(failed("dialogue", *play, "--voice", f"ben={recording}"))
    assert "anna has no voice" in str(failed("dialogue", *play, "--voice", f"ben={recording}"))
    assert "NAME=FILE" in str(failed("dialogue", *play, "--voice", "ben"))
    assert not (tmp_path / "play.wav").exists()


@pytest.mark.slow
def test_tokens_that_the_tokenizer_does_not_have_are_left_out(tmp_path: Path):
    (tmp_path / "said.tsv").write_text("item_name\tsemantic_audio\nlow\t1 2 3 4 5 6 7 8\nhigh\t1 2 60000\n")
    result = call("generate", tmp_path / "said.tsv", "--out", tmp_path / "made")
    assert result.exit_code == 0, result.output
    assert "no semantic token 60000" in result.output
    assert read(tmp_path / "made" / "low.wav").duration_s == pytest.approx(8 / 50)


def test_every_kind_of_source_is_found_and_told_apart(tmp_path: Path):
    write(tmp_path / "ada" / "one.wav", tone(0.5, 1), "Text.")
    (tmp_path / "one.txt").write_text("First.\nSecond.\n")
    found = wanted([tmp_path, tmp_path / "one.txt", tmp_path / "one.txt"], ["Said."])
    assert [one.name for one in found] == ["text-1", "ada/one", "one-1", "one-2", "one-1~2", "one-2~2"]
    for path, says in ((tmp_path / "none.wav", "no"), (tmp_path / "a.pdf", "kind")):
        if says == "kind":
            path.write_text("x")
        with pytest.raises(InputError, match=says):
            wanted([path])
    with pytest.raises(InputError, match="characters"):
        wanted([], ["x" * 10_001])


@pytest.mark.parametrize(
    ("text", "says"), [("", "no turns"), ("Hello.\n", "Line 1 .* no speaker"), ("anna:\n", "Line 1 .* says nothing")]
)
def test_a_script_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, says: str):
    (tmp_path / "play.txt").write_text(text)
    with pytest.raises(InputError, match=says):
        script(tmp_path / "play.txt")
