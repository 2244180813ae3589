"""Marks in a text that is to be spoken: pauses anywhere, and speakers of a dialogue. None is ever read aloud."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from antiphon.errors import MarkupError
from antiphon.text.boundaries import MAX_PAUSE_S, PAUSE_MARKS, pause

PLAIN, SSML, DIALOGUE = MARKUPS = ("text", "ssml", "dialogue")

_PAUSE = re.compile(r"\[pause ([0-9]{1,5}(?:\.[0-9]{1,3})?) ?(ms|s)\]", re.I)
_HELD_CHARS = 32
"""A mark that a block ends in the middle of is no longer than this."""

_SPEAKER = re.compile(r"([^\s:\[\]][^:\[\]\n]{0,199}?):[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class Passage:
    """Text in one manner. `voice` and `language` empty: as the whole. `rate` and `pitch` are factors, `gain_db` is
    added; `pause_s`: silence after it, None: as its end has it. `phonemes`: words and how they are said, in IPA."""

    text: str
    voice: str = ""
    language: str = ""
    rate: float = 1.0
    pitch: float = 1.0
    gain_db: float = 0.0
    pause_s: float | None = None
    phonemes: tuple[tuple[str, str], ...] = ()

    @property
    def spoken(self) -> bool:
        """Whether there is anything to say."""
        return any(char.isalnum() for char in self.text)


def asked_pause_s(text: str) -> float:
    """The silence that a text asks for at its end."""
    return min(sum(PAUSE_MARKS.get(char, 0.0) for char in text[len(text.rstrip()) :]), MAX_PAUSE_S)


def with_pauses(blocks: Iterable[str]) -> Iterator[str]:
    """The text with each `[pause 500ms]` and `[pause 1.5s]` as the silence it asks for.

    Whatever is written otherwise is text. A mark may lie across blocks. Raises `MarkupError`, with line and column, for
    a silence longer than `MAX_PAUSE_S`, of one mark or of several with no word between them.
    """
    held, pauses = "", _Pauses()
    for block in blocks:
        text = held + block
        begin = text.rfind("[", max(0, len(text) - _HELD_CHARS))
        cut = len(text) if begin < 0 or "]" in text[begin:] else begin
        held = text[cut:]
        if text[:cut]:
            yield pauses.silenced(text[:cut])
    if held:
        yield pauses.silenced(held)


class _Pauses:
    """Where in a text we are, and the silence since its last word."""

    def __init__(self) -> None:
        self._line, self._column, self._silence_s = 1, 1, 0.0

    def silenced(self, text: str) -> str:
        """The next piece of the text, its marks as silences."""
        done, at = [], 0
        for found in _PAUSE.finditer(text):
            done += [self._passed(text[at : found.start()]), self._silence(found)]
            at = found.end()
        return "".join([*done, self._passed(text[at:])])

    def _passed(self, text: str) -> str:
        if text.strip():
            self._silence_s = 0.0
        self._line += text.count("\n")
        newline = text.rfind("\n")
        self._column = len(text) - newline if newline >= 0 else self._column + len(text)
        return text

    def _silence(self, found: re.Match[str]) -> str:
        seconds = float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
        self._silence_s += seconds
        if self._silence_s > MAX_PAUSE_S:
            raise MarkupError(
                f"The silence at line {self._line}, column {self._column} lasts {self._silence_s:g} s, and may last "
                f"{MAX_PAUSE_S:g}",
                f"Write [pause {MAX_PAUSE_S:g}s] or less.",
            )
        self._column += len(found[0])
        return pause(seconds) + " " if seconds >= 0.05 else " "


def dialogue(text: str, voices: Collection[str] | None = None) -> list[Passage]:
    """`speaker: text`, a line or more each; an indented line goes on. The speaker stands as the passage's voice.

    `voices`: the speakers that there are; None: whoever speaks. Raises `MarkupError` with the line.
    """
    for _ in with_pauses([text]):
        """Pauses that are too long are told where they stand in the whole."""
    found: list[tuple[str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            if found:
                found[-1][1].append("")
            continue
        speaker = _SPEAKER.match(line)
        if line[0].isspace() and found:
            found[-1][1].append(line.strip())
        elif speaker is None:
            raise MarkupError(
                f"Line {number} of the dialogue has no speaker: {line.strip()[:40]!r}",
                "Write NAME: TEXT; begin a line that goes on with a space.",
            )
        elif voices is not None and speaker[1] not in voices:
            raise MarkupError(
                f"Line {number} of the dialogue is spoken by {speaker[1][:40]!r}, who has no voice",
                f"Speakers: {', '.join(sorted(voices)) or 'none'}. Begin a line that goes on with a space.",
            )
        else:
            found.append((speaker[1], [line[speaker.end() :].strip()]))
    passages = [Passage("".join(with_pauses(["\n".join(lines).strip()])), speaker) for speaker, lines in found]
    if not any(passage.spoken for passage in passages):
        raise MarkupError("The dialogue has nothing that can be spoken", "Write NAME: TEXT.")
    return [passage for passage in passages if passage.spoken]
