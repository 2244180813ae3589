"""What is known of one clip, as a JSON file that people read and edit.

The fields have the names that text-to-music datasets use (Copet et al., "Simple and controllable music generation",
2023, and its MusicDataset). Empty or null means unknown: nothing is guessed.
"""

from __future__ import annotations

import math
import os
import re
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from antiphon.errors import InputError, StateError

MAX_BYTES = 64 * 1024
MAX_WORD_CHARS = 200
MAX_TEXT_CHARS = 4_000
MAX_WORDS = 32
MIN_BPM, MAX_BPM = 20.0, 400.0
KINDS = ("speech", "music")
EDITABLE = ("title", "description", "genre", "moods", "instruments", "keywords", "key", "bpm", "licence", "consent")

_KEY = re.compile(r"[A-G][#b]? (major|minor|dorian|phrygian|lydian|mixolydian|locrian)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCHEME = "file://"


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the audio lies. `uri` is `file://` and the path's bytes, percent-encoded: any name can be written down."""

    uri: str
    sha256: str
    size: int  # bytes
    mtime_ns: int

    def __post_init__(self) -> None:
        if not self.uri.startswith(f"{_SCHEME}/") or not _SHA256.fullmatch(self.sha256) or self.size < 1:
            raise InputError(
                "source does not name a file by uri, sha256 and size", "Remove the clip, and add it again."
            )

    @property
    def path(self) -> str:
        """As the system knows it; bytes that are no text are escaped as Python does."""
        return os.fsdecode(unquote_to_bytes(self.uri.removeprefix(_SCHEME)))


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured beside the fields of the dataset."""

    kind: str  # speech or music
    channels: int
    loudness_lufs: float | None  # integrated, EBU R128; None for silence
    true_peak_dbtp: float
    clipped: float  # share of samples on flat tops at full scale

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind is {self.kind!r}", f"Kinds: {', '.join(KINDS)}.")


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a clip, wherever it lies. Raises `InputError` for a value outside its limits."""

    title: str = ""
    description: str = ""
    genre: str = ""
    moods: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    key: str | None = None  # "A minor"
    bpm: float | None = None
    duration: float  # s
    sample_rate: int  # Hz
    licence: str = ""
    consent: str = ""  # who allowed its use, in words
    measured: Measured

    def __post_init__(self) -> None:
        for name in ("title", "genre", "licence", "consent"):
            _check_text(name, getattr(self, name), MAX_WORD_CHARS)
        _check_text("description", self.description, MAX_TEXT_CHARS)
        for name in ("moods", "instruments", "keywords"):
            words = getattr(self, name)
            if len(words) > MAX_WORDS or len(set(words)) < len(words) or "" in words:
                raise InputError(f"{name} are at most {MAX_WORDS} different words", "Name each of them once.")
            for word in words:
                _check_text(name, word, MAX_WORD_CHARS)
        if self.key is not None and not _KEY.fullmatch(self.key):
            raise InputError(f"{clean(self.key, 40)!r} is no key", "Write it as in 'A minor' or 'Eb major'.")
        if self.bpm is not None and not MIN_BPM <= self.bpm <= MAX_BPM:
            raise InputError(f"bpm is {self.bpm:g}", f"Give {MIN_BPM:g} to {MAX_BPM:g} beats a minute.")
        if not (math.isfinite(self.duration) and self.duration > 0 and self.sample_rate > 0):
            raise InputError("duration and sample_rate are positive", "They are measured: add the clip again.")


class Sidecar(Facts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clip of a collection."""

    source: Source

    @property
    def facts(self) -> Facts:
        """What others may know of it once it is shared: all but where it lies."""
        return Facts(**{name: getattr(self, name) for name in Facts.__struct_fields__})


def _check_text(name: str, text: str, most: int) -> None:
    if text != clean(text, most):
        raise InputError(
            f"{name} is longer than {most} characters, or has line breaks or characters that cannot be printed",
            "Write it on one line.",
        )


def clean(text: str, most: int) -> str:
    """One line of what can be printed, at most `most` characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:most].rstrip()


def uri_of(path: str) -> str:
    """The `file:` URI of an absolute path, whatever bytes are in it."""
    return _SCHEME + quote_from_bytes(os.fsencode(path))


def edited(sidecar: Sidecar, changes: dict[str, Any]) -> Sidecar:
    """With other values in fields of `EDITABLE`. Raises `InputError`."""
    assert set(changes) <= set(EDITABLE)
    return msgspec.structs.replace(sidecar, **changes)


def encode(sidecar: Sidecar) -> bytes:
    return msgspec.json.format(msgspec.json.encode(sidecar), indent=2) + b"\n"


def decode(raw: bytes, where: str) -> Sidecar:
    """Raises `StateError` that names `where` and what is wrong there."""
    hint = "Mend it, or remove the clip and add it again."
    if len(raw) > MAX_BYTES:
        raise StateError(f"{where} has more than {MAX_BYTES:,} bytes", hint)
    try:
        return msgspec.json.decode(raw, type=Sidecar)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"{where} is no sidecar: {error}", hint) from error
    except InputError as error:
        raise StateError(f"{where}: {error.what}", error.hint or hint) from error
