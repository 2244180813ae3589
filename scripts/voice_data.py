"""More voices for the generator than there are: recorded people of Debian's packages, and changed copies.

    apt-get download klettres-data ktuberling-data asterisk-prompt-es-co
    for f in *.deb; do dpkg-deb -x $f debian; done
    python scripts/voice_data.py recorded --debian debian --out data
    python scripts/voice_data.py varied --out data          # needs pyworld==0.3.5 and "setuptools<81"

`recorded` reads letters, syllables and words in thirty languages, a few minutes of each speaker, without transcripts.
`varied` writes copies of the clips of `data/train` as further speakers: pitch, its range and formants are changed by
WORLD (Morise et al. 2016) or by resampling, then the recording is changed: equaliser, band limits, a small room, noise.
All clips of one changed speaker are changed alike, so that a prompt tells how the rest must sound. Layout and held-out
voices are those of `codec_data.py`. The same command again goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from codec_data import RATE_HZ, _decoded, _write
from scipy import signal

from antiphon.audio import read, resample
from antiphon.audio.waveform import Waveform
from antiphon.soundstorm.data.manifest import COPY

Floats = npt.NDArray[np.float64]

FORMS: dict[str, tuple[str, ...]] = {".ogg": (), ".wav": (), ".gsm": ("-f", "gsm")}

KDE_LICENCE = "GPL-2.0-or-later"
VALID_LANGUAGES = ("de", "da", "sl")
"""Of the recorded speakers; looked at while training, never trained on."""

QUIET = 1e-3
SHORTEST_S = 0.4
VOICE_S = 90.0
"""How much of a speaker becomes one changed speaker: one who spoke for half an hour becomes twenty."""

COPIES = {"hibari": 1, "kokoro": 2, "recorded": 2, "few": 5}
FEW_S = 400.0
"""Recorded speakers with less than this are copied more often: there are many of them and they spoke little."""


def recorded(root: Path, out: Path) -> None:
    """Each package and language is a speaker."""
    for package, pattern in (("klettres", "klettres/*"), ("ktuberling", "ktuberling/sounds/*")):
        for folder in sorted(path for path in root.rglob(pattern) if path.is_dir()):
            language = folder.name
            if "@" in language:  # the same speaker in another script
                continue
            part = "valid" if language in VALID_LANGUAGES else "train"
            about = {"language": language.partition("_")[0], "licence": KDE_LICENCE, "source": f"{package}-data"}
            _clips(sorted(folder.rglob("*")), folder, out, part, f"{package}-{folder.name}", about)
    folder = next(root.rglob("asterisk/sounds/es"))
    about = {"language": "es", "licence": "GPL-2.0-only", "source": "asterisk-prompt-es-co"}
    _clips(sorted(folder.glob("*.gsm")), folder, out, "train", "es_CO_f_July", about)


def _clips(files: list[Path], folder: Path, out: Path, part: str, speaker: str, about: dict[str, str]) -> None:
    seconds = 0.0
    for path in files:
        name = "-".join(path.relative_to(folder).with_suffix("").parts)
        if path.suffix not in FORMS or (out / part / speaker / f"{name}.wav").is_file():
            continue
        samples = _decoded(path, *FORMS[path.suffix])
        if samples.shape[0] < SHORTEST_S * RATE_HZ or float(np.sqrt(np.mean(samples**2))) < QUIET:
            continue
        samples = samples * (0.1 / max(0.02, float(np.sqrt(np.mean(samples**2)))))
        _write(out, part, speaker, name, np.clip(samples, -0.99, 0.99), "", **about)
        seconds += samples.shape[0] / RATE_HZ
    print(f"{speaker}: {seconds:.0f} s", flush=True)


@dataclass(frozen=True, slots=True)
class Change:
    """How one changed speaker differs from whom it was made of."""

    pitch: float  # factor of the fundamental frequency
    spread: float  # factor of its range, in octaves around its median
    formants: float  # factor of the frequencies of the spectral envelope
    seed: int  # of the recording

    @classmethod
    def drawn(cls, chance: random.Random) -> Change:
        return cls(
            math.exp(chance.uniform(math.log(0.72), math.log(1.4))),
            chance.uniform(0.75, 1.35),
            math.exp(chance.uniform(math.log(0.84), math.log(1.2))),
            chance.randrange(2**31),
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


def _recorded_elsewhere(voice: Floats, chance: np.random.Generator) -> Floats:
    """As another microphone in another room would have it; a third is left alone."""
    if chance.random() < 0.33:
        return voice
    for _ in range(3):
        voice = _peak(voice, math.exp(chance.uniform(math.log(120), math.log(7_000))), chance.normal(0, 4.0))
    if chance.random() < 0.3:
        voice = signal.sosfilt(signal.butter(2, chance.uniform(70, 250), "high", fs=RATE_HZ, output="sos"), voice)
    if chance.random() < 0.3:
        voice = signal.sosfilt(signal.butter(4, chance.uniform(3_400, 7_500), "low", fs=RATE_HZ, output="sos"), voice)
    if chance.random() < 0.25:
        decay_s = chance.uniform(0.06, 0.3)
        length = round(decay_s * RATE_HZ)
        room = chance.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
        room *= 10 ** (-chance.uniform(8, 20) / 20) / max(1e-9, float(np.sqrt((room**2).sum())))
        room[0] += 1.0
        voice = signal.fftconvolve(voice, room)[: voice.shape[0]]
    if chance.random() < 0.2:
        loud = float(np.sqrt(np.mean(voice**2)))
        hiss = signal.lfilter([1.0], [1.0, -chance.uniform(0, 0.95)], chance.standard_normal(voice.shape[0]))
        voice = voice + hiss * (loud * 10 ** (-chance.uniform(28, 45) / 20) / float(hiss.std()))
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
    parser.add_argument("--debian", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    if options.stage == "recorded":
        recorded(options.debian, options.out)
    else:
        varied(options.out, options.seed, options.workers)


if __name__ == "__main__":
    main()
