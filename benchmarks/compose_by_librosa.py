"""Tempo and key of composed pieces as librosa hears them: an analysis that shares nothing with composer or judges.

    pip install 'antiphon[peers]' && python benchmarks/compose_by_librosa.py

Tempo: librosa's own estimate (octave errors count as wrong), made exact to 2% by the autocorrelation of the same onset
envelope. Key: Krumhansl-Kessler profiles against the mean STFT chroma. Prompts are those of `antiphon bench`.
"""

from __future__ import annotations

import click
import librosa
import numpy as np

from antiphon.bench.composing import PROMPTS, SEED, made, order_of
from antiphon.engines.chiptune import ChiptuneEngine
from antiphon.music import read
from antiphon.music.prompts import prompts

RATE_HZ, HOP = 22_050, 256
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def tempo(mono: np.ndarray) -> float:
    onsets = librosa.onset.onset_strength(y=mono, sr=RATE_HZ, hop_length=HOP, aggregate=np.median)
    rough = float(np.atleast_1d(librosa.feature.tempo(onset_envelope=onsets, sr=RATE_HZ, hop_length=HOP))[0])
    correlation = librosa.autocorrelate(onsets - onsets.mean())
    places, beat = np.arange(len(correlation)), 60 * RATE_HZ / HOP

    def support(bpm: float) -> float:
        return float(np.interp(np.arange(1, 17) * beat / bpm, places, correlation).sum())

    return float(max(np.arange(rough * 0.95, rough * 1.05, 0.05), key=support))


def key(mono: np.ndarray) -> int:
    """0-11 major, 12-23 minor."""
    chroma = librosa.feature.chroma_stft(y=mono, sr=RATE_HZ, n_fft=8192, hop_length=4096, tuning=0).mean(axis=1)
    fits = [np.corrcoef(np.roll(profile, tonic), chroma)[0, 1] for profile in (MAJOR, MINOR) for tonic in range(12)]
    return int(np.argmax(fits))


@click.command(help=__doc__)
@click.option("--count", default=PROMPTS, show_default=True)
def main(count: int) -> None:
    engine, exact, octaves, keys = ChiptuneEngine(), 0, 0, 0
    for number, prompt in enumerate(prompts(SEED, count, exact=True)):
        audio = made(engine, order_of(prompt, SEED + number))
        mono = librosa.resample(audio.mono().samples[0], orig_sr=audio.rate_hz, target_sr=RATE_HZ, res_type="soxr_hq")
        asked = read(prompt)
        found, heard = tempo(mono), key(mono)
        near = [abs(found / (asked.tempo_bpm * times) - 1) <= 0.02 for times in (1, 0.5, 2)]
        exact, octaves = exact + near[0], octaves + any(near)
        keys += heard == asked.tonic + 12 * (asked.mode == "minor")
    click.echo(f"tempo {exact} of {count} within 2%, {octaves} when half and double count; key {keys} of {count}")


if __name__ == "__main__":
    main()
