"""Acoustic fingerprints: was this audio, or a lightly changed copy of it, delivered before?

After Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): every 16 ms, 32 bits say whether the
energy difference of neighbouring bands (300-3,400 Hz) grew since the frame before. Gain, small noise, re-encoding and
time shifts change few bits; other audio changes half of them.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.analysis.features import RATE_HZ, hann, mono_16k
from antiphon.audio.waveform import Samples, Waveform

MAX_SECONDS = 60.0
MIN_FRAMES = 40
"""Less than 0.6 s of sound has too few bits to accuse anybody."""

_LENGTH, _HOP = 4096, 256  # 256 ms window: long, so that a shift of half a hop changes few bits
_BANDS = 33
_EDGES = np.geomspace(300, 3400, _BANDS + 1) * _LENGTH / RATE_HZ
_CANDIDATES = 8
_COMMON = 64  # a frame found in more places than this says nothing
_INDEXED = 3  # every third frame can be found; a copy has dozens of equal frames
_POPCOUNT = np.array([bin(n).count("1") for n in range(256)], dtype=np.uint8)

Words = npt.NDArray[np.uint32]
Bits = npt.NDArray[np.bool_]


def fingerprint(audio: Waveform) -> bytes:
    """250 bytes a second, at most 60 s. Empty when the audio is silent or too short."""
    return fingerprint_signal(mono_16k(audio))


def fingerprint_signal(signal: Samples) -> bytes:
    """Fingerprint of mono 16 kHz samples; silence at the ends is left out."""
    signal = _trimmed(signal[: int(MAX_SECONDS * RATE_HZ)])
    if signal.shape[0] < _LENGTH + MIN_FRAMES * _HOP:
        return b""
    rising = rising_bits(power_frames(signal))
    return np.packbits(rising, axis=1).view(">u4").astype("<u4").tobytes()


def unpack(print_: bytes) -> Bits:
    """A fingerprint's bits, `[frames, 32]`."""
    return np.unpackbits(_words(print_).astype(">u4").view(np.uint8).reshape(-1, 4), axis=1).astype(np.bool_)


