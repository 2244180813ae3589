"""`antiphon data`: collections by command; no socket is opened, and a kill costs at most the clip at hand."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from cli_running import start

from antiphon.audio import AudioWriter, format_named
from antiphon.audio.waveform import Waveform

FORBID_SOCKETS = """
import ctypes, struct
from antiphon.cli.app import group
from antiphon.errors import PartialError
code = [(0x20, 0, 0, 0), (0x15, 0, 1, {number}), (6, 0, 0, 0x80000000), (6, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
kernel = ctypes.CDLL(None, use_errno=True)
assert kernel.prctl(38, 1, 0, 0, 0) == 0
assert kernel.prctl(22, 2, ctypes.byref(Filter(len(code), ctypes.addressof(program))), 0, 0) == 0
"""
"""seccomp: the kernel kills this process when any of its threads, Python's or a library's, asks for a socket."""

NUMBERS = {"x86_64": 41, "aarch64": 198}  # of the system call socket(2)


def record(folder, name, seed=0, seconds=2.0):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    hertz = np.repeat(440 * 2 ** (generator.integers(-24, 12, int(seconds * 8)) / 12), 2_000)
    phase = 2 * np.pi * np.cumsum(hertz) / 16_000
    sound = (0.2 * (np.sin(phase) + np.sin(2 * phase))).astype(np.float32)[None]
    with AudioWriter(folder / name, format_named("wav"), 16_000, 1) as writer:
        writer.write(Waveform(sound, 16_000))


def test_a_collection_is_made_listed_edited_checked_and_emptied(call, tmp_path):
    record(tmp_path / "My Songs!", "one.wav")
    added = call("data", "add", str(tmp_path / "My Songs!"), "--licence", "CC0-1.0", "--json")
    assert (added.code, json.loads(added.out)["added"]) == (0, 1)
    assert json.loads(call("data", "list", "--json").out) == [{"name": "my-songs", "clips": 1}]
    assert "one: 2.0 s" in call("data", "list", "my-songs").out
    checked = call("data", "check", "my-songs")
    assert checked.code == 10
    assert "consent: nobody is named" in checked.out
    assert call("data", "edit", "my-songs", "--all", "--consent", "mine", "--mood", "calm", "--bpm", "90").code == 0
    assert call("data", "check", "my-songs").code == 0
    record(tmp_path / "more", "two.wav", 1)
    assert call("data", "add", str(tmp_path / "more"), "-q").code == 0
    every = call("data", "check", "--json")
    assert every.code == 10
    assert {(one["collection"], one["problem"]) for one in json.loads(every.out)} == {
        ("more", "licence"),
        ("more", "consent"),
    }
    assert call("data", "remove", "more", "two").code == 0
    assert call("data", "check").out == "2 collections: 1 clips, nothing to complain of.\n"
    shown = json.loads(call("data", "show", "my-songs", "one.wav", "--json").out)
    assert (shown["consent"], shown["moods"], shown["bpm"], shown["licence"]) == ("mine", ["calm"], 90.0, "CC0-1.0")
    assert call("data", "edit", "my-songs", "one", "--bpm", "0", "--mood", "").code == 0
    assert "Bpm\n" in call("data", "show", "my-songs", "one").out
    assert call("data", "remove", "my-songs", shown["id"][:8]).code == 0
    assert (tmp_path / "My Songs!" / "one.wav").exists()
    assert call("data", "list", "my-songs").out == "No clips.\n"


@pytest.mark.parametrize(("words", "says"), [
    (("list", "song"), "Did you mean songs"),
    (("show", "songs", "two.wav"), "no clip 'two.wav'"),
    (("edit", "songs", "one.wav"), "nothing to change"),
    (("edit", "songs", "--licence", "CC0"), "which clip"),
    (("edit", "songs", "one.wav", "--key", "H"), "is no key"),
    (("check", "../songs"), "no name for a collection"),
    (("sketch", "songs"), "written, or compared"),
    (("sketch", "songs", "--against", "nothing"), "cannot be read"),
    (("add", "nothing"), "no folder"),
    (("share", "songs", "--price", "1"), "it has no licence"),
    (("share", "songs", "--price", "0"), "positive amount"),
    (("buy", "songs", "-o", "bought"), "No offers in"),
    (("withdraw", "songs"), "No offers in"),
])  # fmt: skip
def test_mistakes_are_told_with_what_to_do(words, says, call, tmp_path):
    record(tmp_path / "songs", "one.wav")
    assert call("data", "add", str(tmp_path / "songs"), "-q").code == 0
    ended = call("data", *words)
    assert ended.code == 2
    assert says in ended.complaint


def test_files_that_cannot_be_added_end_with_10_and_are_named(call, tmp_path):
    record(tmp_path / "songs", "one.wav")
    (tmp_path / "songs" / "two\x1b[31m.wav").write_text("no audio")
    ended = call("data", "add", str(tmp_path / "songs"))
    assert (ended.code, ended.out) == (10, "songs: 1 added, 1 refused\n")
    assert "\x1b" not in ended.err


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in NUMBERS, reason="seccomp is Linux's; the call has a number"
)
def test_no_command_opens_a_socket(tmp_path):
    record(tmp_path / "songs", "one.wav")
    record(tmp_path / "songs", "again.wav")
    (tmp_path / "songs" / "bad.wav").write_text("no audio")
    home, folder, out = (str(tmp_path / name) for name in ("home", "songs", "a.sketch"))
    commands = [
        ["add", folder], ["list"], ["list", "songs"], ["edit", "songs", "--all", "--genre", "waltz"],
        ["check", "songs"], ["sketch", "songs", "-o", out], ["sketch", "songs", "--against", out],
        ["edit", "songs", "--all", "--licence", "CC0-1.0", "--consent", "mine"], ["share", "songs", "--price", "1"],
        ["offers"], ["withdraw", "songs"], ["show", "songs", "again"], ["remove", "songs", "again"],
    ]  # fmt: skip
    code = FORBID_SOCKETS.format(number=NUMBERS[platform.machine()])
    run = f"""
for words in {commands!r}:
    try:
        group.main(["--home", {home!r}, "data", *words], standalone_mode=False)
    except PartialError:
        print("partly:", words[0])
print("all", flush=True)
"""
    watched = subprocess.run([sys.executable, "-c", code + run], capture_output=True, text=True, check=False)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.endswith("all\n")
    assert watched.stdout.count("partly:") == 2  # add, for bad.wav, and check
    control = subprocess.run([sys.executable, "-c", f"{code}\nimport socket\nsocket.socket()"], check=False)
    assert control.returncode == -signal.SIGSYS


def test_a_killed_add_goes_on_where_it_was(tmp_path):
    for number in range(12):
        record(tmp_path / "songs", f"{number:02}.wav", number, 3.0)
    home = tmp_path / "home"
    clips = home / "data" / "songs" / "clips"
    with start("data", "add", str(tmp_path / "songs"), home=home) as process:
        end_s = time.monotonic() + 300
        while len(list(clips.glob("*.json"))) < 3:
            assert process.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.005)
        process.kill()
        process.communicate()
    before = {file.name: file.stat().st_mtime_ns for file in clips.glob("*.json")}
    assert 3 <= len(before) < 12
    with start("data", "add", str(tmp_path / "songs"), "--json", home=home) as process:
        out, _ = process.communicate(timeout=300)
    told = json.loads(out)
    assert (told["known"], told["added"]) == (len(before), 12 - len(before))
    after = {file.name: file.stat().st_mtime_ns for file in clips.glob("*.json")}
    assert len(after) == 12
    assert before.items() <= after.items()
