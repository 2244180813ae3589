"""Token sets: the same bytes whatever happens in between, nothing fatal, nothing outside its folder."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import storm_fakes
from storm_fakes import tone, write

from antiphon.audio import Waveform
from antiphon.errors import InputError, OutputError
from antiphon.soundstorm.data import Makers, Shards, find, prepare, preparing, read_list, write_list
from antiphon.soundstorm.semantic import SemanticConfig, learn
from antiphon.soundstorm.tokenset import TokenSet, check_example


@pytest.fixture(scope="module")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("semantic") / "semantic.safetensors"
    learn(lambda: [tone(4.0, 1)], SemanticConfig(features="mel", clusters=16, passes=1)).save(path)
    return path


@pytest.fixture
def makers(semantic: Path) -> Makers:
    return Makers(storm_fakes.codec, functools.partial(storm_fakes.semantic, semantic), _reader)


def _reader() -> preparing.Phonemise:
    return storm_fakes.shout


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    root = tmp_path / "audio"
    for number in range(9):
        write(root / f"speaker{number % 3}" / f"{number}.wav", tone(0.6 + 0.1 * number, number), f"Number {number}.")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preparing, "PER_SHARD", 4)


def test_what_is_prepared_is_what_codec_and_tokenizer_give(audio: Path, makers: Makers, tmp_path: Path):
    report = prepare([audio], makers, tmp_path / "out")
    shards = Shards(tmp_path / "out")
    assert isinstance(shards, TokenSet)
    assert (report.recordings, len(shards), report.with_text) == (9, 9, 9)
    assert set(report.speakers) == {"speaker0", "speaker1", "speaker2"}
    for index in range(len(shards)):
        entry, example = shards.entry(index), shards.get(index)
        check_example(example, shards.layout())
        wave = preparing.read(audio / entry.path)
        acoustic, tokens = shards.native(index)
        np.testing.assert_array_equal(acoustic, makers.codec().encode(wave).tokens)
        np.testing.assert_array_equal(tokens, makers.tokenizer().encode(wave))
        assert example.acoustic.shape[1] == shards.frames(index) == example.semantic.shape[0]
        assert entry.text == f"Number {Path(entry.path).stem}."
        assert entry.phonemes == "number "
        assert entry.speaker == Path(entry.path).parent.name
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == [shards.entry(n).path for n in range(9)]
    assert all(len(line["sha256"]) == 64 and line["licence"] == "unknown" for line in lines)


@pytest.mark.slow
def test_many_processes_make_the_same_bytes_as_one(audio: Path, makers: Makers, tmp_path: Path):
    prepare([audio], makers, tmp_path / "one")
    prepare([audio], makers, tmp_path / "two", jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_second_run_reads_no_audio(audio: Path, makers: Makers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    prepare([audio], makers, tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(preparing, "read", lambda *_, **__: pytest.fail("audio was read again"))
    seen: list[tuple[int, int]] = []
    prepare([audio], makers, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert contents(tmp_path / "out") == before
    assert seen == [(9, 9)]


def test_a_set_knows_the_depth_of_its_codecs_levels_and_one_from_before_is_not_made_again(
    audio: Path, makers: Makers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prepare([audio], makers, tmp_path / "out")
    assert Shards(tmp_path / "out").layout().order == (0, 1)
    assert b"depth" not in (tmp_path / "out" / "set.json").read_bytes()
    before = Shards(tmp_path / "out").fingerprint
    monkeypatch.setattr(storm_fakes.LevelCodec, "depth", (1, 0), raising=False)
    monkeypatch.setattr(preparing, "read", lambda *_, **__: pytest.fail("audio was read again"))
    prepare([audio], makers, tmp_path / "out")
    assert Shards(tmp_path / "out").layout().order == (1, 0)
    assert Shards(tmp_path / "out").fingerprint != before


def test_only_what_changed_is_made_again(audio: Path, makers: Makers, tmp_path: Path):
    prepare([audio], makers, tmp_path / "out")
    old = (tmp_path / "out" / "00000.npy").stat().st_mtime_ns
    write(audio / "speaker2" / "8.wav", tone(1.9, 77), "Changed.")
    prepare([audio], makers, tmp_path / "out")
    assert (tmp_path / "out" / "00000.npy").stat().st_mtime_ns == old
    assert "Changed." in (tmp_path / "out" / "manifest.jsonl").read_text()
    fresh = prepare([audio], makers, tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == contents(tmp_path / "out")
    assert fresh.recordings == 9


def test_a_smaller_set_leaves_no_old_shards(audio: Path, makers: Makers, tmp_path: Path):
    prepare([audio], makers, tmp_path / "out")
    for path in (audio / "speaker1").iterdir():
        path.unlink()
    prepare([audio], makers, tmp_path / "out")
    prepare([audio], makers, tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == contents(tmp_path / "out")


KILLED = """
import functools, sys, time
from pathlib import Path
import storm_fakes
from antiphon.soundstorm.data import Makers, prepare, preparing
preparing.PER_SHARD = 2
class Slow(storm_fakes.LevelCodec):
    def encode(self, wave):
        time.sleep(0.2)
        return super().encode(wave)
