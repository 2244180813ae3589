"""Audio to registers: exactly, frame by frame, as long as it is the chip's own; by transcription from there on."""

from __future__ import annotations

import numpy as np

from antiphon.audio import Waveform, resample
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.search import find_frame
from antiphon.codecs.chip.synth import State, render
from antiphon.codecs.chip.tables import Floats32
from antiphon.codecs.chip.transcription import transcribe
from antiphon.errors import InputError


def encode(wave: Waveform) -> Tokens:
    """[10, T] canonical tokens of a waveform of any rate and number of channels.

    Of the chip's own sound, also through 16-bit files, they are those it was made from. Raises `InputError` for audio
    that is empty or not finite.
    """
    samples = _stereo(wave)
    own = _exact(samples)
    rest = samples[:, own.shape[1] * lay.FRAME_SAMPLES :]
    return np.concatenate([own, transcribe(rest)], axis=1) if rest.shape[1] else own


def _stereo(wave: Waveform) -> Floats32:
    """[2, samples] at the chip's rate: one channel goes to both ears, more than two are averaged."""
    if not wave.samples.size:
        raise InputError("The audio to encode is empty", "Give at least one sample.")
    if not np.isfinite(wave.samples).all():
        raise InputError("The audio to encode has values that are not numbers", "Decode the file again.")
    samples = resample(wave, lay.RATE_HZ).samples
    return samples if len(samples) == 2 else np.repeat(samples.mean(axis=0, keepdims=True), 2, axis=0)


def _exact(samples: Floats32) -> Tokens:
    """[10, n] tokens of the frames from the start that are the chip's own."""
    state, found = State(), []
    for start in range(0, samples.shape[1] - lay.FRAME_SAMPLES + 1, lay.FRAME_SAMPLES):
        frame = samples[:, start : start + lay.FRAME_SAMPLES]
        tokens = find_frame(state, frame)
        if tokens is None:
            break
        found.append(tokens)
        state = render(state, tokens[:, None])[1]
    return np.stack(found, axis=1) if found else np.zeros((len(lay.VOCABULARY), 0), dtype=np.uint16)
