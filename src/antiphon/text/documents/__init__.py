"""Documents into text that can be spoken: marks and times left out, headings, items and rows as sentences."""

from antiphon.text.documents.formats import FORMATS, guess, read_document

__all__ = ["FORMATS", "guess", "read_document"]