makers = Makers(Slow, functools.partial(storm_fakes.semantic, Path(sys.argv[2])))
prepare([Path(sys.argv[1])], makers, Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_after_kill_9_the_same_command_ends_with_the_same_bytes(
    audio: Path, semantic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(preparing, "PER_SHARD", 2)
    out = tmp_path / "out"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KILLED, str(audio), str(semantic), str(out)]
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 300
    while not (out / "00001.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "set.json").exists()
    (out / "00002.npy.99.part").write_bytes(b"what a killed process was writing")
    makers = Makers(storm_fakes.codec, functools.partial(storm_fakes.semantic, semantic))
    prepare([audio], makers, out)
    prepare([audio], makers, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_bad_files_are_listed_and_never_fatal(audio: Path, makers: Makers, tmp_path: Path):
    bad = audio / "speaker0"
    (bad / "empty.wav").write_bytes(b"")
    (bad / "noise.flac").write_bytes(b"this is no audio" * 50)
    (bad / "cut.wav").write_bytes((bad / "0.wav").read_bytes()[:30])
    write(bad / "short.wav", tone(0.1, 1))
    write(bad / "silent.wav", Waveform(np.zeros((1, 16_000), np.float32), 16_000))
    write(bad / "text.wav", tone(1.0, 50))
    (bad / "text.txt").write_bytes(b"\xff\xfe\x00bad")
    (bad / "same.wav").write_bytes((bad / "3.wav").read_bytes())
    write(tmp_path / "outside.wav", tone(1.0, 60))
    (bad / "link.wav").symlink_to(tmp_path / "outside.wav")
    report = prepare([audio], makers, tmp_path / "out")
    reasons = {Path(one.path).name: one.reason for one in report.rejected}
    assert set(reasons) == {
        "empty.wav", "noise.flac", "cut.wav", "short.wav", "silent.wav", "text.wav", "same.wav", "link.wav",
    }  # fmt: skip
    assert "under 0.4 s" in reasons["short.wav"]
    assert "silent" in reasons["silent.wav"]
    assert "outside its folder" in reasons["link.wav"]
    assert "the same as speaker0/3.wav" in reasons["same.wav"]
    assert "text cannot be read" in reasons["text.wav"]
    assert report.recordings == len(Shards(tmp_path / "out")) == 9
    assert json.loads((tmp_path / "out" / "report.json").read_text())["recordings"] == 9


def test_a_folders_own_manifest_knows_better(audio: Path, makers: Makers, tmp_path: Path):
    line = {"path": "speaker1/1.wav", "speaker": "Ada", "licence": "CC0-1.0", "text": "Told."}
    (audio / "manifest.jsonl").write_text(json.dumps(line) + "\nnot json\n")
    prepare([audio], makers, tmp_path / "out", licence="CC-BY-4.0")
    shards = Shards(tmp_path / "out")
    entries = {shards.entry(n).path: shards.entry(n) for n in range(len(shards))}
    told = entries["speaker1/1.wav"]
    assert (told.speaker, told.licence, told.text) == ("Ada", "CC0-1.0", "Told.")
    assert entries["speaker0/0.wav"].licence == "CC-BY-4.0"


def test_lists_of_files_are_read_and_cannot_leave_their_root(audio: Path, makers: Makers, tmp_path: Path):
    write_list(tmp_path / "train.tsv", audio, {"speaker0/0.wav": 9_600, "speaker1/1.wav": 11_200})
    root, names = read_list(tmp_path / "train.tsv")
    assert (root, names) == (audio.resolve(), ["speaker0/0.wav", "speaker1/1.wav"])
    write(tmp_path / "secret" / "secret.wav", tone(1.0, 5))
    with (tmp_path / "train.tsv").open("a") as handle:
        handle.write("../secret/secret.wav\t16000\n/etc/passwd\t1\nmissing.wav\t1\n")
    sources, rejected = find([tmp_path / "train.tsv"])
    assert [one.name for one in sources] == ["speaker0/0.wav", "speaker1/1.wav"]
    assert sorted(one.path for one in rejected) == ["../secret/secret.wav", "/etc/passwd", "missing.wav"]
    assert prepare([tmp_path / "train.tsv"], makers, tmp_path / "out").recordings == 2


def test_a_set_without_anything_usable_says_why(makers: Makers, tmp_path: Path):
    with pytest.raises(InputError, match="no folder"):
        prepare([tmp_path / "missing"], makers, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no audio"):
        prepare([tmp_path / "empty"], makers, tmp_path / "out")
    write(tmp_path / "empty" / "short.wav", tone(0.1, 1))
    with pytest.raises(InputError, match=r"report\.json tells why"):
        prepare([tmp_path / "empty"], makers, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_an_output_error(audio: Path, makers: Makers, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        prepare([audio], makers, tmp_path / "file" / "out")


def test_damaged_sets_are_refused(audio: Path, makers: Makers, tmp_path: Path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="no token set"):
        Shards(out)
    prepare([audio], makers, out)
    blob = (out / "00001.npy").read_bytes()
    (out / "00001.npy").write_bytes(blob[:-200])
    tokens = Shards(out)
    with pytest.raises(InputError, match=r"00001\.npy"):
        [tokens.get(n) for n in range(len(tokens))]
    (out / "00001.npy").write_bytes(blob)
    index = json.loads((out / "set.json").read_text())
    (out / "set.json").write_text(json.dumps(index | {"shards": ["../../etc/passwd"]}))
    with pytest.raises(InputError, match="names a shard"):
        Shards(out)
    (out / "set.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        Shards(out)


def test_a_changed_copy_is_held_out_with_its_original(makers: Makers, tmp_path: Path):
    for number in range(6):
        for change, pitch in (("", 0), ("-at-higher", 40), ("-at-lower", -40)):
            write(tmp_path / "audio" / f"person{number}{change}" / "a.wav", tone(0.6, 200 + 30 * number + pitch))
    prepare([tmp_path / "audio"], makers, tmp_path / "out")
    parts = Shards(tmp_path / "out").split(0.5)
    originals = [{part.entry(n).speaker.partition("-at-")[0] for n in range(len(part))} for part in parts]
    assert not originals[0] & originals[1]
    assert all(originals)
    assert sum(len(part) for part in parts) == 18


def test_samples_that_are_no_numbers_are_listed_not_learnt(audio: Path, makers: Makers, tmp_path: Path):
    for value in (np.nan, np.inf):
        samples = np.full((1, 16_000), 0.1, np.float32)
        samples[0, 7] = value
        soundfile.write(audio / f"{value}.wav", samples.T, 16_000, "FLOAT")
    report = prepare([audio], makers, tmp_path / "out")
    told = {one.path: one.reason for one in report.rejected}
    assert "no finite numbers" in told["nan.wav"]
    assert "no finite numbers" in told["inf.wav"]


def test_a_split_parts_speakers_and_is_always_the_same(audio: Path, makers: Makers, tmp_path: Path):
    prepare([audio], makers, tmp_path / "out")
    learn_from, look_at = Shards(tmp_path / "out").split(0.5)
    names = [{part.entry(n).speaker for n in range(len(part))} for part in (learn_from, look_at)]
    assert not names[0] & names[1]
    assert len(learn_from) + len(look_at) == 9
    again = Shards(tmp_path / "out").split(0.5)[1]
    assert [again.entry(n) for n in range(len(again))] == [look_at.entry(n) for n in range(len(look_at))]
