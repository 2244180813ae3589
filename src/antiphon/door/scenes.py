"""A text with marks as passages, each in its voice and manner."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from antiphon.client.speech import Scene
from antiphon.door.ordering import Charge
from antiphon.engines import registry
from antiphon.engines.pronouncing import MAX_CHARS as MAX_PHONEMES_CHARS
from antiphon.engines.pronouncing import pronunciations, spelled
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.services import Options
from antiphon.text import boundaries
from antiphon.text.documents import ssml
from antiphon.text.lexicon import MAX_ENTRIES, MAX_ENTRY_CHARS, Lexicon
from antiphon.text.markup import DIALOGUE, MARKUPS, SSML, Passage, asked_pause_s, dialogue

MAX_CHARS = 1 << 20
"""Of a text with marks, which is read whole before anything is ordered."""
MAX_VOICES = 64

TURN_PAUSE_S = 0.45
"""Between two speakers: a little more than between two sentences of one."""

_CLAUSE_ENDS = (",", ";", ":")


def check_manner(markup: str, voices: object, lexicon: object) -> None:
    """Raises `InputError` for a markup, voices or a lexicon that are none."""
    if markup not in MARKUPS:
        raise InputError(f"There is no markup {markup[:40]!r}", f"Markups: {', '.join(MARKUPS)}.")
    for name, given, most in (("voices", voices, MAX_VOICES), ("lexicon", lexicon, MAX_ENTRIES)):
        if not isinstance(given, dict):
            raise InputError(f"{name} is a {type(given).__name__}", "Give a dictionary of words.")
        if len(given) > most:
            raise InputError(f"{name} has {len(given)} entries, and may have {most}", "Leave some out.")
        for entry in given.items():
            if not all(isinstance(one, str) and 0 < len(one.strip()) <= MAX_ENTRY_CHARS for one in entry):
                raise InputError(
                    f"{name} has no proper entry {str(entry)[:60]}", f"Give words of 1 to {MAX_ENTRY_CHARS} characters."
                )


def passages_of(
    text: str | Iterable[str], markup: str, speakers: Iterable[str], lexicon: dict[str, str]
) -> list[Passage]:
    """The passages of a text, as they are said, each with the silence after it. Raises `InputError`, with the place
    for what is wrong there."""
    said = Lexicon({word: sound for word, sound in lexicon.items() if not _ipa(sound)})
    phonemes = {word: ipa for word, sound in lexicon.items() if (ipa := _ipa(sound))}
    found = [_said(passage, said, phonemes) for passage in _read(text, markup, speakers)]
    pauses = [pause_between(one, following, markup) for one, following in itertools.pairwise(found)]
    return [replace(passage, pause_s=pause_s) for passage, pause_s in zip(found, [*pauses, None], strict=True)]


def phonemes_option(engine: str, words: dict[str, str]) -> Options:
    """Raises `InputError` for an engine that takes no phonemes, for what is no IPA, and for too much of it."""
    if engine in registry.names() and "phonemes" not in registry.load(engine).Options.__struct_fields__:
        hint = "Choose a voice of hibari or kokoro, or respell the word: sub, or a lexicon without slashes."
        raise InputError(f"The engine {engine} takes no phonemes", hint)
    told = spelled(words)
    if len(told) > MAX_PHONEMES_CHARS:
        raise InputError(f"The phonemes of one passage have {len(told)} characters", "Give fewer words.")
    pronunciations(told)
    return {"phonemes": told}


def charges_of(scene: Scene) -> tuple[Charge, ...]:
    """What its passages come to, by who is asked for them."""
    units: dict[Selector, int] = {}
    for passage in scene.passages:
        selector = passage.script.selector
        units[selector] = units.get(selector, 0) + sum(map(len, passage.script.text))
    return tuple(Charge(selector, count) for selector, count in units.items())


def pause_between(passage: Passage, following: Passage, markup: str) -> float:
    """The silence between two passages."""
    asked_s = asked_pause_s(passage.text)
    if markup == DIALOGUE:
        return max(TURN_PAUSE_S, asked_s)
    gap = "" if passage.text[-1:].isspace() else " "
    place = len(passage.text) + len(gap)
    found = boundaries.at(passage.text + gap + following.text.lstrip()[: boundaries.LOOKAHEAD], place)
    if found is not None:
        return max(found.pause_s, TURN_PAUSE_S if passage.voice != following.voice and not asked_s else 0.0)
    clause = passage.text.rstrip().endswith(_CLAUSE_ENDS)
    return boundaries.CLAUSE_PAUSE_S if clause else boundaries.WORD_PAUSE_S


def _said(passage: Passage, said: Lexicon, phonemes: dict[str, str]) -> Passage:
    text = said.said(passage.text).text
    words = {word: ipa for word, ipa in phonemes.items() if word.casefold() in text.casefold()}
    return replace(passage, text=text, phonemes=tuple((words | dict(passage.phonemes)).items()))


def _read(text: str | Iterable[str], markup: str, speakers: Iterable[str]) -> list[Passage]:
    whole = _whole(text)
    if markup == SSML:
        return ssml.passages(whole)
    if markup == DIALOGUE:
        return dialogue(whole, tuple(speakers) or None)
    return [Passage(whole)]


def _whole(text: str | Iterable[str]) -> str:
    parts, size = list[str](), 0
    for block in (text,) if isinstance(text, str) else text:
        parts.append(block)
        size += len(block)
        if size > MAX_CHARS:
            raise InputError(f"A text with marks has more than {MAX_CHARS:,} characters", "Send it in several.")
    return "".join(parts)


def _ipa(sound: str) -> str:
    sound = sound.strip()
    return sound[1:-1].strip() if len(sound) > 2 and sound[0] == sound[-1] == "/" else ""
