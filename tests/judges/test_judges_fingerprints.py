"""Copies are recognised, other audio is not, and the history is bounded."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from speech_signals import RATE_HZ, buzz

from antiphon.audio.waveform import Samples, Waveform
from antiphon.judges.fingerprints import History, fingerprint, similarity

CLIP = buzz(4.0)


def _print(signal: Samples, rate_hz: int = RATE_HZ) -> bytes:
    return fingerprint(Waveform(np.asarray(signal, dtype=np.float32)[None, :], rate_hz))


def _vorbis(signal: Samples) -> Samples:
    buffer = io.BytesIO()
    soundfile.write(buffer, signal, RATE_HZ, format="OGG", subtype="VORBIS")
    buffer.seek(0)
    decoded: Samples = soundfile.read(buffer, dtype="float32")[0]
    return decoded


NOISE = np.random.default_rng(5).standard_normal(CLIP.size).astype(np.float32)
CHANGES = {
    "gain": CLIP * 0.25,
    "noise at 25 dB": CLIP + NOISE * np.sqrt(np.mean(CLIP**2)) * 10 ** (-25 / 20),
    "silence before": np.concatenate([np.zeros(1234, dtype=np.float32), CLIP]),
    "first 30 ms cut": CLIP[480:],
    "vorbis": _vorbis(CLIP),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_lightly_changed_copy_is_recognised(change: str) -> None:
    assert similarity(_print(CLIP), _print(CHANGES[change])) > 0.6


def test_the_same_audio_is_fully_similar() -> None:
    assert similarity(_print(CLIP), _print(CLIP)) == 1.0


@pytest.mark.parametrize("seed", range(1, 6))
def test_other_audio_is_not(seed: int) -> None:
    assert similarity(_print(CLIP), _print(buzz(4.0, seed=seed))) < 0.35


def test_half_a_copy_counts_half() -> None:
    assert 0.35 < similarity(_print(CLIP), _print(CLIP[: CLIP.size // 2])) < 0.55


def test_silence_and_clicks_have_no_fingerprint() -> None:
    assert _print(np.zeros(RATE_HZ)) == b""
    assert _print(CLIP[:4000]) == b""
    assert similarity(b"", _print(CLIP)) == 0.0


def test_a_history_names_the_earlier_work() -> None:
    history = History()
    history.add(_print(buzz(3.0, seed=2)), work="other")
    history.add(_print(CLIP), work="first text", node="n1")
    found = history.earlier(_print(CHANGES["gain"]), work="second text")
    assert found.similarity > 0.6
    assert (found.work, found.node) == ("first text", "n1")


def test_the_same_work_again_is_no_duplicate_unless_another_node_delivers_it() -> None:
    history = History()
    history.add(_print(CLIP), work="text", node="n1")
    assert history.earlier(_print(CLIP), work="text").similarity < 0.3
    assert history.earlier(_print(CLIP), work="text", node="n1").similarity < 0.3
    assert history.earlier(_print(CLIP), work="text", node="n2").similarity == 1.0


def test_a_history_forgets_the_oldest_and_keeps_each_delivery_once() -> None:
    history = History(capacity=2)
    for seed in (1, 1, 2, 3):
        history.add(_print(buzz(2.0, seed=seed)), work=str(seed))
    assert len(history) == 2
    assert history.earlier(_print(buzz(2.0, seed=1)), work="new").similarity < 0.3
    assert history.earlier(_print(buzz(2.0, seed=3)), work="new").similarity == 1.0
    assert {place >> 16 for places in history._index.values() for place in places} == {1, 2}
