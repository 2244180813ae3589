import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antiphon.engines.postprocessing import MARGIN_S, PEAK, faded, postprocess, trimmed
from antiphon.errors import UnavailableError

RATE = 8_000
SIGNALS = hnp.arrays(np.float32, st.integers(0, 2_000), elements=st.floats(-4, 4, width=32))


@given(SIGNALS, st.floats(0, 1))
def test_a_chunk_is_finite_below_full_scale_and_starts_and_ends_at_zero(samples: np.ndarray, pause_s: float) -> None:
    chunk = postprocess(samples, RATE, pause_s=pause_s)
    if chunk is None:
        assert np.abs(samples).max(initial=0) <= 1e-3
        return
    out = chunk.samples[0]
    assert np.abs(out).max() <= PEAK + 1e-6
    if out.size > 1:
        assert out[0] == 0
        assert out[-1] == 0


def test_the_pause_is_as_long_as_asked_and_the_models_own_silence_is_cut() -> None:
    tone = np.full(RATE, 0.5, np.float32)
    padded = np.concatenate([np.zeros(RATE, np.float32), tone, np.zeros(2 * RATE, np.float32)])
    chunk = postprocess(padded, RATE, pause_s=0.3)
    assert chunk is not None
    lead = int(np.flatnonzero(np.abs(chunk.samples[0]) > 1e-3)[0]) / RATE
    # This chunk's lead and the margin at the end of the one before are the pause.
    assert lead + MARGIN_S == pytest.approx(0.3, abs=0.005)
    assert chunk.duration_s == pytest.approx(0.3 - MARGIN_S + 1.0 + MARGIN_S, abs=0.005)


def test_soft_onsets_keep_a_margin() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[4_000] = 0.5
    assert trimmed(samples, RATE).size == 2 * round(MARGIN_S * RATE) + 1


def test_quiet_audio_is_not_scaled_and_loud_audio_is() -> None:
    quiet = postprocess(np.full(RATE, 0.25, np.float32), RATE, pause_s=0)
    loud = postprocess(np.full(RATE, 2.0, np.float32), RATE, pause_s=0)
    assert quiet is not None
    assert loud is not None
    assert quiet.samples.max() == np.float32(0.25)
    assert loud.samples.max() == pytest.approx(PEAK)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_never_leave(bad: float) -> None:
    samples = np.full(RATE, 0.1, np.float32)
    samples[7] = bad
    with pytest.raises(UnavailableError, match="not numbers"):
        postprocess(samples, RATE, pause_s=0)


@given(SIGNALS)
def test_fading_leaves_the_middle_and_the_input_alone(samples: np.ndarray) -> None:
    before = samples.copy()
    out = faded(samples, RATE)
    edge = round(0.004 * RATE)
    assert np.array_equal(samples, before)
    assert np.array_equal(out[edge:-edge], samples[edge:-edge])
