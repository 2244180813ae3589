"""Music that an order fixes to the last register: a MIDI file to be played, or a sound effect by its name.

Both travel as options of a `MusicRequest`: `midi` holds a file's bytes, `effect` says that the prompt names an effect.
Everybody makes the same registers of them, so whoever judges can hear what had to be delivered.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from functools import lru_cache
from typing import Final

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip import from_midi
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.midi import MAX_BYTES
from antiphon.errors import InputError
from antiphon.music.effects import effect, louder
from antiphon.music.playing import Piece
from antiphon.services import MusicRequest

MAX_CHARS: Final = 400_000
"""Of a packed file. Sixteen pieces of ten minutes in a row take as much."""

KEPT: Final = 8
"""Orders whose registers are kept, for the other windows of a piece."""


def packed(midi: bytes) -> str:
    """A MIDI file as base64 of its deflated bytes. Raises `InputError` where it is too large for an order."""
    text = base64.urlsafe_b64encode(zlib.compress(midi, 9)).decode()
    if len(text) > MAX_CHARS:
        raise InputError(f"The MIDI file takes {len(text)} characters, over {MAX_CHARS}", "Cut it into parts.")
    return text


def unpacked(text: str) -> bytes:
    """The file again. Raises `InputError` for anything but what `packed` makes."""
    if len(text) > MAX_CHARS:
        raise InputError(f"The MIDI file takes {len(text)} characters, over {MAX_CHARS}", "Cut it into parts.")
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(base64.b64decode(text, altchars=b"-_", validate=True), MAX_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InputError("The MIDI file in this order cannot be read", "Order it by: antiphon render FILE") from error
    if reader.unconsumed_tail or not reader.eof:
        raise InputError(f"The MIDI file in this order is cut, or over {MAX_BYTES} bytes", "Cut it into parts.")
    return data


def registers(request: MusicRequest) -> TokenGrid:
    """Of the whole that a request with one of these options is a window of. Raises `InputError`."""
    return _registers(*_order(request))


def _order(request: MusicRequest) -> tuple[str, str, int]:
    """The file, or the effect's name and seed: all that decides the registers."""
    midi, named = request.options.get("midi", ""), request.options.get("effect", False)
    if midi and named:
        raise InputError("An order plays a MIDI file or makes an effect, not both")
    return str(midi), request.prompt if named else "", request.seed if named else 0


@lru_cache(maxsize=KEPT)
def _registers(midi: str, name: str, seed: int) -> TokenGrid:
    return from_midi(unpacked(midi)) if midi else effect(name, seed).grid


@lru_cache(maxsize=KEPT)
def _piece(midi: str, name: str, seed: int) -> Piece:
    tokens = _registers(midi, name, seed).tokens
    return Piece(tokens, tokens.shape[1] / lay.FRAME_RATE_HZ)


def piece(request: MusicRequest) -> Piece:
    """The whole, to be played from anywhere. Raises `InputError`."""
    return _piece(*_order(request))


def sound(request: MusicRequest) -> Waveform:
    """The request's window, sample by sample what the chip makes of it."""
    start, stop = (round(one * lay.RATE_HZ) for one in (request.start_s, request.stop_s))
    own = Waveform(np.concatenate([one.samples for one in piece(request).samples(start, stop)], axis=1), lay.RATE_HZ)
    return louder(own) if request.options.get("effect") else own
