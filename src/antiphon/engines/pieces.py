"""Scores as sound, window by window: what engines that compose have in common.

Every window of a piece is cut from one composition, so all fit together, wherever they are made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import RATE_HZ
from antiphon.errors import InputError
from antiphon.music import MusicBrief, Score, overridden, read
from antiphon.music.playing import Piece, piece_of
from antiphon.services import MusicRequest, Request

KEPT_PIECES = 8
"""Compositions kept, for the other windows of a piece. A piece of ten minutes takes 2 MB."""

_Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BriefOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands above the prompt.

    `key` e.g. `A minor`, `meter` e.g. `6/8`, `form` e.g. `AABA`, `parts` e.g. `square lead, no drums`.

    What is not given is left to the prompt.
    """

    style: str = ""
    mood: str = ""
    tempo_bpm: Annotated[float, msgspec.Meta(ge=30, le=300)] | None = None
    key: str = ""
    meter: str = ""
    form: str = ""
    parts: str = ""
    energy: _Unit | None = None
    brightness: _Unit | None = None
    density: _Unit | None = None

    def over(self, prompt: str) -> MusicBrief:
        """The brief of a prompt under these options. Raises `InputError`."""
        given = {name: getattr(self, name) for name in BriefOptions.__struct_fields__}
        brief = overridden(read(prompt), structure=given.pop("form"), **given)
        if not brief.understood:
            raise InputError(
                f"The prompt is in a language that is not read: {', '.join(brief.unread)}",
                "Say it in English, German, Spanish, French, Italian or Japanese, or by --option.",
            )
        return brief


def music_request(request: Request, engine: str) -> MusicRequest:
    """Raises `InputError` for requests of another service."""
    if not isinstance(request, MusicRequest):
        raise InputError(f"The engine {engine} makes music, not speech", "Choose a speech engine, or compose.")
    return request


class Pieces:
    """The last few pieces, by everything that decides them."""

    def __init__(self, compose: Callable[[MusicRequest], Score]) -> None:
        self._compose = compose
        self._pieces: OrderedDict[bytes, Piece] = OrderedDict()
        self._lock = threading.Lock()

    def window(self, request: MusicRequest) -> Iterator[Waveform]:
        """The request's window in chunks of a second."""
        return self.of(request).samples(round(request.start_s * RATE_HZ), round(request.stop_s * RATE_HZ))

    def of(self, request: MusicRequest) -> Piece:
        """The piece of a request, composed if it is not kept."""
        key = msgspec.msgpack.encode(msgspec.structs.replace(request, start_s=0.0, stop_s=min(1.0, request.seconds)))
        with self._lock:
            piece = self._pieces.get(key)
            if piece is None:
                piece = self._pieces[key] = piece_of(self._compose(request))
            self._pieces.move_to_end(key)
            while len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
            return piece
