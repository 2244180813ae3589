"""Audio to registers: exactly, frame by frame, as long as it is the chip's own; by transcription from there on."""

from __future__ import annotations

from typing import Final

import numpy as np

from antiphon.audio import Waveform, resample
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.gain import possible_gains
from antiphon.codecs.chip.search import ROUNDING, find_frame
from antiphon.codecs.chip.synth import State, render
from antiphon.codecs.chip.tables import Floats32
from antiphon.codecs.chip.transcription import transcribe
from antiphon.errors import InputError

_TRIAL_FRAMES: Final = 40  # in which a wrong gain shows
_COMPUTED: Final = 2.0**-22
_FEW_GAINS: Final = 3  # that may take the time of a thorough search
_GAIN_SLACK: Final = 1.5  # of the rounding, for a gain that is itself measured


def encode(wave: Waveform) -> Tokens:
    """[10, T] canonical tokens of a waveform of any rate and number of channels.

    Of the chip's own sound, also at another loudness and through 16-bit files, they are those it was made from. Raises
    `InputError` for audio that is empty or not finite.
    """
    samples = _stereo(wave)
    own = _exact(samples)
    if not own.any():
        own = _scaled(samples, own.shape[1])
    rest = samples[:, own.shape[1] * lay.FRAME_SAMPLES :]
    return np.concatenate([own, transcribe(rest)], axis=1) if rest.shape[1] else own


def _stereo(wave: Waveform) -> Floats32:
    """[2, samples] at the chip's rate: one channel goes to both ears, more than two are averaged."""
    if not wave.samples.size:
        raise InputError("The audio to encode is empty", "Give at least one sample.")
    if not np.isfinite(wave.samples).all():
        raise InputError("The audio to encode has values that are not numbers", "Decode the file again.")
    samples = resample(Waveform(np.clip(wave.samples, -1.0, 1.0), wave.rate_hz), lay.RATE_HZ).samples
    return samples if len(samples) == 2 else np.repeat(samples.mean(axis=0, keepdims=True), 2, axis=0)


def _exact(samples: Floats32, gain: float = 1.0, *, thorough: bool = True) -> Tokens:
    """[10, n] tokens of the frames from the start that are the chip's own, `gain` times as loud."""
    state, found = State(), []
    rounding = _rounding(samples) if gain == 1.0 else ROUNDING * _GAIN_SLACK / gain
    for start in range(0, samples.shape[1] - lay.FRAME_SAMPLES + 1, lay.FRAME_SAMPLES):
        frame = samples[:, start : start + lay.FRAME_SAMPLES] / np.float32(gain)
        tokens = find_frame(state, frame, rounding, thorough=thorough)
        if tokens is None:
            break
        found.append(tokens)
        state = render(state, tokens[:, None])[1]
    return np.stack(found, axis=1) if found else np.zeros((len(lay.VOCABULARY), 0), dtype=np.uint16)


def _rounding(samples: Floats32) -> float:
    """How far samples can be from what was played: all on the grid of 16 bits, or as they were computed."""
    grid = samples * np.float32(32768.0)
    return ROUNDING if np.array_equal(grid, np.rint(grid)) else _COMPUTED


def _scaled(samples: Floats32, silent: int) -> Tokens:
    """[10, n] tokens of the frames that are the chip's own at some gain, after `silent` frames of silence."""
    begin, width = silent * lay.FRAME_SAMPLES, lay.FRAME_SAMPLES
    first = samples[:, begin : begin + width]
    trial = samples[:, : begin + _TRIAL_FRAMES * width]
    best = np.zeros((len(lay.VOCABULARY), silent), dtype=np.uint16)
    if first.shape[1] == width:
        gains = possible_gains(first)
        for gain in gains:
            best = max(best, _exact(trial, gain, thorough=len(gains) <= _FEW_GAINS), key=lambda tokens: tokens.shape[1])
    if not best.any():
        return best
    played = render(State(), best)[0].astype(np.float64)
    gain = float((samples[:, : played.shape[1]] * played).sum() / (played**2).sum())
    return max(best, _exact(samples, gain), key=lambda tokens: tokens.shape[1])
