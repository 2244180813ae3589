"""The chip's registers: an immutable builder that writes them, their canonical form, and a view for people.

    song = Registers.silent(120).pulse(0, 0, midi=[69.0] * 60, volume=12, duty=0.25).drum(0, "kick").grid()

Times are frames of 1/60 s (`frames_of`), pitches are MIDI numbers (69 = A4 = 440 Hz, fractions are microtones),
volumes 0..15 (0 = silent), pans 0 (left) to 4 (right). The tokens behind them are described in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.codecs.chip import layout as lay

Curve = npt.ArrayLike  # one number for all frames, or [frames]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def frames_of(seconds: float) -> int:
    """Whole frames nearest to `seconds`."""
    return round(seconds * lay.FRAME_RATE_HZ)


def pitch_tokens(midi: Curve) -> Tokens:
    """Pitch tokens nearest to MIDI numbers, clamped to the chip's range (24 to 119.875); 0 (off) for NaN."""
    wanted = np.asarray(midi, dtype=np.float64)
    steps = np.rint((np.nan_to_num(wanted, nan=lay.LOWEST_MIDI) - lay.LOWEST_MIDI) * lay.STEPS_PER_SEMITONE)
    tokens = 1 + np.clip(steps, 0, lay.PITCHES - 1)
    return np.asarray(np.where(np.isnan(wanted), 0, tokens), dtype=np.uint16)


def pitch_midi(tokens: npt.ArrayLike) -> Floats:
    """MIDI numbers of pitch tokens; NaN where the token is 0."""
    steps = np.asarray(tokens, dtype=np.float64) - 1
    return np.where(steps < 0, np.nan, lay.LOWEST_MIDI + steps / lay.STEPS_PER_SEMITONE)


def canonical(grid: TokenGrid) -> TokenGrid:
    """The one grid among all that sound the same: a channel that is silent in a frame has both its tokens 0."""
    tokens = grid.tokens.reshape(len(lay.CHANNELS), 2, grid.frames)
    sounding = np.all(tokens > 0, axis=1, keepdims=True)
    return TokenGrid((tokens * sounding).reshape(grid.tokens.shape), grid.codec, grid.frame_rate_hz)


