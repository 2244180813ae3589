"""Text: reading it, cutting it into pieces, and turning what is written into what is spoken."""

from antiphon.text.documents import FORMATS, guess, read_document
from antiphon.text.normalising import normalise
from antiphon.text.reading import MAX_TEXT_BYTES, Tell, read_text
from antiphon.text.splitting import DEFAULT_LIMIT, Sentence, SentenceCutter, split, split_stream

__all__ = [
    "DEFAULT_LIMIT",
    "FORMATS",
    "MAX_TEXT_BYTES",
    "Sentence",
    "SentenceCutter",
    "Tell",
    "guess",
    "normalise",
    "read_document",
    "read_text",
    "split",
    "split_stream",
]
