"""Where a sentence, clause or paragraph ends. Pure questions about one position in a text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LOOKAHEAD = 48
"""Characters after a position that may decide about it. Never more, so that a stream can be cut like the whole."""

SENTENCE_PAUSE_S = 0.30
EMPHATIC_PAUSE_S = 0.35
"""After a question, an exclamation, an ellipsis or a list item."""
PARAGRAPH_PAUSE_S = 0.70
HEADING_PAUSE_S = 0.90
CLAUSE_PAUSE_S = 0.12
WORD_PAUSE_S = 0.05

_HEADING_CHARS = 80

PAUSE_MARKS = {"\x1f": 5.0, "\x1e": 1.0, "\x1d": 0.5, "\x1c": 0.1}
"""Seconds of silence that a document asks for, as white space that no text from outside may hold (`reading`)."""
MAX_PAUSE_S = 10.0

_FULL_STOPS = frozenset(".。｡．।॥۔։።។៕။᙮")
_EMPHATIC = frozenset("!?…！？؟‼⁇⁈⁉፧\u037e")
_TERMINATORS = _FULL_STOPS | _EMPHATIC
_NEEDS_NO_SPACE = frozenset("。｡！？।॥۔")
_CLOSERS = frozenset("\"'”’»›)]}」』）】》〉〕｣*_")
_OPENERS = frozenset("\"'“‘„‚«‹([{「『（【《〈〔｢¿¡*_-–—")
_CLAUSE_ENDS = frozenset(",;:，、；：،؛—–")
_CLAUSE_NEEDS_NO_SPACE = frozenset("，、；：،؛—")

# A line end of Windows is one line end: the group never gives its second half back.
_PARAGRAPH = re.compile(r"(?>\r\n|[\n\r\x85\u2028])[ \t\u3000]*[\n\r\x85\u2028]|[\f\u2029]")
_LINE_BREAK = re.compile(r"[\n\r\x85\u2028]")
_LIST_ITEM = re.compile(r"(?:[-*+•‣◦–]|#{1,6}|\(?[0-9]{1,3}[.)]|[a-z]\))[ \t]")
_LIST_NUMBER = re.compile(r"\(?[0-9]{1,3}|[ivxIVX]{1,4}|[a-z]")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]{1,2}")

# Never the end of a sentence: a name, number or example follows.
_TITLES = frozenset(
    "dr mr mrs ms mx prof st gen sen rep gov capt cpt cmdr lt col sgt maj adm rev hon pres mt ft messrs mme mlle "
    "vs e.g i.e cf approx ca viz al ph hr fr frl sr sra srta dott sig bzw z.b d.h u.a vgl bsp evtl ggf "
    "geb nr str inkl av r.p mgr ing wm chas geo jas jos thos".split()
)
# An end unless a number follows.
_BEFORE_NUMBERS = frozenset(
    "no nos nr p pp vol vols fig figs eq eqs ch chap sec sect art arts par para tab ex ver v n nº núm núms op "
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
# After "U.S." and the like only such a word tells that a new sentence has begun.
_STARTERS = frozenset(
    "the a an he she it we they you i this that these those there here but and or so if when while after before "
    "in on at as for to from with what why how who where his her its our their my your no not now then yet however "
    "meanwhile although because since".split()
)
_ENDING_DOTTED = frozenset(("a.m", "p.m"))


@dataclass(frozen=True, slots=True)
class Boundary:
    """A cut before `position`. A `firm` one stands even if the piece is short."""

    position: int
    pause_s: float
    firm: bool = False


def pause(seconds: float) -> str:
    """White space in a text that stands for a silence of `seconds`, at most `MAX_PAUSE_S`."""
    tenths = round(min(max(seconds, 0.0), MAX_PAUSE_S) * 10)
    marks = ""
    for mark, worth_s in PAUSE_MARKS.items():
        count, tenths = divmod(tenths, round(worth_s * 10))
        marks += mark * count
    return marks


def starts_item(line: str) -> bool:
    """Whether a line begins a list item or a heading of its own."""
    return bool(_LIST_ITEM.match(line))


def at(text: str, position: int) -> Boundary | None:
    """The boundary before `text[position]`, where a sentence or paragraph is over; None inside one.

    Looks at all of `text[:position]` and at most `LOOKAHEAD` characters after it.
    """
    before = text[position - 1]
    if position >= len(text) or text[position].isspace():
        return None
    if not before.isspace() and before not in _NEEDS_NO_SPACE and before not in _CLOSERS:
        return None
    head = text[:position].rstrip()
    if not head:
        return None
    gap = text[len(head) : position]
    following = text[position : position + LOOKAHEAD]
    asked_s = sum(PAUSE_MARKS.get(mark, 0.0) for mark in gap)
    if asked_s or _PARAGRAPH.search(gap):
        natural_s = _paragraph_pause_s(head) if _PARAGRAPH.search(gap) else 0.0
        return Boundary(position, max(natural_s, min(asked_s, MAX_PAUSE_S)), firm=True)
    if _LINE_BREAK.search(gap) and (_LIST_ITEM.match(following) or _last_line(head).startswith("#")):
        return Boundary(position, EMPHATIC_PAUSE_S, firm=True)
    return _sentence_end(head, gap, following, position)


def _sentence_end(head: str, gap: str, following: str, position: int) -> Boundary | None:
    end = len(head)
    while end and head[end - 1] in _CLOSERS:
        end -= 1
    if not end or head[end - 1] not in _TERMINATORS:
        return None
    mark = head[end - 1]
    if not gap and (mark not in _NEEDS_NO_SPACE or following[0] in _TERMINATORS or following[0] in _CLOSERS):
        return None
    opening = following.lstrip("".join(_OPENERS))
    # A line that is left in a text (`documents.plain` joins wrapped ones) begins a sentence even in small letters.
    if opening[:1].islower() and not _LINE_BREAK.search(gap):
        return None
    if mark == "." and not head.endswith("..", 0, end) and _dot_belongs_to_word(head[:end], opening):
        return None
    emphatic = mark in _EMPHATIC or head.endswith("..", 0, end)
    return Boundary(position, EMPHATIC_PAUSE_S if emphatic else SENTENCE_PAUSE_S)


def _dot_belongs_to_word(head: str, following: str) -> bool:
    """Whether the last dot of `head` marks an abbreviation, an initial or a list number."""
    line = _last_line(head[:-1])
    word = line.split()[-1].lstrip("".join(_OPENERS)) if line.strip() and not line[-1].isspace() else ""
    if not word:
        return False
    lower = word.lower()
    if lower in _BEFORE_NUMBERS:
        return following[:1].isdigit()
    list_number = line.strip() == word and _LIST_NUMBER.fullmatch(word)
    initial = len(word) == 1 and word.isupper() and word != "I"
    if lower in _TITLES or list_number or initial:
        return True
    if _DOTTED.fullmatch(word) and lower not in _ENDING_DOTTED:
        next_word = re.match(r"[^\W\d_]*", following)
        return not (next_word and next_word[0].lower() in _STARTERS)
    return False


def _last_line(head: str) -> str:
    return _LINE_BREAK.split(head[-512:])[-1]


def _paragraph_pause_s(head: str) -> float:
    line = _last_line(head).strip()
    plain = line and len(line) <= _HEADING_CHARS and line.rstrip("".join(_CLOSERS))[-1:] not in _TERMINATORS
    item = not line.startswith("#") and _LIST_ITEM.match(line)
    heading = line.startswith("#") or (plain and not item and line[-1] not in _CLAUSE_ENDS)
    return HEADING_PAUSE_S if heading else PARAGRAPH_PAUSE_S


def weight(text: str) -> int:
    """How much there is to say: letters, vowel signs and digits, an ideograph or syllable sign counted as three."""
    return sum(3 if char >= "\u2e80" else 1 for char in text if unicodedata.category(char)[0] in "LMN")


def short_ending_follows(text: str, position: int, least: int) -> bool:
    """Whether less than `least` (see `weight`) is left until the paragraph or the text ends."""
    ahead = text[position : position + LOOKAHEAD]
    stop = _PARAGRAPH.search(ahead)
    if stop is None and len(ahead) == LOOKAHEAD:
        return False
    rest = ahead[: stop.start()] if stop else ahead
    return weight(rest) < least


def forced(text: str, limit: int) -> Boundary:
    """The best cut at or before `limit` inside a sentence too long: after a clause, else a word, else anywhere."""
    for ends, pause_s, least in ((_CLAUSE_ENDS, CLAUSE_PAUSE_S, limit // 4), (None, WORD_PAUSE_S, 0)):
        for position in range(limit, least, -1):
            if _breaks(text, position, ends):
                return Boundary(position, pause_s)
    return Boundary(_between_characters(text, limit), 0.0)


def _breaks(text: str, position: int, ends: frozenset[str] | None) -> bool:
    before = text[position - 1]
    if text[position : position + 1].isspace():
        return False
    if not before.isspace():
        return ends is not None and before in _CLAUSE_NEEDS_NO_SPACE and text[position : position + 1] not in _CLOSERS
    head = text[:position].rstrip()
    return bool(head) and (ends is None or head.rstrip("".join(_CLOSERS))[-1:] in ends)


def _between_characters(text: str, limit: int) -> int:
    """`limit`, or a little before it where it would part a letter from its accents or an emoji from its halves."""
    for position in range(limit, max(0, limit - 8), -1):
        after = text[position : position + 1]
        joined = after and (unicodedata.combining(after) or after in "\u200d\ufe0e\ufe0f")
        if not joined and text[position - 1] != "\u200d":
            return position
    return limit