@dataclass(frozen=True, slots=True)
class Registers:
    """A grid under construction. Every method returns new registers; what it writes replaces what stood there.

    `start` is the first frame written. Curves may be scalars or arrays; all arrays of one call have the same length,
    which is the number of frames written (with scalars only: `frames`, else to the end). What falls beyond the last
    frame is dropped. Frames with volume 0 or a NaN pitch are silent. Raises `ValueError` for values out of range.
    """

    tokens: Tokens  # [10, T]

    @classmethod
    def silent(cls, frames: int) -> Registers:
        return cls(np.zeros((len(lay.VOCABULARY), frames), dtype=np.uint16))

    @property
    def frames(self) -> int:
        return int(self.tokens.shape[1])

    def pulse(
        self,
        index: int,
        start: int,
        *,
        midi: Curve,
        volume: Curve,
        duty: Curve = 0.5,
        pan: Curve = lay.CENTRE,
        frames: int | None = None,
    ) -> Registers:
        """Write pulse wave `index` (0 or 1). `duty` is one of 0.125, 0.25, 0.5, 0.75."""
        if not 0 <= index < lay.PULSES:
            raise ValueError(f"pulse is 0 or 1, got {index}")
        shape = np.asarray(duty, dtype=np.float64)
        if not np.all(np.isin(shape, lay.DUTIES)):
            raise ValueError(f"duty is one of {lay.DUTIES}, got {shape}")
        loud, side = _whole("volume", volume, 0, lay.VOLUMES), _whole("pan", pan, 0, lay.PANS - 1)
        how = 1 + ((loud - 1) * len(lay.DUTIES) + np.searchsorted(lay.DUTIES, shape)) * lay.PANS + side
        return self._write(index, start, pitch_tokens(midi), np.where(loud > 0, how, 0), frames)

    def triangle(
        self, start: int, *, midi: Curve, volume: Curve, pan: Curve = lay.CENTRE, frames: int | None = None
    ) -> Registers:
        """Write the triangle wave."""
        return self._write(lay.TRIANGLE, start, pitch_tokens(midi), _level(volume, pan), frames)

    def noise(
        self,
        start: int,
        *,
        period: Curve,
        volume: Curve,
        short: Curve = False,
        pan: Curve = lay.CENTRE,
        frames: int | None = None,
    ) -> Registers:
        """Write the noise. `period` is 0 (brightest) to 15; `short` repeats every 93 steps and sounds metallic."""
        step = _whole("period", period, 0, len(lay.NOISE_DIVIDERS) - 1)
        what = 1 + len(lay.NOISE_DIVIDERS) * _whole("short", short, 0, 1) + step
        return self._write(lay.NOISE, start, what, _level(volume, pan), frames)

    def drum(self, start: int, name: str, *, volume: int = 15, tuning: int = 0, pan: int = lay.CENTRE) -> Registers:
        """Strike a drum of `layout.DRUMS` in frame `start`, tuned by -8..7 semitones."""
        if name not in lay.DRUMS:
            raise ValueError(f"drum is one of {lay.DRUMS}, got {name}")
        offset = _whole("tuning", tuning, lay.LOWEST_TUNING, lay.LOWEST_TUNING + lay.TUNINGS - 1) - lay.LOWEST_TUNING
        what = 1 + lay.DRUMS.index(name) * lay.TUNINGS + offset
        return self._write(lay.SAMPLE, start, what, _level(volume, pan), 1)

    def grid(self) -> TokenGrid:
        """The canonical grid."""
        return canonical(TokenGrid(self.tokens, lay.CODEC, lay.FRAME_RATE_HZ))

    def _write(
        self, channel: int, start: int, what: npt.ArrayLike, how: npt.ArrayLike, frames: int | None
    ) -> Registers:
        if start < 0:
            raise ValueError(f"start is a frame, 0 or more, got {start}")
        pair = np.stack(np.broadcast_arrays(np.atleast_1d(what), np.atleast_1d(how))).astype(np.uint16)
        if np.ndim(what) == 0 and np.ndim(how) == 0:
            pair = np.broadcast_to(pair, (2, self.frames if frames is None else frames))
        tokens = self.tokens.copy()
        end = min(start + pair.shape[1], self.frames)
        tokens[2 * channel : 2 * channel + 2, start:end] = pair[:, : max(end - start, 0)]
        return Registers(tokens)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel frame by frame, for pictures. Silent frames have volume 0 and NaN elsewhere; arrays are [frames].

    `pitch` is a MIDI number (pulses, triangle), a period 0..15 (noise) or a tuning in semitones (sample); `kind` is
    the duty 0.125..0.75 (pulses), 1 for short noise, or an index of `layout.DRUMS` (sample), and 0 for the triangle.
    """

    channel: str
    pitch: Floats
    volume: Floats
    kind: Floats
    pan: Floats


def rows(grid: TokenGrid) -> tuple[Row, ...]:
    """The five channels of `grid` in the order of `layout.CHANNELS`."""
    tokens = canonical(grid).tokens.astype(np.int64)
    return tuple(_row(channel, tokens[2 * channel], tokens[2 * channel + 1]) for channel in range(len(lay.CHANNELS)))


def _row(channel: int, what: Ints, how: Ints) -> Row:
    shapes = len(lay.DUTIES) if channel < lay.PULSES else 1
    shaped, pan = np.divmod(how - 1, lay.PANS)
    volume, shape = np.divmod(shaped, shapes)
    pitch, kind = pitch_midi(what), np.zeros(len(what))
    if channel < lay.PULSES:
        kind = np.asarray(lay.DUTIES)[shape]
    elif channel == lay.NOISE:
        kind, pitch = (part.astype(np.float64) for part in np.divmod(what - 1, len(lay.NOISE_DIVIDERS)))
    elif channel == lay.SAMPLE:
        kind, pitch = (part.astype(np.float64) for part in np.divmod(what - 1, lay.TUNINGS))
        pitch = pitch + lay.LOWEST_TUNING
    on = what > 0
    hidden = (np.where(on, values, np.nan) for values in (pitch, kind, pan))
    seen_pitch, seen_kind, seen_pan = hidden
    return Row(lay.CHANNELS[channel], seen_pitch, np.where(on, volume + 1.0, 0.0), seen_kind, seen_pan)


def _level(volume: Curve, pan: Curve) -> Ints:
    loud, side = _whole("volume", volume, 0, lay.VOLUMES), _whole("pan", pan, 0, lay.PANS - 1)
    return np.where(loud > 0, 1 + (loud - 1) * lay.PANS + side, 0)


def _whole(name: str, values: Curve, low: int, high: int) -> Ints:
    """`values` rounded to integers, all within `low`..`high`."""
    numbers = np.rint(np.asarray(values, dtype=np.float64))
    if numbers.size and not (numbers.min() >= low and numbers.max() <= high):
        raise ValueError(f"{name} is {low} to {high}, got {numbers.min():g} to {numbers.max():g}")
    return numbers.astype(np.int64)
