"""Speech with known words to train the generator and the text stage on: WordNet's example sentences, spoken by us.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb debian
    python scripts/generator_data.py kokoro --wordnet debian/usr/share/wordnet --out data --hours 1 --workers 2
    python scripts/generator_data.py hibari --wordnet debian/usr/share/wordnet --out data --hours 2.5 --workers 1
    python scripts/generator_data.py resampled --out data

Clips of two or three sentences (5 to 14 s), so that a prompt and what follows are of one voice. Kokoro speaks in its
voices and in convex mixes of three; hibari has one voice but is thirty times as fast. `resampled` writes every clip of
`data/train` a second time, slower and lower or faster and higher: another speaker with other pitch and formants, for
nothing. The layout is that of `codec_data.py`, whose held-out voices are not used. The same command again goes on where
it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from codec_data import HELD_OUT_VOICES, KOKORO_LICENCE, RATE_HZ, VALID_VOICES, _write

from antiphon.audio import read, resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines.base import Engine
from antiphon.services import SpeechRequest
from antiphon.soundstorm.data.manifest import COPY

WORDS = range(4, 19)
CLIP_CHARS = range(70, 190)
"""Of a whole clip: about 5 to 13 s."""
CHARS_PER_S = 15.0
SHIFTS = (0.84, 0.88, 0.92, 1.08, 1.13, 1.18)
"""Resampling factors of the second copies: above 1 is faster and higher."""


def examples(wordnet: Path) -> list[str]:
    """WordNet's example sentences, spelt as sentences; none that a figure is measured on."""
    from antiphon.bench.sentences import HELD_OUT

    found: dict[str, None] = {}
    for name in ("noun", "verb", "adj", "adv"):
        for line in (wordnet / f"data.{name}").read_text(encoding="latin-1").splitlines():
            for text in re.findall(r'"([A-Za-z][A-Za-z ,\'-]+[.!?]?)"', line.partition("|")[2]):
                if len(text.split()) in WORDS:
                    ended = text if text[-1] in ".!?" else f"{text}."
                    found[f"{ended[0].upper()}{ended[1:]}"] = None
    for text in HELD_OUT:
        found.pop(text, None)
    return list(found)


def clips(texts: list[str], seed: int) -> Iterator[str]:
    """Sentences in a drawn order, joined to clips; for ever."""
    rng = random.Random(seed)
    while True:
        rng.shuffle(texts)
        wanted, clip = rng.choice(CLIP_CHARS), ""
        for text in texts:
            clip = f"{clip} {text}".strip()
            if len(clip) >= wanted:
                if len(clip) <= CLIP_CHARS.stop:
                    yield clip
                wanted, clip = rng.choice(CLIP_CHARS), ""


def _voice(engine: str, rng: random.Random, number: int) -> tuple[str, str]:
    """Speaker and voice of a clip."""
    from antiphon.engines.kokoro_voices import VOICES

    if engine == "hibari":
        return "hibari", "hibari"
    free = [v.name for v in VOICES if v.name not in HELD_OUT_VOICES and v.name not in VALID_VOICES]
    if number % 3 == 0:
        name = free[(number // 3) % len(free)]
        return f"kokoro-{name}", name
    names, weights = rng.sample(free, 3), [rng.random() + 0.05 for _ in range(3)]
    return f"kokoro-text-mix-{number:05d}", "+".join(f"{n}:{w:.2f}" for n, w in zip(names, weights, strict=True))


def _engine(name: str) -> Engine:
    from antiphon.engines.hibari import HibariEngine
    from antiphon.engines.kokoro import KokoroEngine

    return HibariEngine() if name == "hibari" else KokoroEngine(threads=1)


def _speak(job: tuple[int, argparse.Namespace]) -> None:
    worker, options = job
    engine = _engine(options.engine)
    spoken_s = 0.0
    for number, text in enumerate(clips(examples(options.wordnet), options.seed)):
        rng = random.Random(f"{options.seed} {options.engine} {number}")
        if number > options.hours * 3_600 * CHARS_PER_S / (sum(CLIP_CHARS) / len(CLIP_CHARS)):
            return
        speaker, voice = _voice(options.engine, rng, number)
        name = f"wordnet-{number:05d}"
        if number % options.workers != worker or (options.out / "train" / speaker / f"{name}.wav").is_file():
            continue
        request = SpeechRequest(text=text, voice=voice, speed=round(rng.uniform(0.85, 1.2), 2))
        made = np.concatenate([chunk.samples for chunk in engine.generate(request, number)], axis=1)
        about = {"language": "en", "licence": KOKORO_LICENCE, "source": options.engine, "voice": voice}
        _write(options.out, "train", speaker, name, _at(made, 1.0), text, **about)
        spoken_s += made.shape[1] / 24_000
        if number % 50 < options.workers:
            print(f"worker {worker}: clip {number}, {spoken_s / 60:.0f} min", flush=True)


def _at(made: Samples, factor: float, rate_hz: int = 24_000) -> Samples:
    """Resampled to 16 kHz, played `factor` times as fast."""
    return resample(Waveform(made, round(rate_hz * factor)), RATE_HZ).samples[0]


def resampled(out: Path, seed: int) -> None:
    """A second copy of every clip that is no copy; each speaker becomes a few others."""
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    for entry in entries:
        if entry["part"] != "train" or COPY in entry["speaker"]:
            continue
        path = out / entry["path"]
        factor = random.Random(f"{seed} {entry['path']}").choice(SHIFTS)
        speaker = f"{entry['speaker']}{COPY}{factor}"
        if not path.is_file() or (out / "train" / speaker / path.name).is_file():
            continue
        wave = read(path).mono()
        about = {key: entry[key] for key in ("language", "licence", "source")}
        copy = _at(wave.samples, factor, wave.rate_hz)
        _write(out, "train", speaker, path.stem, copy, entry["text"], **about, resampled=str(factor))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=("kokoro", "hibari", "resampled"))
    parser.add_argument("--wordnet", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    if options.engine == "resampled":
        resampled(options.out, options.seed)
        return
    jobs = [(worker, options) for worker in range(options.workers)]
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        pool.map(_speak, jobs, chunksize=1)


if __name__ == "__main__":
    main()
