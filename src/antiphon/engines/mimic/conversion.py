"""Voice to voice: the words, timing and melody of a recording, in another voice.

The words are recognised and read anew, so that content is as clean as from text; then content and energy are moved to
where the recording has them (by the recogniser's own features), and pitch is the recording's, in the other's range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from antiphon.analysis.activity import Mask, active_frames, levels_db
from antiphon.analysis.features import mono_16k
from antiphon.analysis.pitch import pitch
from antiphon.analysis.recogniser import Recogniser
from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.mimic.alignment import align
from antiphon.engines.mimic.rendering import moved, render
from antiphon.engines.mimic.split_model import FRAME_S, RATE_HZ, VOICED_HZ, AcousticFeatures, SplitModel
from antiphon.engines.mimic.voice_parameters import RANGE, USUAL_SPREAD, VoiceParameters
from antiphon.engines.postprocessing import PEAK
from antiphon.errors import InputError

_FEATURE_S = 0.02
_PATH_S = 0.4  # the alignment is smoothed: its jitter would be heard, its drift is not
_MELODY_S = 0.11  # the encoder's melodies are smooth, and the decoder knows no others
_LEVEL_S = 0.3  # the loudness follows the recording's no faster than this
_FLOOR_DB = -50.0
_PAUSE_DEPTH_DB = 30.0
_PAUSE_DB = 25.0  # quieter in the recording's pauses; never digital silence, which sounds like a fault
_MOST_GAIN_DB = 9.0
_MUTE_S = 0.55  # of silence around what the encoder makes


def convert(
    speech: Waveform,
    parameters: VoiceParameters,
    model: SplitModel,
    recogniser: Recogniser,
    mix: Mapping[str, float],
    manner: Mapping[str, float],
    *,
    british: bool,
) -> Waveform:
    """Mono at 24 kHz, as long as `speech`. Raises `InputError` where no words can be recognised."""
    source = mono_16k(speech)
    words = recogniser.transcribe([source])[0].text
    readings = [phonemes for phonemes, _ in english.readings(words, british=british)] if words else []
    if not readings:
        raise InputError(
            "No English words can be heard in the recording", "Give clear speech of one person, without music."
        )
    speed = _speed(source, [model.encode(phonemes, manner, 1.0) for phonemes in readings])
    features = joined([model.encode(phonemes, manner, speed) for phonemes in readings])
    decoded = model.decode(features, manner)

    def spread(own: float) -> float:
        return float(np.clip(parameters.pitch_range * USUAL_SPREAD / max(own, 0.02), *RANGE))

    followed = follow(source, features, decoded, recogniser, spread=spread)
    samples = render(model, parameters, moved(followed, parameters.pitch_hz, 1.0), mix)
    count = round(speech.duration_s * RATE_HZ)
    samples = np.pad(samples[:count], (0, max(0, count - samples.shape[0])))
    shaped = levelled(samples, source, RATE_HZ)
    return Waveform((shaped * min(1.0, PEAK / (float(np.abs(shaped).max()) + 1e-9))).astype(np.float32)[None], RATE_HZ)


def _speed(source: Samples, parts: Sequence[AcousticFeatures]) -> float:
    """How much faster than the encoder the recording speaks, its pauses left out."""
    wanted_s = float(active_frames(source).sum()) * 0.01
    own_s = sum(features.seconds - _MUTE_S for features in parts)
    return float(np.clip(own_s / max(wanted_s, 0.3), 0.5, 2.0))


def follow(
    source: Samples,
    features: AcousticFeatures,
    decoded: Samples,
    recogniser: Recogniser,
    *,
    spread: Callable[[float], float],
) -> AcousticFeatures:
    """`features`, whose sound is `decoded` (24 kHz), moved to the timing and melody of `source` (mono 16 kHz).

    `spread` gives the factor for the melody's intervals from their own spread in octaves.
    """
    frames = int(np.ceil(source.shape[0] / 16_000 / FRAME_S))
    sounding = _sounding(source)
    heard, said = recogniser.encode(source), recogniser.encode(mono_16k(Waveform(decoded[None], RATE_HZ)))
    count = min(heard.shape[0], sounding.shape[0])
    path = _evened(align(heard[:count], said, sounding[:count]), sounding[:count]) * _FEATURE_S  # seconds
    half_frames = 2 * frames
    at_s = np.interp((np.arange(half_frames) + 0.5) * FRAME_S / 2, (np.arange(count) + 0.5) * _FEATURE_S, path + 0.01)
    quiet = ~_held(sounding, half_frames)
    columns = np.minimum((at_s[::2] / FRAME_S).astype(int), features.content.shape[1] - 1)
    finer = np.minimum((at_s / (FRAME_S / 2)).astype(int), features.energy.shape[0] - 1)
    # What the encoder begins with is silence: pauses are made of it, not of a sound that is held.
    columns[quiet[::2]], finer[quiet] = 0, 0
    voiced = features.pitch_hz[finer] > VOICED_HZ
    return replace(
        features,
        content=features.content[:, columns],
        pitch_hz=np.where(voiced, _melody(source, half_frames, spread), 0.0).astype(np.float32),
        energy=features.energy[finer],
    )


def joined(parts: Sequence[AcousticFeatures]) -> AcousticFeatures:
    """Features of several texts one after the other, as one."""
    return AcousticFeatures(
        np.concatenate([features.content for features in parts], axis=1),
        np.concatenate([features.pitch_hz for features in parts]),
        np.concatenate([features.energy for features in parts]),
        max(features.row for features in parts),
    )


def levelled(samples: Samples, source: Samples, rate_hz: int) -> Samples:
    """`samples [T]` with the slow course of the loudness of `source` (mono 16 kHz), and silent in its pauses."""
    own = levels_db(mono_16k(Waveform(samples[None], rate_hz)))
    wanted = levels_db(source)
    count = min(own.shape[0], wanted.shape[0])
    difference = np.maximum(wanted[:count], _FLOOR_DB) - np.maximum(own[:count], _FLOOR_DB)
    active = active_frames(source)[:count]
    gains = _smooth(difference - np.median(difference[active]), _LEVEL_S / 0.01)
    gains = np.clip(gains, -_MOST_GAIN_DB, _MOST_GAIN_DB) - _PAUSE_DB * (1 - _smooth(_widened(active), 5))
    at = np.arange(samples.shape[0]) / rate_hz
    return np.asarray(samples * 10 ** (np.interp(at, (np.arange(count) + 0.5) * 0.01, gains) / 20), np.float32)


def _melody(source: Samples, count: int, spread: Callable[[float], float]) -> Samples:
    """Hz `[count]` without gaps: the recording's pitch, its intervals scaled by `spread` of their own spread."""
    track = pitch(source, hop_s=FRAME_S / 2)[:count]
    track = np.pad(track, (0, count - track.shape[0]))
    voiced = np.flatnonzero(track > 0)
    if voiced.size < 8:
        return np.full(count, 150.0, np.float32)
    octaves = np.log2(track[voiced])
    low, middle, high = np.percentile(octaves, [25, 50, 75])
    octaves = np.clip(octaves, middle - 1.0, middle + 1.0)
    scaled = middle + spread(float(high - low) / 1.349) * (octaves - middle)
    return np.asarray(2 ** _smooth(np.interp(np.arange(count), voiced, scaled), _MELODY_S / FRAME_S * 2), np.float32)


