"""Folders of audio to one array of samples with pitch beside it, and batches that are a function of the step alone.

`prepare` walks a folder, so any layout will do; bad files are listed in the report and never stop it. Each clip may be
kept a second time at another speed: pitch and formants move together, as those of another speaker would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.analysis.pitch import track_f0
from antiphon.audio import read, resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.neural.layout import CodecConfig
from antiphon.errors import AntiphonError, InputError, OutputError

CLIPS = "clips.json"
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
MIN_S = 0.5
SPEEDS = (0.84, 0.92, 1.0, 1.09, 1.19)
"""Of the copies; a clip's own speed comes first."""

SPEAKER_POWER = 0.85
"""0: all speakers are drawn equally often; 1: all seconds are."""


@dataclass(frozen=True, slots=True)
class Clips:
    """`samples [N * hop]` int16 of all clips, end to end; `pitch [2 N, 2]` is F0 (Hz) and voicing of half frames.

    `starts [clips + 1]` are the first frames of the clips and the end; `weights [clips]` how often each is drawn.
    """

    samples: npt.NDArray[np.int16]
    pitch: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    hop: int

    @property
    def seconds_of_frames(self) -> int:
        return int(self.starts[-1])


def prepare(folder: Path, out: Path, config: CodecConfig, *, copies: int, seed: int) -> dict[str, object]:
    """Write `samples.npy`, `pitch.npy`, `clips.json` into `out`; returns the report, which lists bad files.

    `clips.json` comes last and whole: where it is, the rest is. Raises `InputError` when no file can be used,
    `OutputError` when `out` cannot be written.
    """
    rng = np.random.default_rng(seed)
    parts: list[npt.NDArray[np.int16]] = []
    pitches: list[npt.NDArray[np.float32]] = []
    entries: list[dict[str, object]] = []
    bad: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        try:
            wave = read(path)
        except (AntiphonError, OSError) as error:
            bad.append(f"{path}: {error}")
            continue
        for signal in _versions(wave, config, copies, rng):
            frames = signal.shape[0] // config.hop
            pitch = track_f0(signal, config.rate_hz, config.hop // 2)
            parts.append(np.clip(np.rint(signal * 32_767), -32_768, 32_767).astype(np.int16))
            pitches.append(np.stack([pitch.f0_hz, pitch.voicing], axis=1))
            entries.append({"path": str(path.relative_to(folder)), "frames": frames})
    if not entries:
        raise InputError(f"{folder} holds no audio longer than {MIN_S} s", "Give a folder of wav or flac files.")
    report: dict[str, object] = {"hop": config.hop, "rate_hz": config.rate_hz, "clips": entries, "bad": bad}
    try:
        out.mkdir(parents=True, exist_ok=True)
        np.save(out / "samples.npy", np.concatenate(parts))
        np.save(out / "pitch.npy", np.concatenate(pitches))
        part = out / "clips.json.part"
        part.write_text(json.dumps(report))
        part.replace(out / CLIPS)
    except OSError as error:
        raise OutputError(
            f"Cannot write to {out}: {error.strerror or error}", "Free some space and try again."
        ) from error
    return report


def _versions(wave: Waveform, config: CodecConfig, copies: int, rng: np.random.Generator) -> Iterator[Samples]:
    mono = Waveform(wave.samples.mean(axis=0, keepdims=True), wave.rate_hz)
    others = [s for s in SPEEDS if s != 1.0]
    for speed in (1.0, *rng.permutation(others)[:copies]):
        # Declaring another rate before resampling plays it faster or slower.
        turned = Waveform(mono.samples, round(mono.rate_hz * float(speed)))
        signal = resample(turned, config.rate_hz).samples[0]
        peak = float(np.abs(signal).max(initial=0.0))
        if signal.shape[0] >= MIN_S * config.rate_hz and peak > 1e-3 and np.isfinite(signal).all():
            signal = signal[: signal.shape[0] // config.hop * config.hop]
            yield signal * np.float32(min(1.0, 0.98 / peak))


def load(folder: Path, config: CodecConfig) -> Clips:
    """What `prepare` wrote, memory-mapped. Raises `InputError` when it is missing or for another frame length."""
    try:
        report = json.loads((folder / CLIPS).read_text())
        samples, pitch = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("samples", "pitch"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared audio: {error}", "Prepare it again.") from error
    if (report["hop"], report["rate_hz"]) != (config.hop, config.rate_hz):
        raise InputError(f"{folder} was prepared for another frame length or rate", "Prepare it again.")
    frames = np.array([clip["frames"] for clip in report["clips"]], np.int64)
    starts = np.concatenate([[0], np.cumsum(frames)])
    if samples.shape[0] != starts[-1] * config.hop or pitch.shape[0] != 2 * starts[-1]:
        raise InputError(f"The files in {folder} do not belong together", "Prepare it again.")
    return Clips(samples, pitch, starts, _weights(report["clips"], frames), config.hop)


def _weights(clips: list[dict[str, str]], frames: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """By length, but a speaker (folder) with much audio is held down: its share grows with a power of it."""
    speakers = [Path(clip["path"]).parent.as_posix() for clip in clips]
    totals: dict[str, float] = {}
    for speaker, count in zip(speakers, frames, strict=True):
        totals[speaker] = totals.get(speaker, 0.0) + float(count)
    weights = np.array([n / totals[s] ** (1.0 - SPEAKER_POWER) for s, n in zip(speakers, frames, strict=True)])
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True, slots=True)
class Batch:
    """`audio [B, T * hop]`, `f0_hz` and `voicing [B, 2 T]`."""

    audio: Samples
    f0_hz: Samples
    voicing: Samples

    def rows(self, chosen: slice) -> Batch:
        return Batch(self.audio[chosen], self.f0_hz[chosen], self.voicing[chosen])


def batch(clips: Clips, step: int, *, size: int, frames: int, seed: int) -> Batch:
    """The batch of one step, always the same for a seed: nothing has to be stored to resume."""
    rng = np.random.default_rng([seed, step])
    chosen = rng.choice(clips.weights.shape[0], size=size, p=clips.weights)
    gains = np.exp(rng.uniform(np.log(0.25), np.log(1.25), size)).astype(np.float32)
    audio = np.zeros((size, frames * clips.hop), np.float32)
    pitch = np.zeros((size, 2 * frames, 2), np.float32)
    pitch[..., 0] = 150.0
    for row, clip in enumerate(chosen):
        first, last = int(clips.starts[clip]), int(clips.starts[clip + 1])
        start = first + int(rng.integers(0, max(1, last - first - frames + 1)))
        end = min(start + frames, last)
        piece = clips.samples[start * clips.hop : end * clips.hop].astype(np.float32) / 32_768
        # Never louder than full scale.
        audio[row, : piece.shape[0]] = piece * min(gains[row], 0.98 / max(float(np.abs(piece).max()), 1e-3))
        pitch[row, : 2 * (end - start)] = clips.pitch[2 * start : 2 * end]
    return Batch(audio, pitch[..., 0], pitch[..., 1])