def power_frames(signal: Samples) -> Samples:
    """Power spectrum of mono 16 kHz every 16 ms, `[frames, 2049]`; no frames of a signal shorter than one window."""
    if signal.shape[0] < _LENGTH:
        return np.empty((0, _LENGTH // 2 + 1), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, _LENGTH)[::_HOP]
    spectrum = np.fft.rfft(frames * hann(_LENGTH), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def rising_bits(power: Samples, pitch: float = 1.0) -> Bits:
    """Which band differences grow, `[frames - 1, 32]`. `pitch` moves all bands by this factor."""
    energy = np.add.reduceat(power, np.round(_EDGES * pitch).astype(int), axis=1)[:, :_BANDS]
    # A floor 60 dB below the clip's level keeps the noise in pauses from writing random bits.
    energy = np.log(energy + 1e-6 * energy.mean())
    return np.asarray(np.diff(np.diff(energy, axis=1), axis=0) > 0)


def _trimmed(signal: Samples) -> Samples:
    peak = float(np.abs(signal).max(initial=0.0))
    loud = np.flatnonzero(np.abs(signal) > 0.02 * peak) if peak > 1e-4 else np.empty(0, dtype=np.intp)
    return signal[loud[0] : loud[-1] + 1] if loud.size else signal[:0]


def similarity(first: bytes, second: bytes) -> float:
    """1 = the same audio, about 0 = unrelated. The best alignment counts, weighted by its share of the longer clip."""
    a, b = _words(first), _words(second)
    if min(a.shape[0], b.shape[0]) < MIN_FRAMES:
        return 0.0
    shifts = Counter(int(j) - int(i) for i, j in zip(*_matches(a, b), strict=True))
    likely = [shift for shift, _ in shifts.most_common(_CANDIDATES)]
    return max((_agreement(a, b, shift) for shift in likely), default=0.0)


def _words(blob: bytes) -> Words:
    return np.frombuffer(blob, dtype="<u4")


def _matches(a: Words, b: Words) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    i, j = np.nonzero(a[:, None] == b[None, :])
    return i, j


def _indexed(words: Words) -> list[tuple[int, int]]:
    """(position, word) of the frames a history can be searched by."""
    return [(position, int(words[position])) for position in range(0, words.shape[0], _INDEXED)]


def _agreement(a: Words, b: Words, shift: int) -> float:
    """1 - 2 * bit error rate where `b[i + shift]` lies over `a[i]`, times overlap / longer length; never below 0."""
    start, stop = max(0, -shift), min(a.shape[0], b.shape[0] - shift)
    if stop - start < MIN_FRAMES:
        return 0.0
    differing = (a[start:stop] ^ b[start + shift : stop + shift]).view(np.uint8)
    errors = int(_POPCOUNT[differing].sum()) / (32 * (stop - start))
    share: float = (stop - start) / max(a.shape[0], b.shape[0])
    return float(max(0.0, 1.0 - 2.0 * errors) * share)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The most similar earlier delivery: how similar, for which work, by whom."""

    similarity: float
    work: str = ""
    node: str = ""


class History:
    """The last `capacity` deliveries, indexed by fingerprint words. Thread-safe; about 35 kB for 10 s of audio."""

    def __init__(self, capacity: int = 1_000) -> None:
        if capacity < 1:
            raise ValueError(f"a history of {capacity} deliveries cannot remember")
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, tuple[Words, str, str]] = OrderedDict()
        self._index: dict[int, tuple[int, ...]] = {}  # word -> places, entry << 16 | position
        self._seen: set[tuple[str, str, bytes]] = set()
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def earlier(self, print_: bytes, *, work: str, node: str = "") -> Earlier:
        """The closest delivery for other work, or (when `node` is given) by another node for this work."""
        words = _words(print_)
        if words.shape[0] < MIN_FRAMES:
            return Earlier(0.0)
        with self._lock:
            best = Earlier(0.0)
            for entry, shift in self._likely(words, work, node):
                known, other_work, other_node = self._entries[entry]
                score = _agreement(words, known, shift)
                if score > best.similarity:
                    best = Earlier(score, other_work, other_node)
            return best

    def add(self, print_: bytes, *, work: str, node: str = "") -> None:
        """Remember a delivery; the same one is remembered once, the oldest is forgotten."""
        words = _words(print_)
        if words.shape[0] < MIN_FRAMES:
            return
        with self._lock:
            if (work, node, print_) in self._seen:
                return
            self._seen.add((work, node, print_))
            self._entries[self._next] = (words, work, node)
            for position, word in _indexed(words):
                places = self._index.get(word, ())
                if len(places) < _COMMON:
                    self._index[word] = (*places, self._next << 16 | position)
            self._next += 1
            if len(self._entries) > self._capacity:
                self._forget()

    def _likely(self, words: Words, work: str, node: str) -> list[tuple[int, int]]:
        votes: Counter[tuple[int, int]] = Counter()
        for position, word in enumerate(words.tolist()):
            for place in self._index.get(word, ()):
                entry, known_position = place >> 16, place & 0xFFFF
                _, other_work, other_node = self._entries[entry]
                if other_work != work or (node and other_node and other_node != node):
                    votes[entry, known_position - position] += 1
        return [candidate for candidate, _ in votes.most_common(_CANDIDATES)]

    def _forget(self) -> None:
        entry, (words, work, node) = self._entries.popitem(last=False)
        self._seen.discard((work, node, words.tobytes()))
        for position, word in _indexed(words):
            places = tuple(place for place in self._index.get(word, ()) if place != entry << 16 | position)
            if places:
                self._index[word] = places
            else:
                self._index.pop(word, None)
