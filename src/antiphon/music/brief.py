"""What a prompt asks for, in musical terms."""

from __future__ import annotations

import msgspec


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt, read. None and empty = not said; the composer chooses, and judges do not ask for it.

    `energy`, `brightness` and `density` are 0..1. `notes` tells what was resolved or not understood, in sentences.
    """

    prompt: str
    tempo_bpm: float | None = None
    tonic: int | None = None  # 0 = C ... 11 = B
    mode: str | None = None  # "major" or "minor"
    meter: int | None = None  # beats in a bar: 3 or 4
    style: str | None = None
    mood: str | None = None
    energy: float | None = None
    brightness: float | None = None
    density: float | None = None
    instruments: tuple[str, ...] = ()
    structure: str = ""  # section letters, e.g. "AABA"
    seconds: float | None = None
    loop: bool = False
    notes: tuple[str, ...] = ()


def read(prompt: str) -> Brief:
    """Read free words. Never fails for words it does not know; contradictions are resolved and told in `notes`."""
    raise NotImplementedError
