"""SSML 1.1 (W3C), the part of it that can be carried out, read strictly: what is wrong is told with its place.

No document types and so no entities but XML's own: an XML bomb has nothing to grow from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn
from xml.parsers import expat

from antiphon.errors import MarkupError
from antiphon.text.boundaries import MAX_PAUSE_S
from antiphon.text.documents.composing import Composer
from antiphon.text.markup import Passage, with_pauses
from antiphon.text.reading import Tell, silent
from antiphon.text.saying import KINDS, said_as

MAX_DEPTH = 64
MAX_PASSAGES = 10_000
MIN_RATE, MAX_RATE = 0.25, 4.0
MAX_SEMITONES, MAX_GAIN_DB = 12.0, 20.0

_STRENGTHS_S = {"none": 0.0, "x-weak": 0.0, "weak": 0.1, "medium": 0.3, "strong": 0.7, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PITCHES = {"x-low": -4.0, "low": -2.0, "medium": 0.0, "default": 0.0, "high": 2.0, "x-high": 4.0}
_VOLUMES = {"x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0}
_TIME = re.compile(r"\+?([0-9]{1,6}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})\s*(ms|s)", re.I)
_NUMBER = re.compile(r"([+-]?)([0-9]{1,4}(?:\.[0-9]{1,4})?)(%|st|dB)?")

_PLAIN = frozenset(("speak", "p", "paragraph", "s", "sentence", "w", "token", "lang"))
_NOT_FOLLOWED = frozenset(("emphasis", "mark", "audio"))
_UNHEARD = frozenset(("metadata", "meta", "lexicon", "lookup", "desc"))
_ELEMENTS = (*sorted(_PLAIN), "break", "phoneme", "prosody", "say-as", "sub", "voice")


@dataclass(frozen=True, slots=True)
class _Manner:
    voice: str = ""
    language: str = ""
    rate: float = 1.0
    semitones: float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class _Open:
    """An element: the manner outside it, and what replaces its text, if anything does."""

    name: str
    outside: _Manner
    say_as: tuple[str, str] | None = None
    phonemes: str = ""
    unheard: bool = False


def passages(text: str, tell: Tell = silent) -> list[Passage]:
    """What a document says. `tell` hears of marks that are not followed, whose words are said.

    Raises `MarkupError`, with line and column, for what is no XML, a document type, an element or value that is not
    known, and a document with nothing to say.
    """
    document = text.lstrip("\ufeff \t\r\n")
    reader = _Reader(text[: len(text) - len(document)].count("\n"))
    try:
        reader.parser.Parse(document, True)
    except expat.ExpatError as error:
        what = expat.errors.messages[error.code]
        raise MarkupError(
            f"The SSML is wrong at line {error.lineno + reader.lines_before}, column {error.offset + 1}: {what}",
            "Close every tag, and write & as &amp; and < as &lt;.",
        ) from None
    if reader.not_followed:
        tell(f"SSML's {', '.join(sorted(reader.not_followed))} not followed; the words in them are said")
    found = [passage for passage in reader.passages() if passage.spoken]
    if not found:
        raise MarkupError("The SSML has nothing that can be spoken", "Give at least one word of text.")
    return found


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:
    """The words and silences of a document alone, for those who have one voice. Raises as `passages`."""
    found = passages("".join(blocks), tell)
    if any((one.voice, one.rate, one.pitch, one.gain_db, one.phonemes) != ("", 1.0, 1.0, 0.0, ()) for one in found):
        tell("SSML's voice, prosody and phoneme are followed by `antiphon say` alone; the words in them are said")
    yield "".join(one.text for one in found)


class _Reader:
    def __init__(self, lines_before: int) -> None:
        self.lines_before = lines_before
        self.parser = expat.ParserCreate(namespace_separator=None)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._said
        self.parser.StartDoctypeDeclHandler = self._refuse_types
        self.not_followed: set[str] = set()
        self._open: list[_Open] = []
        self._manner = _Manner()
        self._held: list[str] = []  # the text of an open say-as
        self._done: list[Passage] = []
        self._out, self._of = Composer(), _Manner()  # the passage that grows
        self._phonemes: list[tuple[str, str]] = []

    def passages(self) -> list[Passage]:
        self._flush()
        return self._done

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        if not self._open and name != "speak":
            self._wrong(f"the document begins with <{tag[:40]}>", "Put everything into <speak> ... </speak>.")
        if len(self._open) >= MAX_DEPTH:
            self._wrong(f"elements lie more than {MAX_DEPTH} deep", "Write it flatter.")
        if self._open and self._open[-1].say_as is not None:
            self._wrong(f"<{tag[:40]}> lies in say-as", "Put words alone into it.")
        opened = _Open(name, self._manner, unheard=bool(self._open) and self._open[-1].unheard)
        self._open.append(opened if opened.unheard else self._entered(tag, name, opened, attributes))

    def _entered(self, tag: str, name: str, opened: _Open, given: dict[str, str]) -> _Open:
        if language := given.get("xml:lang", ""):
            self._manner = replace(self._manner, language=language[:40])
        if name in _UNHEARD:
            return replace(opened, unheard=True)
        match name:
            case "break":
                self._break(given)
            case "voice":
                self._manner = replace(self._manner, voice=self._needed(tag, "name", given))
            case "prosody":
                self._prosody(given)
            case "sub":
                self._words(self._needed(tag, "alias", given))
                return replace(opened, unheard=True)
            case "say-as":
                return replace(opened, say_as=self._kind(tag, given))
            case "phoneme":
                if given.get("alphabet", "ipa").lower() != "ipa":
                    self._wrong(f"alphabet {given['alphabet'][:40]!r} is not known", 'Use alphabet="ipa".')
                return replace(opened, phonemes=self._needed(tag, "ph", given))
            case _:
                self._structure(tag, name)
        return opened

    def _structure(self, tag: str, name: str) -> None:
        if name in {"p", "paragraph"}:
            self._out.paragraph()
        elif name in _NOT_FOLLOWED or ":" in tag:
            self.not_followed.add(name)
        elif name not in _PLAIN:
            self._wrong(f"<{tag[:40]}> is not known", f"Elements: {', '.join(_ELEMENTS)}.")

    def _kind(self, tag: str, given: dict[str, str]) -> tuple[str, str]:
        kind = self._needed(tag, "interpret-as", given).lower()
        if kind not in KINDS:
            self._wrong(f"interpret-as {kind[:40]!r} is not known", f"Known: {', '.join(sorted(KINDS))}.")
        return kind, given.get("format", "").lower()

    def _end(self, _: str) -> None:
        closed = self._open.pop()
        if closed.say_as is not None or closed.phonemes:
            text, self._held = " ".join("".join(self._held).split()), []
            if closed.say_as is not None:
                self._words(said_as(text, *closed.say_as))
            elif text:
                self._words(text)
                self._phonemes.append((text, closed.phonemes))
        if closed.name in {"s", "sentence", "p", "paragraph"} and not closed.unheard:
            self._out.sentence()
            if closed.name.startswith("p"):
                self._out.paragraph()
        self._manner = closed.outside

    def _said(self, text: str) -> None:
        if self._open[-1].unheard:
            return
        if self._open[-1].say_as is not None or self._open[-1].phonemes:
            self._held.append(text)
        else:
            self._words(self._with_pauses(text) if "[" in text else text)

    def _with_pauses(self, text: str) -> str:
        try:
            return "".join(with_pauses([text]))
        except MarkupError:
            self._wrong(f"the text before has a pause longer than {MAX_PAUSE_S:g} s", "Make it shorter.")

    def _words(self, text: str) -> None:
        if text.strip() and self._manner != self._of:
            self._flush()
            self._of = self._manner
        self._out.words(text)

    def _flush(self) -> None:
        """The passage in one manner is over."""
        text = self._out.take() + self._out.gap
        if self._done and not any(char.isalnum() for char in text):  # a full stop, a silence
            self._done[-1] = replace(self._done[-1], text=self._done[-1].text + text)
        elif any(char.isalnum() for char in text):
            of, pitch = self._of, 2 ** (self._of.semitones / 12)
            self._done.append(
                Passage(text, of.voice, of.language, of.rate, pitch, of.gain_db, None, tuple(self._phonemes))
            )
        if len(self._done) > MAX_PASSAGES:
            self._wrong(f"the manner changes more than {MAX_PASSAGES:,} times", "Send it in several documents.")
        self._out, self._phonemes = Composer(), []

    # Values -----------------------------------------------------------------------------------------------------------

    def _break(self, given: dict[str, str]) -> None:
        if "time" in given:
            found = _TIME.fullmatch(given["time"].strip())
            if not found:
                self._wrong(f"the time {given['time'][:40]!r} is none", "Write for example 500ms or 1.5s.")
            seconds = float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
            if seconds > MAX_PAUSE_S:
                self._wrong(f"a break of {seconds:g} s is longer than {MAX_PAUSE_S:g}", "Make it shorter.")
        else:
            seconds = self._named("strength", given.get("strength", "medium"), _STRENGTHS_S)
        if seconds >= 0.05:
            self._out.silence(seconds)

    def _prosody(self, given: dict[str, str]) -> None:
        if other := [name for name in given if name not in {"rate", "pitch", "volume", "xml:lang"}]:
            self._wrong(f"prosody has {other[0][:40]!r}", "Give rate, pitch or volume.")
        manner = self._manner
        if rate := given.get("rate", ""):
            manner = replace(manner, rate=manner.rate * self._rate(rate))
        if pitch := given.get("pitch", ""):
            manner = replace(manner, semitones=manner.semitones + self._pitch(pitch))
        if volume := given.get("volume", ""):
            manner = replace(manner, gain_db=manner.gain_db + self._volume(volume))
        for name, value, low, high in (
            ("rate", manner.rate, MIN_RATE, MAX_RATE),
            ("pitch", manner.semitones, -MAX_SEMITONES, MAX_SEMITONES),
            ("volume", manner.gain_db, -MAX_GAIN_DB, MAX_GAIN_DB),
        ):
            if not low <= value <= high:
                unit = {"rate": "times", "pitch": "semitones", "volume": "dB"}[name]
                self._wrong(f"a {name} of {value:g} {unit} is outside {low:g} to {high:g}", "Ask for less.")
        self._manner = manner

    def _rate(self, value: str) -> float:
        """`slow`, `80%` and `0.8` are four fifths of the pace; `+20%` is six fifths."""
        found = _NUMBER.fullmatch(value)
        if found is None or found[3] not in {None, "%"}:
            return self._named("rate", value, _RATES)
        number = float(found[2]) / (100 if found[3] else 1)
        factor = 1 + (number if found[1] == "+" else -number) if found[1] else number
        if factor <= 0:
            self._wrong(f"the rate {value[:40]!r} stands still", "Give 25% to 400%.")
        return factor

    def _pitch(self, value: str) -> float:
        found = _NUMBER.fullmatch(value)
        if found is None or not found[1] or found[3] not in {"%", "st"}:
            return self._named("pitch", value, _PITCHES)
        number = float(found[1] + found[2])
        if found[3] == "st":
            return number
        if number <= -100:
            self._wrong(f"the pitch {value[:40]!r} is none", "Give -50% to +100%.")
        return 12 * math.log2(1 + number / 100)

    def _volume(self, value: str) -> float:
        found = _NUMBER.fullmatch(value)
        if found is None or not found[1] or found[3] != "dB":
            return self._named("volume", value, _VOLUMES)
        return float(found[1] + found[2])

    def _named(self, what: str, value: str, known: dict[str, float]) -> float:
        if value.strip().lower() not in known:
            hints = {"rate": "or 80%, +20%, ", "pitch": "or +2st, -10%, ", "volume": "or -6dB, "}
            self._wrong(f"the {what} {value[:40]!r} is not known", f"Give {', '.join(known)}, {hints.get(what, '')}")
        return known[value.strip().lower()]

    def _needed(self, tag: str, name: str, given: dict[str, str]) -> str:
        if not given.get(name, "").strip():
            self._wrong(f"<{tag}> has no {name}", f'Write <{tag} {name}="...">.')
        return given[name].strip()

    def _refuse_types(self, *_: object) -> None:
        self._wrong("a document type is not read", "Leave <!DOCTYPE> out.")

    def _wrong(self, what: str, hint: str) -> NoReturn:
        place = (
            f"line {self.parser.CurrentLineNumber + self.lines_before}, column {self.parser.CurrentColumnNumber + 1}"
        )
        raise MarkupError(f"The SSML is wrong at {place}: {what}", hint.rstrip(", "))
