"""English text to phonemes: hibari's port of misaki, loaded fast and shared by all engines that speak English.

The alphabet is Kokoro's: one character a phoneme, stress marked before its vowel, punctuation kept.
"""

from __future__ import annotations

import gzip
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import msgspec

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines.lazy import Lazy
from antiphon.engines.postprocessing import postprocess
from antiphon.engines.pronouncing import marked, pronunciations
from antiphon.errors import InputError, ModelError
from antiphon.services import SpeechRequest

MAX_PHONEMES = 400
"""Longest input of one pass: hibari was not trained on longer ones, Kokoro's memory grows with them (limit 510)."""

MAX_CHARS = 320
"""Longest piece of text; few reach `MAX_PHONEMES`, and numbers in words may."""

_CLAUSE_ENDS = frozenset(",;:—…")
_SENTENCE_ENDS = frozenset(".!?")
_CLAUSE_PAUSE_S = 0.12


def speak(
    request: SpeechRequest,
    synthesise: Callable[[str], Samples],
    *,
    rate_hz: int,
    british: bool = False,
    first_chars: int = MAX_CHARS,
    phonemes: str = "",
) -> Iterator[Waveform]:
    """One chunk per piece of the request's text; `synthesise` turns phonemes into samples `[T]`.

    `phonemes`: words said otherwise (`pronouncing`). Pauses between pieces follow the text, not the model. Raises
    `InputError` when nothing can be spoken.
    """
    silent = True
    words = pronunciations(phonemes, british=british)
    for reading, pause_s in readings(request.text, british=british, first_chars=first_chars, words=words):
        chunk = postprocess(synthesise(reading), rate_hz, pause_s=0.0 if silent else pause_s / request.speed)
        if chunk is not None:
            silent = False
            yield chunk
    if silent:
        raise InputError(f"There is nothing to speak in {request.text[:40]!r}", "Give at least one word.")


def readings(
    text: str, *, british: bool, first_chars: int = MAX_CHARS, words: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, float]]:
    """(phonemes, seconds of pause before them) piece by piece, lazily: the first is spoken while the rest waits.

    `words` have phonemes of their own."""
    from antiphon.text import split

    g2p = warm(british=british)
    pause_s = 0.0
    for sentence in split(text, limit=MAX_CHARS, first=first_chars):
        if sentence.spoken:
            written = marked(_folded(spoken(sentence.text, british=british)), words)
            for reading in cut(str(g2p(written)), MAX_PHONEMES):
                yield reading, pause_s
                pause_s = _CLAUSE_PAUSE_S
        pause_s = sentence.pause_s


def cut(reading: str, limit: int) -> list[str]:
    """Pieces of at most `limit` phonemes, cut after clauses, else at spaces, else anywhere. Only spaces are lost.

    A cut is taken as late as possible, so that pieces are few and long.
    """
    pieces = []
    rest = reading.strip()
    while len(rest) > limit:
        at = _last(rest, limit, _CLAUSE_ENDS | _SENTENCE_ENDS) or _last(rest, limit, frozenset(" ")) or limit
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [piece for piece in (*pieces, rest) if piece]


def _last(text: str, limit: int, ends: frozenset[str]) -> int:
    return next((i + 1 for i in range(limit - 1, 0, -1) if text[i] in ends), 0)


def warm(*, british: bool = False) -> Any:
    """The reader of one accent, loaded once: about 0.2 s, the other accent untouched."""
    return _GB() if british else _US()


def warm_beside(*, british: bool = False) -> None:
    """Begin `warm` in a thread, while the caller loads its model. Who needs the reader first waits for it. Raises
    `ModelError` where there is none."""
    hibari_folder()
    threading.Thread(target=warm, kwargs={"british": british}, name="english-reader", daemon=True).start()


def spoken(text: str, *, british: bool) -> str:
    """`text` with numbers, money, dates and units in words."""
    from antiphon.text import normalise

    return normalise(text, "en-gb" if british else "en-us")


def _folded(text: str) -> str:
    """Letters with marks hibari never saw (`ệ`) lose their marks; those it knows (`é`) keep them."""
    if text.isascii():
        return text
    return "".join(char if ord(char) < 0x180 else unicodedata.normalize("NFKD", char)[0] for char in text)


class _Deferred:
    """A dictionary file that is read when a word is first looked up: most texts never need the rare-word lexicon."""

    def __init__(self, name: str) -> None:
        self._table = Lazy(lambda: _asset(name))

    def get(self, word: str) -> Any:
        return self._table().get(word)


def hibari_folder() -> Path:
    """Of the installed hibari-tts, the reader and a voice. Raises `ModelError` when it is not installed."""
    spec = find_spec("hibari")
    if spec is None or spec.origin is None:
        raise ModelError("hibari, which reads English, is not installed", "Run `pip install 'antiphon[hibari]'`.")
    return Path(spec.origin).parent


def _asset(name: str) -> Any:
    # msgspec reads these files in 60% of json's time, which is most of the cold start.
    blob = (hibari_folder() / "assets" / name).read_bytes()
    return msgspec.json.decode(gzip.decompress(blob) if name.endswith(".gz") else blob)


def _load_g2p() -> ModuleType:
    """`hibari.g2p` by itself; its package imports the synthesiser too, and SciPy with it: 0.2 s."""
    name = "antiphon.engines._hibari_g2p"
    spec = spec_from_file_location(name, hibari_folder() / "g2p" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # its own modules import each other by this name
    spec.loader.exec_module(module)
    return module


def _reader(accent: str) -> Any:
    # Assembled from hibari's parts (version pinned) instead of by its constructor, which reads every file eagerly.
    g2p = _G2P()
    reader = g2p.G2P.__new__(g2p.G2P)
    reader.british = accent == "gb"
    reader.lexicon = g2p.Lexicon(
        _asset(f"lexicon_{accent}_gold.json.gz"), _Deferred(f"lexicon_{accent}_silver.json.gz"), reader.british
    )
    reader.tokenizer = g2p.Tokenizer(_asset("tokenizer_exceptions.json"))
    reader.tagger = g2p.Tagger(_asset("tagger.json.gz"))
    reader._oov = None
    reader.unk = ""
    return reader


_G2P = Lazy(_load_g2p)
_US = Lazy(lambda: _reader("us"))
_GB = Lazy(lambda: _reader("gb"))
