"""More voices for the generator than there are: recorded people of Debian's packages, and changed copies.

    python scripts/voice_data.py recorded --out data        # all sources; or --sources tuxpaint festvox-ru
    python scripts/voice_data.py varied --out data          # needs pyworld==0.3.5 and "setuptools<81"

`recorded` fetches the packages of `voice_sources.py` (no root needed), cleans what they hold, and writes it as 16 kHz
WAV with texts, licences, and a report of what was left out and why. Speakers of `voice_test_speakers.txt` are kept
apart. `varied` writes copies of clips of `data/train` as further speakers: pitch, its range and formants are changed
by WORLD (Morise et al. 2016) or by resampling, then the recording is changed: equaliser, band limits, a small room,
noise. All clips of one changed speaker are changed alike, so that a prompt tells how the rest must sound. The layout is
that of `codec_data.py`. The same command again goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from codec_data import RATE_HZ, _write
from scipy import signal
from voice_sources import SOURCES, fetch

from antiphon.audio import read, resample
from antiphon.audio.waveform import Waveform
from antiphon.errors import AntiphonError, InputError
from antiphon.soundstorm.data.manifest import COPY

Floats = npt.NDArray[np.float64]

TEST_SPEAKERS = Path(__file__).with_name("voice_test_speakers.txt")
QUIET = 1e-3
SHORTEST_S, LONGEST_S = 0.4, 30.0
FRAME = RATE_HZ // 50
TRIM_DB = 40.0
"""Below the loudest 20 ms: silence, and cut from both ends but for `MARGIN_S`."""
MARGIN_S = 0.1
CLIPPED = 1e-3
"""Share of samples that lie in runs of three and more at full scale: more is distortion that is heard."""
STEADY_DB = 12.0
"""Between the loudest and the softest tenth of a second's frames: speech has pauses, music beneath it fills them."""
VOICED = 0.15
"""Share of loud frames with a pitch of 60 to 500 Hz: knocks, water and explosions have fewer."""
VOICE_S = 90.0
"""How much of a speaker becomes one changed speaker: one who spoke for half an hour becomes twenty."""

COPIES = {"hibari": 1, "kokoro": 2, "recorded": 2, "few": 5}
FEW_S = 400.0
"""Recorded speakers with less than this are copied more often: there are many of them and they spoke little."""


def recorded(out: Path, packages: Path, names: list[str]) -> dict[str, dict[str, object]]:
    """Fetch, clean and write sources; returns, by source, minutes, speakers, languages and what was left out."""
    out.mkdir(parents=True, exist_ok=True)
    parts, report = test_speakers(TEST_SPEAKERS), {}
    for name in names:
        root = fetch(name, packages)
        done = written(out)
        dropped = _dropped(out, name)
        for clip in SOURCES[name].read(root):
            key = f"{clip.speaker}/{clip.name}"
            part = parts.get(clip.speaker, "train")
            if f"{part}/{key}.wav" in done or key in dropped:
                continue
            samples, reason = cleaned(*_read(clip.file))
            if reason:
                dropped[key] = reason
                continue
            about = {"language": clip.language, "licence": SOURCES[name].licence, "source": name}
            _write(out, part, clip.speaker, clip.name, samples, clip.text, **about)
        _licences(root, out / "licences")
        _save(out / "dropped" / f"{name}.json", dropped)
        report[name] = _summary(written(out), name, dropped)
        print(f"{name}: {json.dumps(report[name])}", flush=True)
        if not report[name]["clips"]:
            raise InputError(f"Source {name} holds no speech", "Its package changed its layout: see voice_sources.py.")
    return report


