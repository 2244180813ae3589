"""The answer's wire form: frames of type (1 byte), length (4 bytes, big-endian) and payload; ends are explicit.

01 data; 02 end (empty); 03 error (canonical `ErrorFrame`). After 02 or 03 nothing follows; without one of them the
answer was truncated. Pure: no IO.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from antiphon import errors
from antiphon.errors import AntiphonError, BusyError, ProtocolError, UnreachableError
from antiphon.protocol import canonical

DATA, END, ERROR = 1, 2, 3
HEADER_BYTES = 5
MAX_ERROR_BYTES = 8192
MAX_TEXT_CHARS = 1000
CONTENT_TYPE = "application/x-antiphon-frames"

Frame: TypeAlias = tuple[int, bytes]
"""(type, payload)."""

_HEADER = struct.Struct(">BI")
_CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    # What is an answer was reached: a node's own trouble with a third party is not ours with the node.
    if isinstance(kind, type) and issubclass(kind, AntiphonError) and kind is not UnreachableError
}


class ErrorFrame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error on its way: its class in `antiphon.errors`, its two sentences, and a busy node's estimate."""

    error: str
    what: str
    hint: str
    retry_after_s: float = 0.0


def error_frame(error: AntiphonError) -> Frame:
    """The error as a frame. Its cause and traceback stay at home."""
    name = next(kind.__name__ for kind in type(error).__mro__ if _CLASSES.get(kind.__name__) is kind)
    retry_after_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
    payload = ErrorFrame(
        error=name,
        what=error.what[:MAX_TEXT_CHARS],
        hint=error.hint[:MAX_TEXT_CHARS],
        retry_after_s=float(retry_after_s),
    )
    return ERROR, canonical.encode(payload)


def error_of(payload: bytes) -> AntiphonError:
    """The error to raise for an error frame. Raises ProtocolError if it is none of ours."""
    frame = canonical.decode(ErrorFrame, payload, limit=MAX_ERROR_BYTES)
    kind = _CLASSES.get(frame.error)
    if kind is None:
        raise ProtocolError(f"The node answered with an unknown error {frame.error[:40]!r}", "Update this program.")
    what, hint = _printable(frame.what), _printable(frame.hint)
    if issubclass(kind, BusyError):
        return kind(what, hint, retry_after_s=min(max(frame.retry_after_s, 0.0), 3600.0))
    return kind(what, hint)


def _printable(text: str) -> str:
    # Another node's words end up in a terminal: no control characters.
    return "".join(c if c.isprintable() else " " for c in text[:MAX_TEXT_CHARS])


def header(frame: Frame) -> bytes:
    """The 5 bytes before a frame's payload."""
    kind, payload = frame
    return _HEADER.pack(kind, len(payload))


def write(frame: Frame) -> bytes:
    """One frame's bytes."""
    return header(frame) + frame[1]


class FrameReader:
    """Cuts a byte stream into frames, within limits. `ended` is true after an end or error frame."""

    def __init__(self, *, frame_bytes: int, answer_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._left = answer_bytes
        self._pieces: deque[memoryview] = deque()
        self._have = 0
        self._header: tuple[int, int] | None = None
        self.ended = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by `data`. Raises ProtocolError on an unknown type, a length over its limit, or data after
        the end."""
        self._pieces.append(memoryview(data))
        self._have += len(data)
        while not self.ended:
            if self._header is None:
                if self._have < HEADER_BYTES:
                    return
                self._header = _HEADER.unpack(self._take(HEADER_BYTES))
                self._check(*self._header)
            kind, size = self._header
            if self._have < size:
                return
            self._header = None
            self._left -= size
            self.ended = kind != DATA
            yield kind, self._take(size)
        if self._have:
            raise ProtocolError("The answer goes on after its end", "The node is faulty; ask another.")

    def _take(self, size: int) -> bytes:
        """The next `size` bytes, copied once."""
        if size and len(first := self._pieces[0]) > size:  # as nearly always
            self._pieces[0] = first[size:]
            self._have -= size
            return bytes(first[:size])
        parts: list[memoryview] = []
        missing = size
        while missing:
            piece = self._pieces.popleft()
            if len(piece) > missing:
                self._pieces.appendleft(piece[missing:])
                piece = piece[:missing]
            parts.append(piece)
            missing -= len(piece)
        self._have -= size
        return b"".join(parts)

    def _check(self, kind: int, size: int) -> None:
        limit = {DATA: self._frame_bytes, END: 0, ERROR: MAX_ERROR_BYTES}.get(kind)
        if limit is None:
            raise ProtocolError(f"The answer has a frame of unknown type {kind}", "The node is faulty; ask another.")
        if size > limit:
            raise ProtocolError(
                f"A frame is too large: {size} bytes, the limit is {limit}", "Raise Limits.frame_bytes."
            )
        if kind == DATA and size > self._left:
            raise ProtocolError("The answer is too large", "Raise Limits.answer_bytes.")

    def finish(self) -> None:
        """Call when the stream is over. Raises ProtocolError if it was cut off."""
        if not self.ended:
            raise ProtocolError("The answer was truncated: it has no end frame", "Ask again.")
