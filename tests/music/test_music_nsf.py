"""NSF files play in a player that is not ours (libgme, Debian's libgme0)."""

from __future__ import annotations

import ctypes
import ctypes.util
import os

import numpy as np
import pytest

from antiphon.analysis.sound import Sound
from antiphon.audio import Waveform
from antiphon.codecs.chip import ChipCodec
from antiphon.music import arrange, compose, read, to_nsf

RATE_HZ = 44_100


def played(file: bytes, seconds: float) -> np.ndarray:
    """`[2, samples]` by libgme; skips where there is none."""
    name = os.environ.get("ANTIPHON_LIBGME") or ctypes.util.find_library("gme")
    if name is None:
        pytest.skip("libgme is not installed: apt-get install libgme0")
    gme = ctypes.CDLL(name)
    gme.gme_open_data.restype = gme.gme_start_track.restype = gme.gme_play.restype = ctypes.c_char_p
    emulator = ctypes.c_void_p()
    assert gme.gme_open_data(file, ctypes.c_long(len(file)), ctypes.byref(emulator), RATE_HZ) is None
    gme.gme_ignore_silence(emulator, 1)
    assert gme.gme_start_track(emulator, 0) is None
    samples = (ctypes.c_short * (2 * int(seconds * RATE_HZ)))()
    assert gme.gme_play(emulator, len(samples), samples) is None
    gme.gme_delete(emulator)
    return np.frombuffer(samples, np.int16).reshape(-1, 2).T.astype(np.float32) / 32_768


def chroma(samples: np.ndarray) -> np.ndarray:
    found = Sound(Waveform(np.ascontiguousarray(samples), RATE_HZ)).chroma
    return found - found.mean(axis=0)


def test_a_player_plays_the_notes_of_the_piece() -> None:
    score = compose(read("title, no drums, 120 bpm"), 10.0, 3)
    own = chroma(ChipCodec().decode(arrange(score)).samples)
    theirs = chroma(played(to_nsf(score), score.seconds))[: len(own)]
    own = own[: len(theirs)]
    fits = [float((own * np.roll(theirs, step, axis=1)).sum()) for step in range(12)]
    assert int(np.argmax(fits)) == 0
    assert fits[0] / np.linalg.norm(own) / np.linalg.norm(theirs) > 0.6


def test_a_piece_ends_in_silence_and_a_loop_goes_round() -> None:
    once = compose(read("rock"), 6.0, 1)
    sound = played(to_nsf(once), once.seconds + 3)
    assert np.abs(np.diff(sound[:, int((once.seconds + 0.5) * RATE_HZ) :])).max() < 0.01
    loop = compose(read("rock, 120 bpm"), 8.0, 1, loop=True)
    length = int(loop.seconds * RATE_HZ)
    sound = played(to_nsf(loop), 2 * loop.seconds)
    first, second = chroma(sound[:, :length]), chroma(sound[:, length:])
    count = min(len(first), len(second))
    assert np.corrcoef(first[:count].ravel(), second[:count].ravel())[0, 1] > 0.8


def test_its_header_says_what_players_need_and_the_longest_piece_fits() -> None:
    file = to_nsf(compose(read("march"), 4.0, 1))
    assert file[:5] == b"NESM\x1a"
    assert (len(file) - 128) % 4_096 == 0
    assert int.from_bytes(file[8:10], "little") == 0x8000
    assert (len(to_nsf(compose(read("boss, 175 bpm"), 600.0, 1))) - 128) // 4_096 <= 256
