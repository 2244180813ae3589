"""What dishonest processors do with music, how many of them are caught, and how many honest ones are wronged.

Thresholds were chosen on prompts of seeds below `FIRST_TEST_SEED` and on recorded music; figures are of other seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.audio import Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.codecs.chip import ChipCodec
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict, Vote
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.meters import MusicMeters
from antiphon.judges.music.scoring import MUSIC
from antiphon.music import arrange, compose, read
from antiphon.music import prompts as music_prompts
from antiphon.services import MusicRequest

FIRST_TEST_SEED = 9_000
SECONDS = 30.0
RATE_HZ = 44_100

Samples = npt.NDArray[Any]  # floats, [channels, samples]


@dataclass(frozen=True, slots=True)
class Performance:
    """An order, honest work for it, and the score's own bar length."""

    request: MusicRequest
    audio: Waveform
    bar_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """What a cheat may use: the piece it should have made, one made for another order, one it always delivers."""

    own: Performance
    other: Performance
    usual: Performance
    rng: np.random.Generator


Cheat = Callable[[Case], Samples]


def perform(prompt: str, seed: int, seconds: float = SECONDS) -> Performance:
    """Honest work of our composer on the sound chip."""
    score = compose(read(prompt), seconds, seed)
    request = MusicRequest(prompt=prompt, seconds=seconds, seed=seed, start_s=0.0, stop_s=seconds)
    bar_s = score.bar_ticks * 60.0 / score.ticks_a_minute
    return Performance(request, ChipCodec().decode(arrange(score)), bar_s)


def cases(tries: int, seed: int) -> Iterator[Case]:
    """Orders whose prompts no threshold has seen. Each case's other piece is the honest work of the next."""
    prompts = music_prompts.prompts(seed, tries + 2)
    usual = perform(prompts[-1], seed)
    own = perform(prompts[0], seed * 1_000)
    for number in range(tries):
        other = perform(prompts[number + 1], seed * 1_000 + number + 1)
        yield Case(own, other, usual, np.random.default_rng((seed, number)))
        own = other


def honest(case: Case) -> Samples:
    return case.own.audio.samples


def same_for_all(case: Case) -> Samples:
    """The same music for every prompt, its bytes new each time."""
    return _touched(case.usual.audio.samples, case)


def shaped_noise(case: Case) -> Samples:
    """Noise with the spectrum and the loudness of a piece; every other try follows its spectrum in time as well."""
    mono = case.other.audio.samples.mean(axis=0)
    return _shaped(mono, case.rng, still=bool(case.rng.integers(2)))


def low_tone(case: Case) -> Samples:
    """A tone below 400 Hz with its first low harmonics, and a little noise."""
    count = case.own.audio.samples.shape[1]
    phase = 2 * np.pi * float(case.rng.uniform(50, 400)) * np.arange(count) / RATE_HZ
    tone = np.sin(phase) + np.sin(2 * phase) / 4 + np.sin(3 * phase) / 9
    swell = 1 + 0.3 * np.sin(2 * np.pi * float(case.rng.uniform(0.2, 4)) * np.arange(count) / RATE_HZ)
    return _touched((0.2 * tone * swell)[None], case)


