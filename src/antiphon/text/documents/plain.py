"""Plain text as people wrap it: lines joined to paragraphs, divided words mended, footnote marks left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from antiphon.text.boundaries import starts_item
from antiphon.text.reading import Tell

_HELD_CHARS = 80
"""End of a line that waits for the next one: a divided word may need mending."""
_LONGEST_LINE = 1 << 15

_FOOTNOTE = re.compile(r"(?<=[^\W_]|[.,;:!?\"'”’»)\]])\[(?:[0-9]{1,3}|[a-z]|note [0-9]{1,3}|citation needed|\*|†)\]")
_DIVIDED = re.compile(r"(?:^|[\s(\"“‘'—-])([^\W\d_]{2,})[-\u2010]$")
_STAYS_HYPHENATED = frozenset(
    # First halves of words that keep their hyphen wherever the line ends.
    "well self ex non half high low long short all mid old new twenty thirty forty fifty sixty seventy eighty ninety "
    "one two three four five six seven eight nine ten so first second third full part hard soft open left right cross "
    "post pre anti semi vice quasi".split()
)


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:  # noqa: ARG001  nothing is left out
    """`blocks` with one blank line between paragraphs and none of the line ends inside them. Memory stays flat."""
    pending, begun = "", False
    for line in lines(blocks):
        if not line.strip():
            if pending:
                yield pending
                pending = ""
            if begun:
                yield "\n\n"
            begun = False
            continue
        line = without_footnotes(line)  # noqa: PLW2901
        if begun:
            yield from _joint(pending, line)
            pending = ""
            line = line.strip() if not starts_item(line.lstrip()) else line.rstrip()  # noqa: PLW2901
        begun = True
        done = max(0, len(line) - _HELD_CHARS)
        yield line[:done]
        pending = line[done:].rstrip(" \t")
    yield pending


def without_footnotes(text: str) -> str:
    """`May.[12]` -> `May.`"""
    return _FOOTNOTE.sub("", text) if "[" in text else text


def _joint(before: str, line: str) -> Iterator[str]:
    """What is left of a line, and what joins it with the next one."""
    following = line.lstrip()
    if starts_item(following) or before.lstrip().startswith("#"):
        yield before + "\n"
    elif (found := _DIVIDED.search(before)) and following[:1].islower():
        yield before if found[1].lower() in _STAYS_HYPHENATED else before[:-1]
    elif before.endswith(("-", "\u2010")) and following[:1].isalnum() and not before.endswith((" -", "--")):
        yield before
    else:
        yield before + " "


def lines(blocks: Iterable[str]) -> Iterator[str]:
    """The lines of `blocks`, whatever ends them (LF, CRLF, CR, NEL, U+2028); a form feed is a blank line.

    A line longer than `_LONGEST_LINE` comes in parts: the parts are yielded as they are and joined by the caller
    with one space, so they are cut at one.
    """
    rest = ""
    for block in blocks:
        rest = f"{rest}{block}"
        # A carriage return at the end may be the first half of a line end.
        whole, held = (rest[:-1], "\r") if rest.endswith("\r") else (rest, "")
        found = _LINE_END.split(whole.replace("\f", "\n\n").replace("\u2029", "\n\n"))
        rest = found.pop() + held
        yield from found
        while len(rest) > _LONGEST_LINE:
            cut = rest.rfind(" ", 1, _LONGEST_LINE) + 1 or _LONGEST_LINE
            yield rest[: cut - 1] if rest[cut - 1] == " " else rest[:cut]
            rest = rest[cut:]
    if rest.strip():
        yield from _LINE_END.split(rest)


_LINE_END = re.compile(r"\r\n|[\n\r\x85\u2028]")
