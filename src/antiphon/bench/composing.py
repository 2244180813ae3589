"""What the composer reaches: how fast, how true to its prompts by ear, how different from seed to seed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import mean, median

import numpy as np

from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import pulse_of
from antiphon.audio import Waveform
from antiphon.audio.loudness import measure
from antiphon.audio.normalising import MUSIC_LUFS, TRUE_PEAK_DBTP, Normaliser
from antiphon.bench.figure import Figure, figure
from antiphon.engines.chiptune import ChiptuneEngine, score_of
from antiphon.music import prompts as music_prompts
from antiphon.music import read
from antiphon.music.composer import shared_bars
from antiphon.services import MusicRequest

PROMPTS = 50
SECONDS = 30.0
SEED = 12_000
"""Beyond all seeds that anything was chosen by."""
TEMPO_TOLERANCE = 0.02


def composing_figures() -> Iterator[Figure]:
    """Tempo and key are heard by the judges' analysis, which knows the audio and nothing of the score."""
    engine = ChiptuneEngine()
    orders = [order_of(prompt, SEED + n) for n, prompt in enumerate(music_prompts.prompts(SEED, PROMPTS, exact=True))]
    made(engine, orders[0])  # loads what is loaded on first use
    tempi = doubles = keys = 0
    spent: list[float] = []
    levels: list[float] = []
    peaks: list[float] = []
    for order in orders:
        started = time.perf_counter()
        audio = made(engine, order)
        spent.append(time.perf_counter() - started)
        exact, double, key = _heard(order, audio)
        tempi, doubles, keys = tempi + exact, doubles + (exact or double), keys + key
        if len(levels) < PROMPTS // 5:
            loud = measure(Normaliser(MUSIC_LUFS).whole(audio))
            levels.append(abs((loud.integrated_lufs or -99.0) - MUSIC_LUFS))
            peaks.append(loud.true_peak_dbtp)
    yield figure("compose: 30 s of music", median(spent), "s", "< 1", f"{PROMPTS} pieces, worst {max(spent):.2f} s")
    note = f"half and double count, as usual; {100 * tempi / PROMPTS:.0f}% without"
    yield figure("compose: tempo within 2%, by ear", 100 * doubles / PROMPTS, "%", ">= 90", note)
    yield figure("compose: key right, by ear", 100 * keys / PROMPTS, "%", ">= 90")
    scores = [(score_of(order), score_of(order_of(order.prompt, order.seed + 500))) for order in orders[:20]]
    shares = [100 * shared_bars(first, second) for first, second in scores]
    yield figure("compose: bars that two seeds share", max(shares), "%", "< 30", f"mean {mean(shares):.1f}%")
    yield figure(f"music: distance from {MUSIC_LUFS:g} LUFS", max(levels), "LU", "<= 0.2")
    yield figure("music: true peak", max(peaks), "dBTP", f"<= {TRUE_PEAK_DBTP + 0.05}")


def order_of(prompt: str, seed: int) -> MusicRequest:
    return MusicRequest(prompt=prompt, seconds=SECONDS, seed=seed, start_s=0.0, stop_s=SECONDS)


def made(engine: ChiptuneEngine, order: MusicRequest) -> Waveform:
    chunks = list(engine.generate(order, 0))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def _heard(order: MusicRequest, audio: Waveform) -> tuple[bool, bool, bool]:
    """Whether the tempo is right; whether its half or double is; whether tonic and mode are."""
    asked = read(order.prompt)
    assert asked.tempo_bpm is not None
    sound = Sound(audio)
    found = pulse_of(sound).best_bpm
    near = [abs(found / (asked.tempo_bpm * times) - 1) <= TEMPO_TOLERANCE for times in (1, 0.5, 2)]
    keys = keys_of(sound)
    right = keys is not None and keys.best == (asked.tonic or 0) + 12 * (asked.mode == "minor")
    return near[0], near[1] or near[2], right