def one_bar(case: Case) -> Samples:
    """One bar of the right piece, again and again."""
    samples = case.own.audio.samples
    length = round(case.own.bar_s * RATE_HZ)
    start = length * int(case.rng.integers(1, max(2, samples.shape[1] // length - 2)))
    bar = samples[:, start : start + length]
    return _touched(np.tile(bar, (1, samples.shape[1] // length + 1))[:, : samples.shape[1]], case)


def another_nodes(case: Case) -> Samples:
    """What another node delivers for another order, its bytes new."""
    return _touched(case.other.audio.samples, case)


def muffled(case: Case) -> Samples:
    """The right piece without anything above 800 Hz."""
    samples = case.own.audio.samples
    spectrum = np.fft.rfft(samples, axis=1)
    spectrum[:, int(800 * samples.shape[1] / RATE_HZ) :] = 0
    return np.fft.irfft(spectrum, samples.shape[1], axis=1)


def wrong_speed(case: Case) -> Samples:
    """Another node's piece played 3-9% too slowly, so that no fingerprint is the same."""
    samples = case.other.audio.samples
    places = np.arange(samples.shape[1]) / float(case.rng.uniform(1.03, 1.09))
    return np.stack([np.interp(places, np.arange(samples.shape[1]), channel) for channel in samples])


CHEATS: dict[str, Cheat] = {
    "the same music for every prompt": same_for_all,
    "noise shaped like music": shaped_noise,
    "a low-passed tone": low_tone,
    "a loop of one bar": one_bar,
    "another node's piece": another_nodes,
}
"""The cheats that must be rejected."""

MORE_CHEATS: dict[str, Cheat] = {"the piece, muffled": muffled, "another node's piece, slowed down": wrong_speed}
COPYING = (another_nodes, wrong_speed)


def verdicts(cheat: Cheat, tries: int, seed: int, *, seen: bool | None = None) -> dict[Verdict, int]:
    """How often each verdict follows, one delivery an order. The validators remember what was delivered before; `seen`
    says whether that includes the honest work of other nodes (default: where the cheat delivers it again)."""
    meters = MusicMeters()
    counts = dict.fromkeys(Verdict, 0)
    for case in cases(tries, seed):
        if cheat in COPYING if seen is None else seen:
            vote_on(meters, case.other.request, case.other.audio.samples)
        counts[vote_on(meters, case.own.request, cheat(case)).verdict] += 1
    return counts


def rejected(cheat: Cheat, tries: int = 100, seed: int = FIRST_TEST_SEED, *, seen: bool | None = None) -> float:
    """Per 100 tries; inconclusive is not rejected. With `honest`: the honest wrongly rejected."""
    return 100 * verdicts(cheat, tries, seed, seen=seen)[Verdict.INVALID] / tries


def matching(pairs: int = 100, seed: int = FIRST_TEST_SEED + 1) -> float:
    """Per 100 pairs: how often a piece scores higher for its own prompt than for a random other one. Ties are lost."""
    won = 0
    for case in cases(pairs, seed):
        # New meters for each: the piece is no copy of itself.
        own = vote_on(MusicMeters(), case.own.request, case.own.audio.samples)
        other = vote_on(MusicMeters(), case.other.request, case.own.audio.samples)
        won += (own.score_ppm or 0) > (other.score_ppm or 0)
    return 100 * won / pairs


def styles_apart(pairs: int = 100, seed: int = FIRST_TEST_SEED + 2) -> float:
    """Per 100 pairs: how often a piece scores higher for its own prompt than for one of another style that names the
    same tempo and key. Ties are lost."""
    rng = np.random.default_rng(seed)
    won = 0
    for number in range(pairs):
        own, other = (music_prompts.STYLES[place] for place in rng.permutation(len(music_prompts.STYLES))[:2])
        tempo, tonic = int(rng.integers(70, 181)), music_prompts.TONICS[int(rng.integers(12))]
        rest = f", {tempo} bpm, {tonic} {('major', 'minor')[int(rng.integers(2))]}"
        piece = perform(own + rest, seed * 1_000 + number)
        asked = msgspec.structs.replace(piece.request, prompt=other + rest)
        right, wrong = (vote_on(MusicMeters(), one, piece.audio.samples) for one in (piece.request, asked))
        won += (right.score_ppm or 0) > (wrong.score_ppm or 0)
    return 100 * won / pairs


def figures(tries: int) -> Iterator[Figure]:
    """For `antiphon bench`."""
    note = f"{tries} tries"
    yield figure("honest music wrongly rejected", rejected(honest, tries), "of 100", "<= 3", note)
    for name, cheat in CHEATS.items():
        yield figure(f"music cheat rejected: {name}", rejected(cheat, tries), "of 100", ">= 95", note)
    for name, cheat in MORE_CHEATS.items():
        yield figure(f"music cheat rejected: {name}", rejected(cheat, tries), "of 100", "", note)
    pairs = f"{tries} pairs"
    yield figure("music told from another prompt's by its score", matching(tries), "of 100", ">= 80", pairs)
    yield figure("music told from another style's, same tempo and key", styles_apart(tries), "of 100", ">= 80", pairs)


def vote_on(meters: MusicMeters, request: MusicRequest, samples: Samples) -> Vote:
    """As a validator would: of 16-bit samples."""
    channels = samples.shape[0]
    wave = Waveform(np.ascontiguousarray(samples, dtype=np.float32), RATE_HZ)
    heard = Waveform.from_pcm16(wave.to_pcm16(), RATE_HZ, channels)
    return decide(MUSIC, meters.measure(MusicEvidence(request, heard, RATE_HZ, heard.samples.shape[1])))


def _touched(samples: Samples, case: Case) -> Samples:
    """Another gain and a little noise."""
    noise = case.rng.standard_normal(samples.shape) * 1e-3 * float(case.rng.uniform(0.1, 1))
    return np.clip(samples * float(case.rng.uniform(0.7, 1)) + noise, -1, 1)


def _shaped(mono: Samples, rng: np.random.Generator, *, still: bool) -> Samples:
    """Noise whose sixth-octave bands follow `mono`: `still`, only the mean spectrum and the loudness."""
    length, hop = 2_048, 512
    window = np.hanning(length)

    def frames(signal: Samples) -> Samples:
        padded = np.pad(signal, (length // 2, length))
        return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, length)[::hop] * window, axis=1)

    power = np.abs(frames(mono)) ** 2
    edges = np.unique(np.round(np.geomspace(1, power.shape[1], 60)).astype(int))
    shape = np.repeat(np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges), np.diff(edges), axis=1)
    if still:
        shape = shape.mean(axis=0) * (power.sum(axis=1, keepdims=True) / max(float(power.sum(axis=1).mean()), 1e-12))
    spectrum = frames(rng.standard_normal(mono.shape))
    spectrum[:, 0] = 0
    spectrum[:, 1:] *= np.sqrt(shape)
    out = np.zeros(hop * spectrum.shape[0] + length)
    for number, frame in enumerate(np.fft.irfft(spectrum, axis=1) * window):
        out[number * hop : number * hop + length] += frame
    noise = out[length // 2 :][: mono.shape[0]]
    return np.clip(noise * float(mono.std()) / max(float(noise.std()), 1e-12), -1, 1)[None]
