"""Which voices and models a server has, in the shapes that the known ones answer with.

Voices are at /audio/voices (Kokoro-FastAPI, vLLM, ours) or /voices (Chatterbox's servers, openai-edge-tts), as names or
objects; speaches lists them with each model. OpenAI itself and those that follow it closest list none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from antiphon.engines.openai.server import SpeechServer

UNLISTED = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
"""Voices that every server of the kind takes, whether or not it lists any."""

_NAME_KEYS = ("id", "voice_id", "voice", "name")
_LANGUAGE_KEYS = ("language", "lang", "locale")
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


class ListedVoice(NamedTuple):
    """A voice by the server's name; what the server does not tell is empty. `language` is BCP 47, lower case."""

    name: str
    language: str = ""
    gender: str = ""


def model_of(server: SpeechServer) -> tuple[str, tuple[ListedVoice, ...]]:
    """The model to ask for: the first that is told to be of speech, else the first; and the voices listed with it."""
    found = _entries(server.listed("/models"))
    models = [entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    speaks = [entry for entry in models if _speaks(entry)]
    for entry in (*speaks, *models):
        return entry["id"], tuple(_voices(entry.get("voices"), ""))
    return "tts-1", ()


def voices_of(server: SpeechServer, model: str) -> tuple[ListedVoice, ...]:
    """The voices it lists for the model, once each; empty where it lists none."""
    for path in ("/audio/voices", "/voices"):
        voices = {voice.name: voice for voice in reversed(list(_voices(server.listed(path), model)))}
        if voices:
            return tuple(reversed(voices.values()))
    return ()


def _speaks(entry: dict[str, Any]) -> bool:
    task = str(entry.get("task", ""))
    return task in {"text-to-speech", "tts"} or (not task and "tts" in entry["id"].lower())


def _entries(answer: Any) -> list[Any]:
    for key in ("voices", "data"):
        if isinstance(answer, dict) and isinstance(answer.get(key), (list, dict)):
            answer = answer[key]
    return list(answer) if isinstance(answer, (list, dict)) else []


def _voices(answer: Any, model: str) -> Iterator[ListedVoice]:
    for entry in _entries(answer):
        if isinstance(entry, str):
            yield ListedVoice(entry)
        if not isinstance(entry, dict):
            continue
        of = entry.get("model") or entry.get("model_id")
        name = _first(entry, _NAME_KEYS)
        if name and (of == model or model not in _known(answer)):
            yield ListedVoice(name, _language(_first(entry, _LANGUAGE_KEYS)), _first(entry, ("gender",)))


def _known(answer: Any) -> set[Any]:
    """Models that voices of the list are said to be of. One that none is of, such as ours for any, has them all."""
    entries = [entry for entry in _entries(answer) if isinstance(entry, dict)]
    return {entry.get("model") or entry.get("model_id") for entry in entries}


def _first(entry: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((entry[key] for key in keys if isinstance(entry.get(key), str) and entry[key].strip()), "")


def _language(told: str) -> str:
    return told.replace("_", "-").lower() if _TAG.fullmatch(told) else ""