def test_speakers(path: Path) -> dict[str, str]:
    """Part by speaker, of those who are not trained on."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    wrong = [row for row in rows if len(row) != 2 or row[0] not in {"valid", "heldout"}]
    if wrong or len({row[1] for row in rows}) != len(rows):
        raise InputError(f"{path.name} is not clear: {wrong or 'a speaker stands twice'}", "A line is `PART SPEAKER`.")
    return {speaker: part for part, speaker in rows}


def written(out: Path) -> dict[str, dict[str, Any]]:
    """Lines of the manifest by path, of files that are there; a line that a killed run tore is dropped for good."""
    path = out / "manifest.jsonl"
    if not path.is_file():
        return {}
    entries: dict[str, dict[str, Any]] = {}
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if (out / entry["path"]).is_file():
            entries[entry["path"]] = entry
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries.values())
    if lines != path.read_text():
        _replace(path, lines)
    return entries


def cleaned(samples: npt.NDArray[np.float32], rate_hz: int) -> tuple[npt.NDArray[np.float32], str]:
    """Speech at 16 kHz, even in loudness, without silence at its ends, `[samples]`; or why it is not used."""
    if not samples.size or not np.isfinite(samples).all():
        return samples, "empty or not finite"
    if clipped(samples) > CLIPPED:
        return samples, "clipped"
    wave = resample(Waveform(samples[None], rate_hz), RATE_HZ).samples[0]
    frames = wave[: wave.shape[0] // FRAME * FRAME].reshape(-1, FRAME)
    level = np.sqrt((frames**2).mean(axis=1)) if frames.size else np.zeros(1)
    if level.max() < QUIET:
        return wave, "silent"
    loud = np.flatnonzero(level > level.max() * 10 ** (-TRIM_DB / 20))
    margin = round(MARGIN_S * RATE_HZ)
    begin, end = max(0, loud[0] * FRAME - margin), min(wave.shape[0], (loud[-1] + 1) * FRAME + margin)
    kept, inside = wave[begin:end], level[loud[0] : loud[-1] + 1]
    seconds = kept.shape[0] / RATE_HZ
    if not SHORTEST_S <= seconds <= LONGEST_S:
        return kept, "too short" if seconds < SHORTEST_S else "too long"
    low, high = np.quantile(np.maximum(inside, 1e-6), (0.1, 0.9))
    if seconds >= 1.0 and 20 * np.log10(high / low) < STEADY_DB:
        return kept, "steady, as music or noise is"
    if voiced(frames[level > 0.3 * level.max()]) < VOICED:
        return kept, "without pitch, as effects are"
    kept = kept * (0.1 / float(np.sqrt(np.mean(kept**2))))
    return np.asarray(kept * min(1.0, 0.98 / float(np.abs(kept).max())), np.float32), ""


def clipped(samples: npt.NDArray[np.float32]) -> float:
    """Share of samples in runs of three and more at full scale."""
    full = np.abs(samples) >= 0.999
    return float((full[:-2] & full[1:-1] & full[2:]).mean()) if samples.size > 2 else 0.0


def voiced(frames: npt.NDArray[np.float32]) -> float:
    """Share of 20 ms frames, `[n, samples]`, whose normalised autocorrelation passes 0.5 between 60 and 500 Hz."""
    if not frames.size:
        return 0.0
    size = 2 * FRAME
    spectrum = np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), size)
    lags = np.fft.irfft(np.abs(spectrum) ** 2, size)[:, :FRAME]
    lags /= np.maximum(lags[:, :1], 1e-9) * (1 - np.arange(FRAME) / FRAME)  # fewer products at longer lags
    return float((lags[:, RATE_HZ // 500 : RATE_HZ // 60].max(axis=1) > 0.5).mean())


def _read(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    form = {"format": "RAW", "subtype": "GSM610", "samplerate": 8_000, "channels": 1} if path.suffix == ".gsm" else {}
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True, **form)
    except soundfile.LibsndfileError:
        return np.zeros(0, np.float32), RATE_HZ
    return samples.mean(axis=1), rate_hz


def _licences(root: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for path in root.glob("usr/share/doc/*/copyright"):
        shutil.copyfile(path, folder / f"{path.parent.name}.txt")


def _dropped(out: Path, name: str) -> dict[str, str]:
    path = out / "dropped" / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def _save(path: Path, dropped: dict[str, str]) -> None:
    path.parent.mkdir(exist_ok=True)
    _replace(path, json.dumps(dropped, indent=1, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _summary(entries: dict[str, dict[str, Any]], name: str, dropped: dict[str, str]) -> dict[str, Any]:
    own = [entry for entry in entries.values() if entry.get("source") == name]
    minutes = {
        part: round(sum(e["seconds"] for e in own if e["part"] == part) / 60, 1)
        for part in ("train", "valid", "heldout")
    }
    return {
        "clips": len(own),
        "minutes": minutes,
        "speakers": len({entry["speaker"] for entry in own}),
        "languages": sorted({entry["language"] for entry in own}),
        "with_text": sum(bool(entry["text"]) for entry in own),
        "dropped": dict(Counter(dropped.values())),
    }


@dataclass(frozen=True, slots=True)
class Change:
    """How one changed speaker differs from whom it was made of."""

    pitch: float  # factor of the fundamental frequency
    spread: float  # factor of its range, in octaves around its median
    formants: float  # factor of the frequencies of the spectral envelope
    seed: int  # of the recording

    @classmethod
    def drawn(cls, rng: random.Random) -> Change:
        return cls(
            math.exp(rng.uniform(math.log(0.72), math.log(1.4))),
            rng.uniform(0.75, 1.35),
            math.exp(rng.uniform(math.log(0.84), math.log(1.2))),
            rng.randrange(2**31),
        )

    def __call__(self, samples: npt.NDArray[np.float32], *, resampling: bool) -> npt.NDArray[np.float32]:
        if resampling:
            rate = round(RATE_HZ * self.formants)
            voice = resample(Waveform(samples[None], rate), RATE_HZ).samples[0].astype(np.float64)
        else:
            voice = self._by_world(samples.astype(np.float64))
        made = _recorded_elsewhere(voice, np.random.default_rng(self.seed))
        return np.asarray(made * min(1.0, 0.98 / max(1e-9, float(np.abs(made).max()))), np.float32)

    def _by_world(self, samples: Floats) -> Floats:
        import pyworld

        rough, times = pyworld.dio(samples, RATE_HZ)
        pitch = pyworld.stonemask(samples, rough, times, RATE_HZ)
        envelope = pyworld.cheaptrick(samples, pitch, times, RATE_HZ)
        noise = pyworld.d4c(samples, pitch, times, RATE_HZ)
        voiced = pitch > 0
        if voiced.any():
            middle = float(np.median(pitch[voiced]))
            pitch[voiced] = np.clip(self.pitch * middle * (pitch[voiced] / middle) ** self.spread, 60.0, 600.0)
        bins = np.minimum(np.arange(envelope.shape[1]) / self.formants, envelope.shape[1] - 1)
        low = bins.astype(int)
        high, share = np.minimum(low + 1, envelope.shape[1] - 1), bins - low
        warped = np.exp((1 - share) * np.log(envelope[:, low]) + share * np.log(envelope[:, high]))
        return np.asarray(pyworld.synthesize(pitch, np.ascontiguousarray(warped), noise, RATE_HZ), np.float64)


def _recorded_elsewhere(voice: Floats, rng: np.random.Generator) -> Floats:
    """As another microphone in another room would have it; a third is left alone."""
    if rng.random() < 0.33:
        return voice
    for _ in range(3):
        voice = _peak(voice, math.exp(rng.uniform(math.log(120), math.log(7_000))), rng.normal(0, 4.0))
    if rng.random() < 0.3:
        voice = signal.sosfilt(signal.butter(2, rng.uniform(70, 250), "high", fs=RATE_HZ, output="sos"), voice)
    if rng.random() < 0.3:
        voice = signal.sosfilt(signal.butter(4, rng.uniform(3_400, 7_500), "low", fs=RATE_HZ, output="sos"), voice)
    if rng.random() < 0.25:
        decay_s = rng.uniform(0.06, 0.3)
        length = round(decay_s * RATE_HZ)
        room = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
        room *= 10 ** (-rng.uniform(8, 20) / 20) / max(1e-9, float(np.sqrt((room**2).sum())))
        room[0] += 1.0
        voice = signal.fftconvolve(voice, room)[: voice.shape[0]]
    if rng.random() < 0.2:
        loud = float(np.sqrt(np.mean(voice**2)))
        hiss = signal.lfilter([1.0], [1.0, -rng.uniform(0, 0.95)], rng.standard_normal(voice.shape[0]))
        voice = voice + hiss * (loud * 10 ** (-rng.uniform(28, 45) / 20) / float(hiss.std()))
    return np.asarray(voice, np.float64)


def _peak(samples: Floats, hz: float, gain_db: float) -> Floats:
    """A peaking equaliser one to two octaves wide (RBJ's cookbook)."""
    gain, turn = 10 ** (gain_db / 40), 2 * math.pi * hz / RATE_HZ
    alpha = math.sin(turn) / 1.8
    above = [1 + alpha * gain, -2 * math.cos(turn), 1 - alpha * gain]
    below = [1 + alpha / gain, -2 * math.cos(turn), 1 - alpha / gain]
    return np.asarray(signal.lfilter(above, below, samples), np.float64)


@dataclass(frozen=True, slots=True)
class _Job:
    entry: dict[str, str]
    speaker: str
    seed: str
    resampling: bool
    out: Path


def varied(out: Path, seed: int, workers: int) -> None:
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    originals = [e for e in entries if e["part"] == "train" and COPY not in e["speaker"]]
    seconds: dict[str, float] = {}
    for entry in originals:
        seconds[entry["speaker"]] = seconds.get(entry["speaker"], 0.0) + entry["seconds"]
    jobs, so_far, hibari = [], dict.fromkeys(seconds, 0.0), 0
    for entry in originals:
        speaker = entry["speaker"]
        part = int(so_far[speaker] // VOICE_S)
        so_far[speaker] += entry["seconds"]
        if speaker == "hibari":  # one voice: every other clip becomes another
            part, hibari = hibari, hibari + 1
            if part % 2:
                continue
        for copy in range(_copies(speaker, seconds[speaker])):
            name = f"{speaker}{COPY}v{part}.{copy}"
            if not (out / "train" / name / Path(entry["path"]).name).is_file():
                jobs.append(_Job(entry, name, f"{seed} {name}", (part + copy) % 2 == 0, out))
    print(f"{len(jobs)} copies to write", flush=True)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for number, _ in enumerate(pool.imap_unordered(_vary, jobs, chunksize=8)):
            if number % 500 == 0:
                print(f"{number} written", flush=True)


def _copies(speaker: str, seconds: float) -> int:
    kind = speaker if speaker == "hibari" else "kokoro" if speaker.startswith("kokoro") else "recorded"
    return COPIES["few" if kind == "recorded" and seconds < FEW_S else kind]


def _vary(job: _Job) -> None:
    entry = job.entry
    samples = read(job.out / entry["path"]).mono().samples[0]
    changed = Change.drawn(random.Random(job.seed))(samples, resampling=job.resampling)
    if not np.isfinite(changed).all():
        return
    about = {key: entry[key] for key in ("language", "licence", "source")}
    _write(job.out, "train", job.speaker, Path(entry["path"]).stem, changed, entry["text"], **about, varied="yes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("recorded", "varied"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="where packages are kept (OUT/packages)")
    parser.add_argument("--sources", nargs="+", choices=tuple(SOURCES), default=list(SOURCES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    if options.stage == "recorded":
        try:
            recorded(options.out, options.packages or options.out / "packages", options.sources)
        except AntiphonError as error:
            sys.exit(str(error))
    else:
        varied(options.out, options.seed, options.workers)


if __name__ == "__main__":
    main()
