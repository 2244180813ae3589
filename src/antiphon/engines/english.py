"""English text to phonemes: hibari's port of misaki, loaded fast and shared by all engines that speak English.

The alphabet is Kokoro's: one character a phoneme, stress marked before its vowel, punctuation kept.
"""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from antiphon.engines.lazy import Lazy

_CLAUSE_ENDS = frozenset(",;:—…")
_SENTENCE_ENDS = frozenset(".!?")


def sentences(text: str) -> list[str]:
    """Sentences of one written text, in order, without the white space between them."""
    from hibari import Hibari

    return [str(sentence) for sentence in Hibari.split_sentences(text)]


def phonemes(text: str, *, british: bool = False) -> Iterator[str]:
    """Phonemes of each sentence that has any, in order, lazily: the first can be spoken while the rest waits."""
    g2p = warm(british=british)
    for sentence in sentences(spoken(text, "en-gb" if british else "en-us")):
        if reading := str(g2p(_folded(sentence))):
            yield reading


def split(reading: str, limit: int) -> list[str]:
    """Pieces of at most `limit` phonemes, cut after clauses, else at spaces, else anywhere. Nothing is lost but spaces.

    A cut is taken as late as possible, so that pieces are few and long.
    """
    pieces = []
    rest = reading.strip()
    while len(rest) > limit:
        cut = _last(rest, limit, _CLAUSE_ENDS | _SENTENCE_ENDS) or _last(rest, limit, frozenset(" ")) or limit
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [piece for piece in (*pieces, rest) if piece]


def _last(text: str, limit: int, ends: frozenset[str]) -> int:
    return next((i + 1 for i in range(limit - 1, 0, -1) if text[i] in ends), 0)


def ends_sentence(reading: str) -> bool:
    """Whether a piece ends a sentence (a longer pause follows) and not only a clause."""
    return reading.rstrip('"”“) ')[-1:] not in _CLAUSE_ENDS


def warm(*, british: bool = False) -> Any:
    """The reader of one accent, loaded once: about 0.2 s, the other accent untouched."""
    return _GB() if british else _US()


def spoken(text: str, language: str) -> str:
    """`text` with numbers, money, dates and units in words."""
    try:
        from antiphon.text import normalise  # type: ignore[attr-defined]
    except ImportError:
        return text
    return str(normalise(text, language))


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


def _asset(name: str) -> Any:
    # msgspec reads these files in 60% of json's time, which is most of the cold start.
    spec = find_spec("hibari")
    assert spec is not None
    assert spec.origin is not None
    blob = (Path(spec.origin).parent / "assets" / name).read_bytes()
    return msgspec.json.decode(gzip.decompress(blob) if name.endswith(".gz") else blob)


def _reader(accent: str) -> Any:
    # Assembled from hibari's parts (version pinned) instead of by its constructor, which reads every file eagerly.
    from hibari.g2p import G2P, Lexicon, Tagger, Tokenizer

    reader = G2P.__new__(G2P)
    reader.british = accent == "gb"
    reader.lexicon = Lexicon(
        _asset(f"lexicon_{accent}_gold.json.gz"), _Deferred(f"lexicon_{accent}_silver.json.gz"), reader.british
    )
    reader.tokenizer = Tokenizer(_asset("tokenizer_exceptions.json"))
    reader.tagger = Tagger(_asset("tagger.json.gz"))
    reader._oov = None
    reader.unk = ""
    return reader


_US = Lazy(lambda: _reader("us"))
_GB = Lazy(lambda: _reader("gb"))
