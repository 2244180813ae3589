"""The network's services and their requests: what a client may ask for.

A request is a frozen, strict value object. It travels sealed; only its `units` (what is billed) are public.
New services add one struct here and one engine; nothing between client and settlement changes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from antiphon.errors import InputError

MAX_TEXT_CHARS = 2_000
"""Longest text of one subtask. Longer texts are split by sentences into subtasks (`antiphon.text.split`)."""


class Service(StrEnum):
    """What the market trades."""

    SPEECH = "speech"
    CLONE = "clone"
    MUSIC = "music"


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="speech"):
    """Text in a named voice. `voice` is `name` or a weighted mix `a:0.6+b:0.4`; `language` is BCP 47."""

    text: str
    voice: str
    language: str = "en-us"
    speed: float = 1.0
    options: dict[str, str | int | float | bool] = {}

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError("The text is empty", "Give at least one word.")
        if len(self.text) > MAX_TEXT_CHARS:
            raise InputError(f"The text has {len(self.text)} characters, more than {MAX_TEXT_CHARS} for one subtask")
        if not 0.5 <= self.speed <= 2.0:
            raise InputError(f"Speed {self.speed} is outside 0.5-2.0")


Request: TypeAlias = SpeechRequest
"""Union of all requests (tagged by service)."""


def service_of(request: Request) -> Service:
    """The service a request belongs to."""
    return Service(str(type(request).__struct_config__.tag))


def units_of(request: Request) -> int:
    """Billed units: characters for speech. Never 0."""
    return max(1, len(request.text))
