"""Documents to audiobooks: chapters, voices and cues of a document, made through the door, bound into one file."""

from antiphon.books.binding import bind
from antiphon.books.book import Book, Chapter, Passage
from antiphon.books.cast import Cast, cast_lines, joined, quote_lines, read_cast, read_cast_file, spoken, voiced
from antiphon.books.opening import FORMATS, open_book
from antiphon.books.read_along import write_read_along
from antiphon.books.telling import Telling
from antiphon.books.timeline import Cue, Mark, Timeline
from antiphon.text.lexicon import Lexicon, read_lexicon
from antiphon.text.subtitles import srt, webvtt

__all__ = [
    "FORMATS",
    "Book",
    "Cast",
    "Chapter",
    "Cue",
    "Lexicon",
    "Mark",
    "Passage",
    "Telling",
    "Timeline",
    "bind",
    "cast_lines",
    "joined",
    "open_book",
    "quote_lines",
    "read_cast",
    "read_cast_file",
    "read_lexicon",
    "spoken",
    "srt",
    "voiced",
    "webvtt",
    "write_read_along",
]
