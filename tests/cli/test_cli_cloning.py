"""Cloned voices as a user has them: from a recording to a kept voice, and every refusal."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from cli_running import finish

from antiphon.audio import AudioWriter, Waveform, read

pytestmark = pytest.mark.slow

STORY = (
    "The old lighthouse stood at the end of the pier, and every evening somebody lit its lamp. "
    "Fishermen said they could see it from twenty miles away. My grandfather was one of them."
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a recording to clone: a voice that the cloner does not know by name."""
    home = tmp_path_factory.mktemp("clone")
    ended = finish("say", STORY, "--voice", "bm_george:0.5+am_puck:0.5", "-q", "-o", str(home / "him.wav"), home=home)
    assert ended.code == 0, ended.err
    return home


@pytest.fixture(scope="module")
def kept(folder):
    """The same, with the voice kept under a name."""
    ended = finish("voices", "add", "him", "--reference", str(folder / "him.wav"), "--own-voice", home=folder)
    assert ended.code == 0, ended.err
    assert "used" in ended.err
    return folder


def test_a_reference_speaks_a_new_text(folder):
    ended = finish("clone", "--reference", str(folder / "him.wav"), "--own-voice", "I never said this sentence before.",
                   "-o", str(folder / "out.wav"), "--json", home=folder)  # fmt: skip
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["figures"]["WER"] == pytest.approx(0, abs=0.15)
    assert read(folder / "out.wav").duration_s > 1
    shown = finish("receipt", "show", told["receipts"][-1], home=folder).out
    assert "consent" in shown.lower()
    assert "all accounts sum to 0" in finish("receipt", "verify", told["receipts"][-1], home=folder).out


def test_a_kept_voice_is_listed_shown_spoken_with_and_deleted(kept):
    assert "him" in finish("voices", home=kept).out.splitlines()[-1]
    shown = json.loads(finish("voices", "show", "him", "--json", home=kept).out)
    assert shown["engine"] == "mimic"
    assert "speak" in shown["may"]
    said = finish(
        "say", "Good morning to all of you.", "--voice", "him", "-o", str(kept / "a.wav"), "--json", home=kept
    )
    assert said.code == 0, said.err
    mixed = finish("clone", "--voice", "him:0.6+af_heart:0.4", "Good morning to all of you.", "-o", str(kept / "b.wav"),
                   "--json", home=kept)  # fmt: skip
    assert mixed.code == 0, mixed.err
    assert not np.array_equal(read(kept / "a.wav").samples[:, :8_000], read(kept / "b.wav").samples[:, :8_000])
    taken = finish("voices", "add", "him", "--reference", str(kept / "him.wav"), "--own-voice", home=kept)
    assert (taken.code, "already" in taken.complaint) == (2, True)
    assert finish("voices", "delete", "him", home=kept).code == 0
    assert finish("say", "Hello.", "--voice", "him", home=kept).code == 2


def test_a_recording_keeps_its_words_and_length_in_another_voice(folder):
    other = folder / "other.wav"
    assert finish("say", "We will meet again at noon, near the river.", "-q", "-o", str(other), home=folder).code == 0
    ended = finish("clone", "--reference", str(folder / "him.wav"), "--own-voice", "--speech", str(other), "-o",
                   str(folder / "converted.wav"), "--json", home=folder)  # fmt: skip
    assert ended.code == 0, ended.err
    assert read(folder / "converted.wav").duration_s == pytest.approx(read(other).duration_s, abs=0.01)


def _write(path, samples, rate_hz=24_000):
    with AudioWriter(path, "wav", rate_hz) as writer:
        writer.write(Waveform(np.asarray(samples, dtype=np.float32)[None, :], rate_hz))
    return str(path)


def test_without_consent_nothing_is_cloned(folder, call):
    ended = call("clone", "--reference", str(folder / "him.wav"), "Hello.")
    assert (ended.code, "consent" in ended.complaint) == (2, True)


def test_references_that_hold_no_usable_voice_are_refused_with_a_reason(folder, call, tmp_path):
    rng = np.random.default_rng(0)
    voice = read(folder / "him.wav").samples[0]
    bad = {
        "silent": _write(tmp_path / "silent.wav", np.zeros(5 * 24_000)),
        "noisy": _write(tmp_path / "noise.wav", 0.1 * rng.standard_normal(5 * 24_000)),
        "only": _write(tmp_path / "short.wav", voice[:30_000]),
        "clipped": _write(tmp_path / "loud.wav", np.clip(80 * voice, -1, 1)),
    }
    (tmp_path / "corrupt.wav").write_bytes(b"RIFF" + os.urandom(400))
    (tmp_path / "link.wav").symlink_to(folder / "him.wav")
    bad["link"] = str(tmp_path / "link.wav")
    bad["corrupt.wav"] = str(tmp_path / "corrupt.wav")
    bad["does not exist"] = str(tmp_path / "nothing.wav")
    for word, path in bad.items():
        ended = call("clone", "--reference", path, "--own-voice", "Hello.")
        assert ended.code == 2, (word, ended.err)
        assert word in ended.complaint, (word, ended.complaint)


def test_a_limit_on_the_cost_holds_for_voice_and_text_together(folder):
    ended = finish("clone", "--reference", str(folder / "him.wav"), "--own-voice", "Hello there.", "--max-cost", "0.02",
                   "-o", str(folder / "dear.wav"), home=folder)  # fmt: skip
    assert (ended.code, "--max-cost" in ended.complaint) == (3, True)
    before = json.loads(finish("account", "--json", home=folder).out)
    assert before["escrow_nano"] == 0
    assert not (folder / "dear.wav").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--speed", "9", "Hello."), "Speed 9"),
        (("--speech", "a.wav", "--speed", "1.5"), "--speed"),
        (("--speech", "a.wav", "Hello."), "one of them"),
        (("--voice", "me", "Hello."), "needs a voice"),
    ],
)
def test_what_is_wrong_with_a_clone_is_said_before_a_voice_is_bought(folder, call, words, complaint):
    ended = call("clone", "--reference", str(folder / "him.wav"), "--own-voice", *words)
    assert (ended.code, complaint in ended.complaint) == (2, True), ended.err
