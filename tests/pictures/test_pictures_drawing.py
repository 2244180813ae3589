"""Every sound can be drawn, in a picture of the promised size."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from antiphon.pictures.drawing import clock, clock_tick, draw, facts
from antiphon.pictures.lanes import word_rows
from antiphon.pictures.measuring import Inspection, inspect
from antiphon.pictures.words import Word

RATE_HZ = 16_000


def seen_of(folder, samples, name="x.wav", **given) -> Inspection:
    soundfile.write(folder / name, np.atleast_2d(samples).T, RATE_HZ, subtype="FLOAT")
    return inspect(folder / name, **({"words_s": 0} | given))


def noise(seconds, channels=1):
    return 0.1 * np.random.default_rng(0).standard_normal((channels, int(seconds * RATE_HZ)))


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize(("kind", "channels"), [("speech", 1), ("music", 2), ("speech", 6)])
def test_a_picture_is_1600_pixels_wide(tmp_path, kind, channels):
    wide, high = size_of(draw(seen_of(tmp_path, noise(1.5, channels), kind=kind)))
    assert wide == 1_600
    assert 600 <= high <= 1_600


@pytest.mark.parametrize(
    ("samples", "kind"),
    [(np.zeros(40_000), "music"), (np.zeros(1), "speech"), (np.ones(1), "music"), (2.0 * np.ones(300), "speech")],
)
def test_silence_clipping_and_single_samples_are_drawn(tmp_path, samples, kind):
    assert size_of(draw(seen_of(tmp_path, samples, kind=kind)))[0] == 1_600


def test_names_that_look_like_formulas_or_have_other_scripts_stay_text(tmp_path):
    name = "$x_{1} 音 \N{SPEAKER} & <b>.wav"
    picture = draw(seen_of(tmp_path, noise(0.5), name), "svg")
    assert ET.fromstring(picture).tag.endswith("svg")


def test_the_same_measurements_give_the_same_picture(tmp_path):
    seen = seen_of(tmp_path, noise(1.0))
    assert draw(seen) == draw(seen)
    assert draw(seen, "svg") == draw(seen, "svg")


def test_the_title_says_duration_rate_and_loudness(tmp_path):
    told = facts(seen_of(tmp_path, noise(3.5, 2)))
    assert told[:2] == ["3.5 s", "16 kHz stereo"]
    assert told[2].endswith("LUFS")
    assert told[3].endswith("dBTP")
    assert "-" not in "".join(told)
    assert "silence" in facts(seen_of(tmp_path, np.zeros(8_000)))[2]


def test_times_read_as_people_write_them():
    assert [clock(s) for s in (0.3, 24.44, 604.0, 3_700.0)] == ["0.30 s", "24.4 s", "10:04", "1:01:40"]
    assert clock_tick(90) == "1:30"


def test_words_take_the_rows_they_need_and_no_picture_is_drawn_of_too_many(tmp_path):
    import dataclasses

    plain = seen_of(tmp_path, noise(2.0), kind="speech")
    few = dataclasses.replace(plain, words=(Word("hello", 0.1, 0.4, 0.9), Word("world", 1.0, 1.5, 0.3)))
    crowd = dataclasses.replace(plain, words=tuple(Word("crowd", 0.002 * n, 0.002 * n + 0.01, 0.9) for n in range(150)))
    assert (word_rows(plain), word_rows(few), word_rows(crowd)) == (0, 1, 0)
    assert size_of(draw(few))[1] > size_of(draw(crowd))[1]
