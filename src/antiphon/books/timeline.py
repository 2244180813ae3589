"""When each sentence and each chapter of a book sounds, written down while its sound passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from antiphon.audio.joining import LEAD_S, TAIL_S
from antiphon.audio.room import OPENING_S


@dataclass(frozen=True, slots=True)
class Cue:
    """What is heard from `begin_s` to `end_s`, as it was written; a sentence that is missing takes no time."""

    begin_s: float
    end_s: float
    text: str
    chapter: int = 0
    ends_paragraph: bool = False
    paragraph: int = 1

    @property
    def name(self) -> str:
        """Of its paragraph: chapter and number from 1."""
        return f"{self.chapter + 1}.{self.paragraph}"

    @property
    def heard(self) -> bool:
        """Whether it takes any time."""
        return self.end_s > self.begin_s


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a chapter begins."""

    begin_s: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence: what was written, and the silence that follows it."""

    text: str
    pause_s: float
    ends_paragraph: bool = False


@dataclass(slots=True)
class Timeline:
    """Grows with the book: a mark a chapter, a cue a sentence."""

    rate_hz: int
    marks: list[Mark] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    samples: int = 0

    @property
    def now_s(self) -> float:
        """How much sound there is."""
        return self.samples / self.rate_hz

    def begin_chapter(self, title: str) -> None:
        """What comes next belongs to another chapter."""
        self.marks.append(Mark(self.now_s, title))


class Follower:
    """Follows the sound of one passage of a timeline, sentence by sentence."""

    def __init__(self, timeline: Timeline, lines: Sequence[Line], faster: float) -> None:
        """`faster`: how many times its sound was stretched, and the pauses with it."""
        self._timeline, self._lines, self._faster = timeline, lines, faster
        self._done, self._paragraph = 0, 1
        self._missing = set[int]()
        self._begin_s = timeline.now_s + OPENING_S

    def missing(self, number: int) -> None:
        """That sentence will not be heard."""
        self._missing.add(number)

    def sound(self, samples: int, ended: int) -> None:
        """The next sound, before which so many sentences have ended but for their last `TAIL_S`."""
        now_s = self._timeline.now_s
        for number in range(self._done, min(ended, len(self._lines))):
            line = self._lines[number]
            end_s = now_s + TAIL_S
            end_s = self._begin_s if number in self._missing else max(end_s, self._begin_s)
            chapter = len(self._timeline.marks) - 1
            cue = Cue(self._begin_s, end_s, line.text, chapter, line.ends_paragraph, self._paragraph)
            self._timeline.cues.append(cue)
            self._paragraph += line.ends_paragraph
            self._begin_s = max(self._begin_s, now_s + max(line.pause_s / self._faster - LEAD_S, TAIL_S))
        self._done = max(self._done, ended)
        self._timeline.samples += samples
