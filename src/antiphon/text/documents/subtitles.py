"""SubRip (SRT) and WebVTT: what is said, without numbers, times, styles and tags. One utterance may span cues."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from antiphon.text.documents.plain import lines
from antiphon.text.reading import Tell

_TIMING = re.compile(r"\s*(?:\d{1,3}:)?\d\d:\d\d[,.]\d{1,3}\s+-->\s+(?:\d{1,3}:)?\d\d:\d\d[,.]\d{1,3}")
_NUMBER = re.compile(r"\s*\d{1,7}\s*")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|</?\d\d:[^<>]{0,20}>|\{\\?[^{}]{0,200}\}")
_TURN = re.compile(r"\s*(?:-|–|—|>>)\s*(?=\S)")
_LONGEST_LINE = 10_000
_BLOCKS = ("NOTE", "STYLE", "REGION")
_ENDED = re.compile(r"[.!?…。！？]['\"”’»)\]]*$")


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:
    """The words of all cues, in blocks."""
    cues, speaker = 0, _Speaker()
    cue: list[str] = []
    state = "between"  # or "in" a cue, or "aside": a block of WebVTT that is not said
    for line in lines(blocks):
        if _TIMING.match(line):
            # The line before it named the cue, unless it was a cue's own text.
            if state == "between":
                cue.clear()
            yield from speaker.say(cue)
            cues, state = cues + 1, "in"
        elif not line.strip():
            if state == "in":
                yield from speaker.say(cue)
            cue.clear()
            state = "between"
        elif state == "between" and line.startswith(("WEBVTT", *_BLOCKS)):
            state = "aside"
        elif state == "in":
            cue.append(line)
        elif state == "between":
            cue[:] = [line]
    yield from speaker.say(cue if state == "in" else [])
    if cues:
        tell(f"the times of {cues:,} cue{'s' if cues > 1 else ''} left out")


class _Speaker:
    """Lines of cues to text; a line that begins with a dash is another's turn, and ends what was said before."""

    def __init__(self) -> None:
        self._line_begins = True

    def say(self, cue: list[str]) -> Iterator[str]:
        if len(cue) > 1 and _NUMBER.fullmatch(cue[-1]):
            cue.pop()  # of the next cue, where no blank line stands before it
        for line in cue:
            text = html.unescape(_TAG.sub("", line[:_LONGEST_LINE]))
            turn = _TURN.match(text)
            text = " ".join(text[turn.end() if turn else 0 :].split())
            if text:
                ends = bool(turn or _ENDED.search(text))
                yield ("\n" if turn and not self._line_begins else "") + text + ("\n" if ends else " ")
                self._line_begins = ends
        cue.clear()
