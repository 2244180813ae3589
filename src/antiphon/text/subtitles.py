"""Cues as SubRip and WebVTT. Source: W3C WebVTT 1; two lines of 42 characters are the usage of broadcasters."""

from __future__ import annotations

import html
import itertools
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

LINE_CHARS, LINES = 42, 2
CAPTION_S = 7.0
_PAUSE_S = 0.7
"""A longer silence between two words ends a caption, as the end of a sentence does."""

_ENDS = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f")
_CLOSERS = "\"'”’»)]"


class Timed(Protocol):
    """Text that is heard from `begin_s` to `end_s`; if that is no time, it is left out."""

    @property
    def begin_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...

    @property
    def text(self) -> str: ...

    @property
    def name(self) -> str:
        """What WebVTT calls it; several may have one name."""


class Caption(NamedTuple):
    """The plain `Timed`."""

    begin_s: float
    end_s: float
    text: str
    name: str = ""


class TimedWord(NamedTuple):
    """What is heard from `start_s` to `end_s`, as it was written, with the signs beside it."""

    text: str
    start_s: float
    end_s: float


class Word(Protocol):
    """A word and when it is heard."""

    @property
    def text(self) -> str: ...

    @property
    def start_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...


def captions(words: Sequence[Word]) -> tuple[Caption, ...]:
    """The words in pieces that end with a sentence, at a pause, or after `CAPTION_S`."""
    found, held = list[Caption](), list[Word]()
    for word, following in itertools.zip_longest(words, words[1:]):
        held.append(word)
        ends = word.text.rstrip(_CLOSERS).endswith(_ENDS) or word.end_s - held[0].start_s > CAPTION_S
        if following is None or ends or following.start_s - word.end_s > _PAUSE_S:
            found.append(Caption(held[0].start_s, word.end_s, " ".join(one.text for one in held)))
            held = []
    return tuple(found)


def srt(cues: Iterable[Timed]) -> Iterator[str]:
    """A SubRip file, cue by cue."""
    for number, cue in enumerate(_short(cues), start=1):
        text = cue.text.replace("-->", "->")
        yield f"{number}\n{_time(cue.begin_s, ',')} --> {_time(cue.end_s, ',')}\n{text}\n\n"


def webvtt(cues: Iterable[Timed]) -> Iterator[str]:
    """A WebVTT file, cue by cue."""
    yield "WEBVTT\n\n"
    counts = Counter[str]()
    for cue in _short(cues):
        if cue.name:
            counts[cue.name] += 1
            yield f"{cue.name}-{counts[cue.name]}\n"  # no two alike
        yield f"{_time(cue.begin_s, '.')} --> {_time(cue.end_s, '.')}\n{html.escape(cue.text, quote=False)}\n\n"


def _short(cues: Iterable[Timed]) -> Iterator[Timed]:
    """Long sentences in parts that a screen holds; each as long as its share of the characters."""
    for cue in (one for one in cues if one.end_s > one.begin_s):
        lines = textwrap.wrap(cue.text, LINE_CHARS, break_on_hyphens=False)
        blocks = ["\n".join(lines[at : at + LINES]) for at in range(0, len(lines), LINES)]
        total, begin_s, length_s = sum(map(len, blocks)), cue.begin_s, cue.end_s - cue.begin_s
        for block in blocks:
            end_s = begin_s + length_s * len(block) / total
            yield Caption(begin_s, end_s, block, cue.name)
            begin_s = end_s


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
