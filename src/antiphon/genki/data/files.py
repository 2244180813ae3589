"""Finding and opening a user's audio files: nothing is followed out of the folder, nothing is changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from antiphon.audio import MAX_AUDIO_BYTES
from antiphon.errors import InputError
from antiphon.genki.data.sidecar import clean

SUFFIXES = frozenset({
    ".3gp", ".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mp2", ".mp3", ".mp4", ".oga",
    ".ogg", ".opus", ".w64", ".wav", ".wave", ".webm",
})  # fmt: skip
"""What is taken for audio. Headerless files (.pcm, .raw) do not say how they are to be read."""

MAX_DEPTH = 64
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """An entry below the folder: a file to add (`why` empty), or one that is left out, and why."""

    path: str
    why: str = ""
    audio: bool = True  # looks like audio: leaving it out is worth a line


def walk(folder: str) -> Iterator[Found]:
    """Every file below `folder`, sorted within each folder. Symbolic links are never followed, hidden ones unseen."""
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            yield Found(place, f"cannot be opened: {error.strerror}")
            continue
        inner = []
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                inner.append((entry.path, depth + 1))
            else:
                yield _seen(entry)
        if inner and depth >= MAX_DEPTH:
            yield Found(place, f"has folders deeper than {MAX_DEPTH}")
        else:
            waiting += reversed(inner)


def _seen(entry: os.DirEntry[str]) -> Found:
    audio = Path(entry.name).suffix.lower() in SUFFIXES
    if entry.is_symlink():
        return Found(entry.path, "is a symbolic link, which is not followed", audio=audio or entry.is_dir())
    if not entry.is_file(follow_symlinks=False):
        return Found(entry.path, "is no regular file", audio=audio)
    return Found(entry.path) if audio else Found(entry.path, "is not named as audio", audio=False)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A regular file, to read; never through a link, never waiting for a pipe. Raises `InputError`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise InputError("is gone", "Put it back, or remove the clip.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be opened: {error}", "Check its owner and mode.") from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InputError("is no regular file", "Save the recording to a file first.")
        yield stream


def digest(stream: BinaryIO) -> str:
    """SHA-256 of the whole, in hex; the stream is at its beginning again. Raises `InputError`."""
    if (size := os.fstat(stream.fileno()).st_size) > MAX_AUDIO_BYTES:
        raise InputError(f"has {size:,} bytes, more than {MAX_AUDIO_BYTES:,}", "Cut it into shorter parts.")
    found = hashlib.sha256()
    try:
        while part := stream.read(_HASH_BYTES):
            found.update(part)
        stream.seek(0)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", "Check the disk.") from error
    return found.hexdigest()


def shown(path: str) -> str:
    """A path that can be printed, whatever is in it."""
    return clean(os.fsencode(path).decode("utf-8", "replace"), 1_000)
