"""What is to be spoken: the words of the command line, a file or a pipe, and how much of it there is."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.client.composing import Composition
    from antiphon.text import Tell

SCANNED_CHARS = 1 << 20
"""Texts up to this length are counted before the work begins (a second); of longer ones the rest is estimated."""
MAX_BEGINNINGS = 1_000
BEGINNING_CHARS = 60
TEXT_SUFFIXES = {".txt", ".md", ".text", ".rst", ".html", ".pdf", ".epub", ".docx", ".srt"}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is to make. `beginnings` are the first words of the first sentences, for people."""

    sentences: int  # or whatever `noun` says a part is
    chars: int  # what is billed
    exact: bool
    beginnings: tuple[str, ...] = ()
    noun: str = "sentence"
    unit: str = "character"
    figures: bool = False  # whether there is anything to read that is not a word


def extent_of(composition: Composition) -> Extent:
    """The windows of a piece."""
    from antiphon.services import units_of

    requests = list(composition.requests())
    windows = tuple(f"{one.start_s:.0f} s to {one.stop_s:.0f} s" for one in requests)
    return Extent(len(requests), sum(map(units_of, requests)), True, windows, noun="window", unit="unit")


@dataclass(frozen=True, slots=True)
class Manuscript:
    """Text in blocks, and its extent; None for a pipe, whose end nobody knows."""

    blocks: Iterable[str]
    extent: Extent | None
    markup: str = "text"  # as `Say` knows it


def format_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--format-in`: what the text is written in."""
    return click.option(
        "--format-in",
        "format_in",
        type=click.Choice(["text", "markdown", "html", "srt", "ssml"]),
        help="What the text is written in: its marks are not read aloud.  [default: guessed, and told]",
    )(command)


def teller(*, quiet: bool) -> Tell:
    """Tells how a text is read: on stderr, beside the quote; each thing once."""
    told: set[str] = set()

    def tell(note: str) -> None:
        if note not in told and not quiet:
            click.echo(f"Text     {note}", err=True)
        told.add(note)

    return tell


def manuscript_of(
    words: tuple[str, ...],
    file: str | None,
    form: str | None = None,
    *,
    tell: Tell = lambda _: None,
    markup: str | None = None,
) -> Manuscript:
    """The text that a command names, in the format `form` (None: guessed); `tell` hears how it is read.

    `markup`: as `Say` knows it; empty: SSML keeps its marks. None: nobody knows what to do with marks.

    What is wrong with it is found before anything starts. Raises `InputError`.
    """
    from antiphon.text import read_document

    if words and file is not None:
        raise InputError("Both TEXT and --file are given", "Give one of them.")
    if markup == "" and _is_ssml(words, file, form):
        markup = "ssml"
        if form is None:
            tell("read as ssml (a guess; --format-in text|markdown|html|srt|ssml to choose)")
    if markup:
        return _marked(words, file, markup, tell)
    if words:
        blocks = _of_words(words, form, tell)
        return Manuscript(blocks, measure(blocks, None))
    if file is None or file == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError("No text was given", 'Write for example: antiphon say "Good morning."')
        return Manuscript(read_document("-", form=form, tell=tell), None)
    if not Path(file).is_file():  # a named pipe can be read only once
        return Manuscript(_begun(read_document(file, form=form, tell=tell)), None)
    extent = measure(read_document(file, form=form, tell=tell), Path(file).stat().st_size)
    return Manuscript(read_document(file, form=form, tell=tell), extent)


def _is_ssml(words: tuple[str, ...], file: str | None, form: str | None) -> bool:
    """Whether the text is SSML, as far as that can be known before it is read: a pipe is not looked into."""
    from antiphon.text import guess, read_text

    if form is not None:
        return form == "ssml"
    if words:
        return guess("", " ".join(words)) == "ssml"
    return file is not None and Path(file).is_file() and guess(file, next(iter(read_text(file)), "")) == "ssml"


def _marked(words: tuple[str, ...], file: str | None, markup: str, tell: Tell) -> Manuscript:
    """A text that is read whole with its marks."""
    from antiphon.text import read_text
    from antiphon.text.documents import ssml
    from antiphon.text.markup import dialogue

    text = " ".join(words) or "".join(read_text(file or "-", tell=tell))
    passages = ssml.passages(text, tell) if markup == "ssml" else dialogue(text)
    extents = [measure([passage.text], None) for passage in passages]
    beginnings = tuple(itertools.islice((one for extent in extents for one in extent.beginnings), MAX_BEGINNINGS))
    sentences, chars = (sum(getattr(one, name) for one in extents) for name in ("sentences", "chars"))
    extent = Extent(sentences, chars, True, beginnings, figures=any(one.figures for one in extents))
    return Manuscript([text], extent, markup)


def measure(blocks: Iterable[str], size_bytes: int | None) -> Extent:
    """Count what will be spoken. Raises `InputError` if that is nothing."""
    from antiphon.client.speech import FIRST_CHARS
    from antiphon.text import split_stream

    sentences = chars = end = 0
    figures = False
    beginnings: list[str] = []
    for piece in split_stream(blocks, first=FIRST_CHARS):
        end = piece.end
        if piece.spoken:
            sentences += 1
            chars += len(piece.text)
            figures = figures or any(char.isdigit() for char in piece.text)
            if len(beginnings) < MAX_BEGINNINGS:
                beginnings.append(" ".join(piece.text[:BEGINNING_CHARS].split()))
        if end >= SCANNED_CHARS and size_bytes is not None and sentences:
            times = max(1.0, size_bytes / end)
            return Extent(round(sentences * times), round(chars * times), False, tuple(beginnings), figures=True)
    if not sentences:
        raise InputError("The text has nothing that can be spoken", "Give at least one word.")
    return Extent(sentences, chars, True, tuple(beginnings), figures=figures)


def tell_language(manuscript: Manuscript, language: str, tell: Tell) -> None:
    """Tell what of figures and signs nobody here can read in a language. Words need nothing of it."""
    from antiphon.text import languages

    if manuscript.extent is not None and not manuscript.extent.figures:
        return
    known = languages.coverage(language.lower().replace("_", "-").partition("-")[0])
    if known == languages.PARTLY:
        tell(f"of figures in {language}, numbers, money, dates and measures are read; the rest as its engine reads it")
    elif known == languages.NONE:
        tell(f"figures and signs in {language} are read as its engine reads them; write them in words to be sure")


def _of_words(words: tuple[str, ...], form: str | None, tell: Tell) -> list[str]:
    from antiphon.text import guess, read_document

    text = " ".join(words)
    if not text.strip():
        raise InputError("The text is empty", "Give at least one word.")
    if len(words) == 1 and Path(text[:255]).suffix.lower() in TEXT_SUFFIXES and Path(text[:255]).is_file():
        raise InputError(f"{text!r} is the name of a file", f"To read it aloud: antiphon say --file {text}")
    try:
        raw = _Named(text.encode("utf-8", "surrogateescape"))  # the bytes that the shell gave
    except UnicodeEncodeError as e:
        raise InputError("The text holds half a character (a lone surrogate)", "Give whole UTF-8 text.") from e
    if form is None and guess("", text) == "text":
        return list(read_document(raw, form="text", tell=tell))  # of a few plain words the guess is not told
    return list(read_document(raw, form=form, tell=tell))


def _begun(blocks: Iterable[str]) -> Iterable[str]:
    """The same blocks, with the first one read already: a missing or unreadable file shows itself now."""
    rest = iter(blocks)
    first = next(rest, "")
    return itertools.chain([first], rest)


class _Named(io.BytesIO):
    name = "The text"