def _evened(path: npt.NDArray[np.intp], sounding: Mask) -> Samples:
    """The path without its jitter: smoothed within each stretch of speech, going on straight at its ends."""
    out = path.astype(np.float32)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sounding.astype(np.int8), [0]])))
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        width = min(round(_PATH_S / _FEATURE_S), stop - start - 1) // 2 * 2 + 1
        if width >= 3:
            window = np.hanning(width + 2)[1:-1]
            straight = np.pad(out[start:stop], width // 2, mode="reflect", reflect_type="odd")
            out[start:stop] = np.convolve(straight, window / window.sum(), mode="valid")
    return np.maximum(out, 0.0)


def _sounding(source: Samples) -> Mask:
    """Which 20 ms frames are not pauses; gaps shorter than 100 ms are stops, not pauses."""
    levels = _smooth(np.maximum(levels_db(source), -70.0), 5)
    loud, quiet = np.percentile(levels, [90, 5])
    active = _closed(levels > max(loud - _PAUSE_DEPTH_DB, min(quiet + 6.0, loud - 15.0)))
    if active.shape[0] % 2:
        active = np.append(active, active[-1])
    return np.asarray(active.reshape(-1, 2).any(axis=1))


def _closed(active: Mask) -> Mask:
    """Pauses shorter than 100 ms filled."""
    kernel = np.ones(11)
    wide = np.convolve(active, kernel, mode="same") > 0
    return np.asarray(~(np.convolve(~wide, kernel, mode="same") > 0) | active)


def _widened(active: Mask) -> Mask:
    return np.asarray(np.convolve(active, np.ones(9), mode="same") > 0)


def _held(sounding: Mask, count: int) -> Mask:
    at = np.minimum((np.arange(count) * FRAME_S / 2 / _FEATURE_S).astype(int), sounding.shape[0] - 1)
    return np.asarray(sounding[at])


def _smooth(values: npt.ArrayLike, frames: float) -> Samples:
    """`values [N]` under a Hann window of so many frames."""
    width = max(3, round(frames) | 1)
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(np.asarray(values, np.float32), width // 2, mode="edge")
    return np.asarray(np.convolve(padded, window / window.sum(), mode="valid"), np.float32)
