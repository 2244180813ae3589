"""Text: reading it, cutting it into pieces, and turning what is written into what is spoken."""

from antiphon.text.normalising import normalise
from antiphon.text.reading import MAX_TEXT_BYTES, read_text
from antiphon.text.splitting import DEFAULT_LIMIT, Sentence, split, split_stream

__all__ = ["DEFAULT_LIMIT", "MAX_TEXT_BYTES", "Sentence", "normalise", "read_text", "split", "split_stream"]
