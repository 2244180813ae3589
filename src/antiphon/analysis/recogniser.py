"""Whisper (Radford et al. 2022) on CTranslate2: speech to text for several clips at once.

Whisper was trained on 30 s windows, but its encoder takes shorter ones; with six seconds of silence after the speech
it hears the same words for a sixth of the cost (30 clips of 2-6 s, in batches of six: 0.7 s of CPU for 30 s of speech,
4.5 s in full windows). What comes out suspicious (repeating, cut off, improbable) is heard once more in the full window
with a beam; with two seconds of silence that was 15 of 20 clips of one set, with six none of 50.
"""

from __future__ import annotations

import hashlib
import re
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon import models
from antiphon.analysis.activity import active_frames
from antiphon.analysis.features import HOP, RATE_HZ, whisper_log_mel
from antiphon.audio.waveform import Samples

if TYPE_CHECKING:
    from ctranslate2 import StorageView
    from ctranslate2.models import Whisper, WhisperAlignmentResult, WhisperGenerationResult
    from tokenizers import Tokenizer

WINDOW_S = 30.0
TAIL_S = 6.0
"""Silence after the speech. With less, the decoder tends to say a sentence again and again."""

WINDOW_STEP_S = 3.0
"""Windows are rounded up to a multiple: the runtime keeps about a megabyte for every new shape."""

CHUNK_S = 14.0
"""Longer speech is cut at its quietest moment between 60% and 100% of this."""

BATCH = 6
MAX_TEXT_TOKENS = 440
"""The decoder's window is 448."""
MAX_TOKENS_PER_S = 12.0
_REPETITIVE = 2.4  # bytes before / after zlib, Whisper's own limit
_ECHO = re.compile(r"\b(\w+(?:\W+\w+){3,})\W+\1\b")  # four words or more, twice in a row
_IMPROBABLE = -1.0  # mean log probability, Whisper's own limit
_NO_SPEECH = 0.6
_LIKELY = 0.2  # of a token that was said; of one that was not, it is mostly under .05
_IMPOSSIBLE = 0.01
_CONFIRM_TAIL_S = 1.0  # a decoder that is given the text cannot repeat itself
_UNTOLD_S = 1.0  # sound before the first or after the last word that may belong to it


