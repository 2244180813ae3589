"""A sidecar says what it said, and one that is not in order is refused with its name and the fault."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import InputError, StateError
from antiphon.genki.data.sidecar import Measured, Sidecar, Source, clean, decode, edited, encode, uri_of


def sidecar(**fields) -> Sidecar:
    source = Source(uri=uri_of("/a b/ü\n.wav"), sha256="ab" * 32, size=10, mtime_ns=1)
    measured = Measured(kind="music", channels=2, loudness_lufs=-14.0, true_peak_dbtp=-1.0, clipped=0.0)
    return Sidecar(**{"duration": 3.5, "sample_rate": 44_100, "measured": measured, "source": source, **fields})


def test_what_was_written_is_read_again_and_is_plain_json():
    one = sidecar(title="Ein Stück", moods=("calm",), key="Bb minor", bpm=92.5)
    assert decode(encode(one), "here") == one
    assert json.loads(encode(one))["title"] == "Ein Stück"


@given(st.binary(min_size=1, max_size=60).filter(lambda raw: b"\0" not in raw))
def test_any_path_comes_back_from_its_uri(raw):
    path = "/" + os.fsdecode(raw)
    uri = uri_of(path)
    assert uri.isascii()
    assert Source(uri=uri, sha256="0" * 64, size=1, mtime_ns=0).path == path


@given(st.text(max_size=50), st.integers(1, 20))
def test_a_cleaned_text_is_one_printable_line_and_stays_so(text, most):
    found = clean(text, most)
    assert len(found) <= most
    assert found.isprintable()
    assert clean(found, most) == found


@pytest.mark.parametrize("change", [
    {"title": "two\nlines"}, {"title": "x" * 201}, {"key": "H moll"}, {"bpm": 0.5}, {"bpm": float("nan")},
    {"moods": ("calm", "calm")}, {"moods": ("",)}, {"keywords": tuple(map(str, range(33)))}, {"consent": "\x1b[31m"},
])  # fmt: skip
def test_values_outside_their_limits_are_refused(change):
    with pytest.raises(InputError):
        edited(sidecar(), change)


@pytest.mark.parametrize("raw", [
    b"", b"{}", b"[" * 60_000, b"\xff", b"x" * 70_000, encode(sidecar()).replace(b"title", b"tilte"),
    encode(sidecar()).replace(b"3.5", b"-3.5"), encode(sidecar()).replace(b"44100", b'"44100"'),
    encode(sidecar()).replace(b"file://", b"http://"), encode(sidecar()).replace(b"abab", b"../x"),
])  # fmt: skip
def test_a_damaged_sidecar_is_told_by_its_name(raw):
    with pytest.raises(StateError, match=r"here.*") as caught:
        decode(raw, "here")
    assert caught.value.hint
