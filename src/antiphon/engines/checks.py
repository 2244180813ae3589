"""What every engine checks about a request, and how it says no: with the nearest name or the choices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from antiphon import plugins
from antiphon.errors import InputError
from antiphon.plugins import unknown
from antiphon.services import Request, SpeechRequest, service_of

OptionsT = TypeVar("OptionsT", bound=msgspec.Struct)


def read_options(options: type[OptionsT], given: Mapping[str, object], engine: str) -> OptionsT:
    """`given` as the engine's `Options`. Raises `InputError` for unknown keys and values of the wrong type or range."""
    return plugins.read_options(options, given, "engine", engine)


def require_speech(request: Request, engine: str) -> SpeechRequest:
    """The request as the one kind a speech engine serves. Raises `InputError` for any other."""
    if not isinstance(request, SpeechRequest):
        raise InputError(
            f"The engine {engine} speaks texts in its own voices; it cannot serve a request of {service_of(request)}",
            "Choose an engine of that service; see: antiphon engines",
        )
    return request


def require_voice(name: str, voices: Collection[str]) -> None:
    """Raise `InputError` unless `name` is one of `voices`."""
    if name not in voices:
        raise unknown("voice", name, voices)


def require_language(language: str, languages: Collection[str], engine: str) -> None:
    """Raise `InputError` unless the BCP 47 tag is one of `languages` (lower case)."""
    if language.lower() not in languages:
        raise unknown(f"language of {engine}", language, languages)


def require_words(text: str) -> None:
    """Raise `InputError` unless there is a letter or a digit to speak."""
    if not any(char.isalnum() for char in text):
        raise InputError(f"There is nothing to speak in {text[:40]!r}", "Give at least one word or number.")


_GREEK_WORD = re.compile(r"[\u0370-\u03ff]{2,}")


def require_latin(text: str, engine: str, reads: str = "English") -> None:
    """Raise `InputError` for letters that readers of Latin script would silently drop or mangle; lone Greek letters are
    symbols."""
    foreign = [char for char in text if char.isalpha() and not _is_latin(char)]
    foreign += _GREEK_WORD.findall(text)
    if foreign:
        sample = "".join(dict.fromkeys(foreign))[:12]
        raise InputError(
            f"The engine {engine} reads {reads} and cannot read {sample!r}",
            "Choose a voice of that language, for example espeak-el, espeak-ru or espeak-cmn.",
        )


def _is_latin(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(("LATIN", "GREEK", "MODIFIER", "FEMININE", "MASCULINE", "MICRO", "FULLWIDTH LATIN"))
