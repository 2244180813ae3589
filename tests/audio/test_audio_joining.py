"""Sentences are joined without clicks, with the pause that was asked for, chunk by chunk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import Joiner, Waveform
from antiphon.audio.joining import LEAD_S, SILENCE_AMPLITUDE, TAIL_S

RATE = 24_000


def sentence(
    lead_s: float = 0.2, sound_s: float = 0.6, tail_s: float = 0.4, offset: float = 0.0, hz: float = 180
) -> np.ndarray:
    """A hum between stretches of near silence, ending abruptly in the middle of a period."""
    hum = 0.4 * np.sin(2 * np.pi * 180 * np.arange(round(sound_s * RATE)) / RATE + 1.0)
    parts = [np.zeros(round(lead_s * RATE)), hum, np.zeros(round(tail_s * RATE))]
    noise = np.random.default_rng(0).normal(scale=1e-4, size=sum(map(len, parts)))
    return (np.concatenate(parts) + noise + offset).astype(np.float32)[None]


def join(pieces: list[np.ndarray], pause_s: float = 0.3, size: int = 10**9) -> np.ndarray:
    joiner, out = Joiner(RATE), []
    for piece in pieces:
        starts = range(0, piece.shape[1], size)
        out.extend(joiner.push(Waveform(piece[:, start : start + size], RATE)) for start in starts)
        out.append(joiner.end_sentence(pause_s))
    out.append(joiner.finish())
    return np.concatenate([part.samples for part in out], axis=1)[0]


def click_db(samples: np.ndarray, place: int) -> float:
    """Energy above 4 kHz in the 8 ms around `place`, in dB: a click is wide-band, a hum is not."""
    window = samples[max(0, place - 96) : place + 96]
    power = np.abs(np.fft.rfft(window * np.hanning(window.size))) ** 2
    return float(10 * np.log10(power[np.fft.rfftfreq(window.size, 1 / RATE) > 4_000].sum() + 1e-9))


@settings(max_examples=30)
@given(st.integers(1, 9_000), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 1))
def test_chunking_changes_nothing(size: int, lead_s: float, tail_s: float, pause_s: float) -> None:
    pieces = [sentence(lead_s, 0.21, tail_s), sentence(tail_s, 0.13, lead_s)]
    assert np.array_equal(join(pieces, pause_s, size), join(pieces, pause_s))


@pytest.mark.parametrize("pause_s", [0.12, 0.3, 0.7])
@pytest.mark.parametrize(("lead_s", "tail_s"), [(0.0, 0.0), (0.2, 0.5), (0.5, 0.01)])
def test_the_pause_between_sounds_is_the_one_asked_for(pause_s: float, lead_s: float, tail_s: float) -> None:
    joined = join([sentence(lead_s, 0.5, tail_s)] * 2, pause_s)
    loud = np.flatnonzero(np.abs(joined) > 0.05)
    gap_s = np.diff(loud).max() / RATE
    assert gap_s == pytest.approx(max(pause_s, min(lead_s, LEAD_S) + min(tail_s, TAIL_S)), abs=0.025)


def test_silence_at_both_ends_is_trimmed_and_no_pause_trails() -> None:
    joined = join([sentence(0.8, 0.5, 0.9)])
    assert joined.size / RATE == pytest.approx(LEAD_S + 0.5 + TAIL_S, abs=0.021)


def test_silence_inside_a_sentence_is_kept() -> None:
    piece = np.concatenate([sentence(0, 0.3, 0.8), sentence(0.8, 0.3, 0)], axis=1)
    assert join([piece]).size / RATE == pytest.approx(2.2, abs=0.02)


@pytest.mark.parametrize("offset", [0.0, 0.05, -0.2])
def test_no_jump_at_a_join_is_larger_than_inside(offset: float) -> None:
    piece = sentence(0.0, 0.5, 0.0, offset=offset)
    inside = np.abs(np.diff(piece[0])).max()
    joined = join([piece, piece, piece])
    assert np.abs(np.diff(joined)).max() <= inside * 1.05
    assert abs(joined[0]) < 0.002
    assert abs(joined[-1]) < 0.002


def test_a_join_has_no_click_in_its_spectrum() -> None:
    piece = sentence(0.0, 0.5, 0.0)
    joined = join([piece, piece], 0.3)
    quiet = np.flatnonzero(joined == 0)
    ends = (quiet[0], quiet[-1])
    naive = np.concatenate([piece[0], np.zeros(6_000, np.float32), piece[0]])
    cut = piece.shape[1]
    assert max(click_db(joined, place) for place in ends) < click_db(naive, cut) - 20


def test_a_constant_offset_counts_as_silence() -> None:
    assert join([sentence(0.8, 0.5, 0.9, offset=0.1)]).size / RATE == pytest.approx(LEAD_S + 0.5 + TAIL_S, abs=0.021)


def test_sound_is_given_back_at_once() -> None:
    joiner = Joiner(RATE)
    piece = sentence(0.0, 1.0, 0.0)
    given_back = 0
    for start in range(0, 20_000, 480):
        given_back += joiner.push(Waveform(piece[:, start : start + 480], RATE)).samples.shape[1]
        assert start + 480 - given_back <= 480


def test_a_silent_or_empty_sentence_only_lengthens_the_pause() -> None:
    silent = np.full((1, RATE), SILENCE_AMPLITUDE / 4, dtype=np.float32)
    with_silence = join([sentence(), silent, np.zeros((1, 0), np.float32), sentence()], 0.4)
    assert with_silence.size == join([sentence(), sentence()], 0.4).size
    assert join([silent]).size == 0
    assert join([]).size == 0


def test_endless_silence_is_not_held_in_memory() -> None:
    joiner = Joiner(RATE)
    joiner.push(Waveform(sentence(), RATE))
    silence = Waveform(np.zeros((1, RATE), dtype=np.float32), RATE)
    back = sum(joiner.push(silence).duration_s for _ in range(30))
    assert back > 28


def test_a_short_sound_and_two_channels_work() -> None:
    joiner = Joiner(RATE, channels=2)
    blip = np.full((2, 50), 0.5, dtype=np.float32)
    blip[:, ::2] = -0.5
    parts = [joiner.push(Waveform(blip, RATE)), joiner.end_sentence(0.1), joiner.finish()]
    assert sum(part.samples.shape[1] for part in parts) == 50
    with pytest.raises(ValueError, match="2 channels"):
        joiner.push(Waveform(blip[:1], RATE))


@pytest.mark.slow
def test_real_speech_is_joined_without_clicks() -> None:
    from hibari import Hibari

    speaker = Hibari()
    pieces = [speaker(text, seed=1)[None].astype(np.float32) for text in ("The birch canoe slid.", "Glue the sheet.")]
    joined = join(pieces, 0.3, size=2_000)
    inside = max(np.abs(np.diff(piece[0])).max() for piece in pieces)
    assert np.abs(np.diff(joined)).max() <= inside
    kept = sum(piece.shape[1] for piece in pieces) / RATE
    assert kept - 1.5 < joined.size / RATE < kept + 0.3
    quiet = np.flatnonzero(joined == 0)
    typical = np.percentile([click_db(joined, place) for place in range(200, joined.size - 200, 97)], 90)
    assert click_db(joined, quiet[0]) < typical
    assert click_db(joined, quiet[-1]) < typical
