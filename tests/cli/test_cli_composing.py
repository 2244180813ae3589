"""`antiphon compose` as a user runs it: a description in, a piece, its notes and its receipt out."""

from __future__ import annotations

import json
import os
import subprocess
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
from cli_running import finish, start

from antiphon.audio import read
from antiphon.audio.loudness import measure

pytestmark = pytest.mark.slow

PROMPT = "calm shop theme in F major, 100 bpm"


def test_a_description_becomes_a_piece_its_notes_and_a_receipt(tmp_path):
    more = ("--midi", str(tmp_path / "shop.mid"), "--score", str(tmp_path / "shop.musicxml"), "--json")
    ended = finish(
        "compose", PROMPT, "--seconds", "12", "--seed", "5", "-o", str(tmp_path / "shop.wav"), *more, home=tmp_path
    )
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    audio = read(tmp_path / "shop.wav")
    assert (audio.rate_hz, audio.channels) == (44_100, 2)
    assert audio.samples.shape[1] == 12 * 44_100
    assert measure(audio).integrated_lufs == pytest.approx(-19, abs=0.3)
    assert told["seed"] == 5
    assert (told["bpm"], told["key"], told["metre"]) == (100, "F major", "4/4")
    assert sum(section["bars"] for section in told["sections"]) == told["bars"] == 4
    assert told["sections"][0]["start_s"] == 0
    assert told["figures"]["tempo as asked"] == pytest.approx(1, abs=0.2)
    notes = [message for message in mido.MidiFile(tmp_path / "shop.mid") if message.type == "note_on"]
    assert len(notes) > 20
    assert ElementTree.fromstring((tmp_path / "shop.musicxml").read_text()).tag == "score-partwise"
    assert "all accounts sum to 0" in finish("receipt", "verify", told["receipts"][0], home=tmp_path).out


def test_the_same_seed_gives_the_same_piece_whatever_the_windows(tmp_path):
    whole = finish("compose", PROMPT, "--seconds", "31", "--seed", "8", "--loudness", "off", "-q", "-o", "-",
                   "--format", "pcm", home=tmp_path)  # fmt: skip
    assert whole.code == 0, whole.err
    again = finish("compose", PROMPT, "--seconds", "31", "--seed", "8", "--loudness", "off", "-q", "-o",
                   str(tmp_path / "b.wav"), home=tmp_path)  # fmt: skip
    assert again.code == 0, again.err
    assert read(tmp_path / "b.wav").samples.shape == (2, 31 * 44_100)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("compose",), "prompt is empty"),
        (("compose", "x", "--seconds", "0"), "outside 1-600"),
        (("compose", "x", "--seconds", "10000"), "outside 1-600"),
        (("compose", "x", "--engine", "hibari"), "hibari"),
        (("compose", "x", "--engine", "nobody"), "Unknown engine"),
        (("compose", "x", "--option", "volume=11"), "volume"),
        (("compose", "x " * 300), "characters"),
    ],
)
def test_what_cannot_be_composed_is_said_before_anything_is_bought(call, words, complaint):
    ended = call(*words)
    assert ended.code == 2, ended.err
    assert complaint in ended.complaint


def test_contradictions_are_named_resolved_and_told(tmp_path):
    ended = finish("compose", "march, 120 bpm and 90 bpm, in C major, A minor", "--seconds", "4", "-o",
                   str(tmp_path / "m.wav"), home=tmp_path)  # fmt: skip
    assert ended.code == 0, ended.err
    assert "120 bpm" in ended.err
    assert "Seed" in ended.err


def test_a_form_that_does_not_fit_is_told(tmp_path):
    ended = finish(
        "compose", "march, 120 bpm, AABACADA", "--seconds", "8", "-o", str(tmp_path / "m.wav"), home=tmp_path
    )
    assert ended.code == 0, ended.err
    assert "too few for AABACADA" in ended.err


def test_music_goes_on_live_and_a_typed_line_changes_it(tmp_path):
    """By a pipe: nobody need have a sound card."""
    arguments = ("compose", "jazz lounge, F major, 120 bpm", "--live", "--seed", "4", "-o", "-", "--format", "pcm")
    with start(*arguments, home=tmp_path, stdin=subprocess.PIPE) as process:
        before = process.stdout.read(2 * 2 * 44_100)  # a second
        process.stdin.write(b"boss fight, D minor, 160 bpm\n")
        process.stdin.flush()
        told = ""
        while "160 bpm" not in told:
            process.stdout.read1(1 << 16)
            os.set_blocking(process.stderr.fileno(), False)
            told += (process.stderr.read() or b"").decode()
            assert process.poll() is None, told
        after = process.stdout.read(2 * 2 * 44_100)
        os.set_blocking(process.stderr.fileno(), True)
        _, err = process.communicate(timeout=60)  # the input ends, and so does the music
    assert process.returncode == 0, err
    assert "'boss fight, D minor, 160 bpm': D minor, 160 bpm" in told
    assert "s after it was typed" in told
    assert all(np.abs(np.frombuffer(part, "<i2")).max() > 1_000 for part in (before, after))


@pytest.mark.parametrize("more", [("--loop",), ("--midi", "tune.mid"), ("--engine", "chiptune"), ("--seconds", "-3")])
def test_what_does_not_go_live_is_told(tmp_path, more):
    ended = finish("compose", "jazz lounge", "--live", *more, home=tmp_path)
    assert ended.code == 2
    assert more[0] in ended.complaint or "live" in ended.complaint