ECHOES = 3
"""Numbers that are kept of what the encoder makes of a clip."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognised in one clip, and how sure the model was (mean log probability of a token).

    `first` is how sure it was at first hearing; `echo` what its encoder made of the whole clip, as `ECHOES` sums with
    fixed random weights. Machines agree on these, and who did not run the model cannot know them.
    """

    text: str
    confidence: float
    first: float = 0.0
    echo: tuple[float, ...] = (0.0,) * ECHOES


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a clip holds of a text: the share of its words, None where only `transcribe` can tell; `first` and `echo`
    as `Transcript` has them."""

    share: float | None
    first: float
    echo: tuple[float, ...]


class Recogniser:
    """One Whisper model. Thread-safe; `load` may run in another thread, beforehand."""

    def __init__(self, model: str = "whisper-tiny-en", *, threads: int = 1) -> None:
        self._name = model
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: tuple[Whisper, Tokenizer] | None = None

    def load(self) -> tuple[Whisper, Tokenizer]:
        """The model and its tokenizer. Raises `ModelError` with the pip command when it is not installed."""
        with self._lock:
            if self._loaded is None:
                import ctranslate2
                import tokenizers

                entry = models.find(self._name)
                files = {file.name: models.read(self._name, file.name) for file in entry.files}
                network = ctranslate2.models.Whisper(
                    self._name, device="cpu", compute_type="int8", intra_threads=self._threads, files=files
                )
                self._loaded = network, _tokenizer(tokenizers.Tokenizer, files)
            return self._loaded

    def unload(self) -> None:
        """Let go of the model, and so of its threads: at the end of a program nobody waits for those."""
        with self._lock:
            self._loaded = None

    def transcribe(self, clips: Sequence[Samples], language: str = "en", *, careful: bool = False) -> list[Transcript]:
        """Words of each clip (mono, 16 kHz), in order. `language` is a BCP 47 tag.

        `careful` hears everything in the full window with a beam, for about six times the cost.
        """
        pieces = [(index, piece) for index, clip in enumerate(clips) for piece in split_at_pauses(clip)]
        # Clips of like length share a batch, so that little of it is padding.
        order = sorted(range(len(pieces)), key=lambda n: pieces[n][1].shape[0])
        heard: dict[int, Transcript] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            transcribe_batch = self._transcribe_again if careful else self._transcribe
            heard.update(zip(batch, transcribe_batch([pieces[n][1] for n in batch], language), strict=True))
        results: list[list[Transcript]] = [[] for _ in clips]
        for n, (index, _) in enumerate(pieces):
            results[index].append(heard[n])
        return [_joined(parts) for parts in results]

    def confirm(self, clips: Sequence[Samples], texts: Sequence[str], language: str = "en") -> list[Confirmed | None]:
        """How much of each text its clip (mono, 16 kHz) holds; None for clips and texts longer than a window.

        The text is given to the decoder at once and each word looked up in its answer, for less than half of what it
        costs to find the words one by one. A word counts when no token of it is less likely than `_LIKELY`.
        """
        _, tokenizer = self.load()
        words = [
            [tokenizer.encode(f" {word}", add_special_tokens=False).ids for word in text.split()] for text in texts
        ]
        found: list[Confirmed | None] = [None] * len(clips)
        fits = [
            n
            for n, clip in enumerate(clips)
            if 0 < clip.shape[0] <= WINDOW_S * RATE_HZ and 0 < sum(map(len, words[n])) <= MAX_TEXT_TOKENS
        ]
        order = sorted(fits, key=lambda n: clips[n].shape[0])
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            answers = self._confirm([clips[n] for n in batch], [words[n] for n in batch], language)
            for n, answer in zip(batch, answers, strict=True):
                found[n] = answer
        return found

    def _confirm(
        self, signals: Sequence[Samples], words: Sequence[Sequence[Sequence[int]]], language: str
    ) -> list[Confirmed]:
        network, tokenizer = self.load()
        longest_s = max(signal.shape[0] for signal in signals) / RATE_HZ
        encoded = network.encode(_spectra(signals, min(WINDOW_S, longest_s + _CONFIRM_TAIL_S)))
        prompt = _prompt(tokenizer, language, multilingual=network.is_multilingual)
        tokens = [[number for word in one for number in word] for one in words]
        results = network.align(encoded, prompt, tokens, [-(-signal.shape[0] // HOP) for signal in signals])
        return [
            Confirmed(
                None if _goes_on(result, signal) else _share_heard(result.text_token_probs, one),
                _sureness(result.text_token_probs),
                _echo(own),
            )
            for result, signal, one, own in zip(results, signals, words, _own_frames(encoded, signals), strict=True)
        ]

    def encode(self, signal: Samples) -> Samples:
        """What the model makes of mono 16 kHz sound before it looks for words, `[frames, width]`, 50 frames a second.

        Much the same for different speakers of the same sounds. At most `WINDOW_S` are heard.
        """
        import ctranslate2

        network, _ = self.load()
        signal = signal[: int(WINDOW_S * RATE_HZ)]
        seconds = np.ceil((signal.shape[0] / RATE_HZ + 1.0) / WINDOW_STEP_S) * WINDOW_STEP_S
        padded = np.zeros(int(min(WINDOW_S, seconds) * RATE_HZ), np.float32)
        padded[: signal.shape[0]] = signal
        mel = np.ascontiguousarray(whisper_log_mel(padded)[None])
        encoded = network.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True)
        features: Samples = np.array(encoded)[0, : -(-signal.shape[0] // (2 * HOP))]
        return features

    def language_of(self, signal: Samples) -> str:
        """The language (ISO 639-1) that the first half minute of mono 16 kHz speech most likely is.

        A model that knows only English says English.
        """
        network, _ = self.load()
        if not network.is_multilingual:
            return "en"
        found = network.detect_language(_spectra([signal[: int(WINDOW_S * RATE_HZ)]], WINDOW_S))
        return str(found[0][0][0]).strip("<|>")

    def _transcribe(self, signals: Sequence[Samples], language: str) -> list[Transcript]:
        longest_s = max(signal.shape[0] for signal in signals) / RATE_HZ
        found = self._generate(signals, language, min(WINDOW_S, longest_s + TAIL_S), beam=1)
        results = [result for result, _ in found]
        heard = [self._transcript(*one) for one in found]
        doubtful = [n for n, result in enumerate(results) if _doubtful(heard[n].text, result, signals[n])]
        if doubtful:
            again = self._transcribe_again([signals[n] for n in doubtful], language)
            for n, better in zip(doubtful, again, strict=True):
                heard[n] = replace(better, first=heard[n].first, echo=heard[n].echo)
        return heard

    def _transcribe_again(self, signals: Sequence[Samples], language: str) -> list[Transcript]:
        return self.transcribe_window(signals, language, beam=5)

    def transcribe_window(self, signals: Sequence[Samples], language: str, *, beam: int = 1) -> list[Transcript]:
        """Clips of at most `WINDOW_S`, each in a whole window, as Whisper was trained."""
        return [self._transcript(*one) for one in self._generate(signals, language, WINDOW_S, beam=beam)]

    def _generate(
        self, signals: Sequence[Samples], language: str, window_s: float, beam: int
    ) -> list[tuple[WhisperGenerationResult, Samples]]:
        """For each signal the result, and the encoding of its own frames, `[frames, width]`."""
        network, tokenizer = self.load()
        seconds = max(signal.shape[0] for signal in signals) / RATE_HZ
        prompt = _prompt(tokenizer, language, multilingual=network.is_multilingual)
        encoded = network.encode(_spectra(signals, window_s))
        results: list[WhisperGenerationResult] = network.generate(
            encoded,
            [prompt] * len(signals),
            beam_size=beam,
            max_length=min(448, 2 * (len(prompt) + 16 + int(seconds * MAX_TOKENS_PER_S))),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return list(zip(results, _own_frames(encoded, signals), strict=True))

    def _transcript(self, result: WhisperGenerationResult, encoding: Samples) -> Transcript:
        text = "" if unspoken(result) else self.load()[1].decode(result.sequences_ids[0]).strip()
        confidence = float(result.scores[0])
        return Transcript(text, confidence, first=confidence, echo=_echo(encoding))


def _spectra(signals: Sequence[Samples], window_s: float) -> StorageView:
    """Whisper's input of several clips, each with silence up to the window's end, `[clips, 80, frames]`."""
    import ctranslate2

    frames = int(np.ceil(window_s / WINDOW_STEP_S) * WINDOW_STEP_S * RATE_HZ / HOP)
    batch = np.zeros((len(signals), 80, frames), dtype=np.float32)
    for row, signal in zip(batch, signals, strict=True):
        padded = np.zeros(frames * HOP, dtype=np.float32)
        padded[: signal.shape[0]] = signal[: padded.shape[0]]
        row[:] = whisper_log_mel(padded)
    return ctranslate2.StorageView.from_array(batch)


def _own_frames(encoded: StorageView, signals: Sequence[Samples]) -> list[Samples]:
    """Of each clip the encoding without that of the silence after it, `[frames, width]`, 50 frames a second."""
    counts = [-(-signal.shape[0] // (2 * HOP)) for signal in signals]
    return [encoding[:count] for encoding, count in zip(np.array(encoded), counts, strict=True)]


def _tokens_of_words(tokenizer: Tokenizer, text: str) -> list[list[int]]:
    return [tokenizer.encode(f" {word}", add_special_tokens=False).ids for word in text.split()]


def _share_heard(probabilities: Sequence[float], words: Sequence[Sequence[int]]) -> float:
    """Of words of so many tokens, those without an unlikely one."""
    heard, at = 0, 0
    for word in words:
        heard += all(likely >= _LIKELY for likely in probabilities[at : at + len(word)])
        at += len(word)
    return heard / len(words)


def _sureness(probabilities: Sequence[float]) -> float:
    """Mean log probability. What is nearly impossible is equally so on every machine."""
    return float(np.mean(np.log(np.maximum(probabilities, _IMPOSSIBLE))))


def _goes_on(result: WhisperAlignmentResult, signal: Samples) -> bool:
    """Whether there is sound where no word of the text is."""
    sounding = np.flatnonzero(active_frames(signal))
    if sounding.size == 0 or not result.alignments:
        return True
    # The path of (token, frame of 20 ms) covers the whole clip: what is untold is given to the first or last token.
    tokens = [token for token, _ in result.alignments]
    first_ends = max(2 * frame for token, frame in result.alignments if token == tokens[0])
    last_starts = min(2 * frame for token, frame in result.alignments if token == tokens[-1])
    slack = _UNTOLD_S * RATE_HZ / HOP
    return bool(first_ends - sounding[0] > slack or sounding[-1] - last_starts > slack)


def split_at_pauses(signal: Samples, longest_s: float = CHUNK_S) -> list[Samples]:
    """Pieces no longer than `longest_s`, cut where 100 ms are quietest; together they are the whole signal."""
    longest, width = int(longest_s * RATE_HZ), RATE_HZ // 10
    pieces = []
    while signal.shape[0] > longest:
        first = int(0.6 * longest)
        energy = np.convolve(signal[first:longest].astype(np.float64) ** 2, np.ones(width), mode="valid")
        cut = first + int(np.argmin(energy)) + width // 2
        pieces.append(signal[:cut])
        signal = signal[cut:]
    return [*pieces, signal]


def _tokenizer(kind: type[Tokenizer], files: dict[str, bytes]) -> Tokenizer:
    return kind.from_str(files["tokenizer.json"].decode("utf-8"))


def _prompt(tokenizer: Tokenizer, language: str, *, multilingual: bool) -> list[int]:
    names = ["<|startoftranscript|>"]
    if multilingual:
        names += [f"<|{language.lower().split('-')[0]}|>", "<|transcribe|>"]
    ids = [tokenizer.token_to_id(name) for name in [*names, "<|notimestamps|>"]]
    return [number for number in ids if number is not None]


def repetitive(text: str) -> bool:
    """Whether it says the same again and again, as a decoder that lost its way does."""
    raw = text.encode()
    return len(raw) > 40 and len(raw) / len(zlib.compress(raw)) > _REPETITIVE


def _doubtful(text: str, result: WhisperGenerationResult, signal: Samples) -> bool:
    echoed = bool(_ECHO.search(text.lower()))
    endless = len(result.sequences_ids[0]) > 16 + signal.shape[0] / RATE_HZ * MAX_TOKENS_PER_S
    return repetitive(text) or echoed or endless or bool(result.scores[0] < _IMPROBABLE)


def unspoken(result: WhisperGenerationResult) -> bool:
    """Whether what was written down is most likely no speech."""
    return bool(result.no_speech_prob > _NO_SPEECH and result.scores[0] < _IMPROBABLE)


def _echo(encoding: Samples) -> tuple[float, ...]:
    """Sums of the mean frame, divided by the root of the width. The weights are signs that nobody chose."""
    width = encoding.shape[1]
    totals = _signs(width) @ encoding.mean(axis=0, dtype=np.float64) / np.sqrt(width)
    return tuple(float(total) for total in totals)


@lru_cache(maxsize=4)
def _signs(width: int) -> npt.NDArray[np.float64]:
    bits = hashlib.shake_256(b"antiphon echo 1").digest(-(-ECHOES * width // 8))
    ones = np.unpackbits(np.frombuffer(bits, np.uint8))[: ECHOES * width]
    return (1.0 - 2.0 * ones.astype(np.float64)).reshape(ECHOES, width)


def _joined(parts: Sequence[Transcript]) -> Transcript:
    text = " ".join(part.text for part in parts if part.text)
    numbers = np.mean([(part.confidence, part.first, *part.echo) for part in parts], axis=0)
    confidence, first, *echo = map(float, numbers)
    return Transcript(text, confidence, first, tuple(echo))


def languages(tokenizer_json: bytes) -> frozenset[str]:
    """Language codes a tokenizer knows."""
    added = (token.content for token in msgspec.json.decode(tokenizer_json, type=_Tokenizer).added_tokens)
    return frozenset(content[2:-2] for content in added if content.startswith("<|") and len(content) <= 7)


class _AddedToken(msgspec.Struct):
    content: str


class _Tokenizer(msgspec.Struct):
    """What is read of a tokenizer's file: its 50,000 words and merges are passed over."""

    added_tokens: list[_AddedToken]
