"""Explicit settings that stand above a prompt: the same things, said by options instead of words."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from antiphon.errors import InputError
from antiphon.music import grammar
from antiphon.music.brief import MusicBrief
from antiphon.music.instruments import instruments
from antiphon.music.meter import METERS
from antiphon.music.styles import MOODS, STYLES

_FIELDS = ("style", "mood", "tempo_bpm", "tonic", "mode", "meter", "energy", "brightness", "density", "structure")


def overridden(
    brief: MusicBrief,
    *,
    style: str = "",
    mood: str = "",
    tempo_bpm: float | None = None,
    key: str = "",
    meter: str = "",
    structure: str = "",
    parts: str = "",
    energy: float | None = None,
    brightness: float | None = None,
    density: float | None = None,
) -> MusicBrief:
    """`brief` with what is given instead of what the prompt says; every difference is told in `notes`.

    `key` is e.g. `F# minor`, `parts` e.g. `square lead, no drums`. Raises `InputError` for what cannot be read.
    """
    named = _key(key)
    given: dict[str, object] = {
        "style": _one_of("style", style, STYLES),
        "mood": _one_of("mood", mood, MOODS),
        "tempo_bpm": tempo_bpm,
        "tonic": named.tonic,
        "mode": named.mode,
        "meter": _one_of("metre", meter, METERS),
        "energy": energy,
        "brightness": brightness,
        "density": density,
        "structure": _form(structure),
    }
    changes = {name: value for name, value in given.items() if value not in (None, "")}
    notes = [
        f"The prompt says {_readable(name, old)} for {name}, the option {_readable(name, changes[name])}: it counts."
        for name in _FIELDS
        if name in changes and (old := getattr(brief, name)) not in (None, "") and old != changes[name]
    ]
    if key:
        changes["church"] = named.church
    if tempo_bpm is not None:
        changes["tempo_range_bpm"] = None
    if parts:
        changes["instruments"] = _parts(parts)
        if brief.instruments and brief.instruments != changes["instruments"]:
            notes.append("The prompt names other instruments than the option: the option counts.")
    return msgspec.structs.replace(brief, **changes, notes=(*brief.notes, *notes))


def _readable(name: str, value: object) -> str:
    return grammar.NAMES[value] if name == "tonic" and isinstance(value, int) else str(value)


def _one_of(kind: str, name: str, choices: Collection[str]) -> str:
    if name and name not in choices:
        raise InputError(f"There is no {kind} {name!r}", f"Choose from: {', '.join(choices)}.")
    return name


def _key(text: str) -> grammar.Key:
    if not text:
        return grammar.Key(None, None)
    found = grammar.key(text if len(text.split()) > 1 or text[1:].strip("#b") else f"in {text}")
    if found.value is None or found.rest.strip(" ,") or found.notes:
        raise InputError(f"{text!r} is not a key", "Write for example: A minor, F# major, Bbm.")
    return found.value


def _form(text: str) -> str:
    if not text:
        return ""
    found = grammar.structure(text)
    if found.value is None or found.rest.strip(" ,"):
        raise InputError(f"{text!r} is not a form", "Write section letters from A on, for example AABA.")
    return found.value


def _parts(text: str) -> tuple[str, ...]:
    found = instruments(text)
    if found.value is None or found.rest.strip(" ,;"):
        raise InputError(f"{text!r} is not a list of parts", "Write for example: square lead, triangle bass, no drums.")
    return found.value
