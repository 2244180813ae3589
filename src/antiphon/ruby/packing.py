"""A grid as text, to travel inside an order: what is given of a piece that Ruby goes on with, changes or fills in."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.ruby.filling import UNKNOWN

MAX_CHARS: Final = 40_000
MAX_STEPS: Final = 8_192


def packed(tokens: Tokens) -> str:
    """`[10, T]`, unknown ones included, as base64 of their deflated bytes."""
    return base64.urlsafe_b64encode(zlib.compress(tokens.astype(np.uint8).tobytes(), 9)).decode()


def unpacked(text: str) -> Tokens:
    """The grid again. Raises `InputError` for anything but what `packed` makes, or for too long a piece."""
    if len(text) > MAX_CHARS:
        raise InputError(f"The piece takes {len(text)} characters, over {MAX_CHARS}", "Give a shorter one.")
    levels = len(UNKNOWN)
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(base64.b64decode(text, altchars=b"-_", validate=True), levels * MAX_STEPS)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InputError("The piece in this order cannot be read", "Order again with --from FILE.") from error
    if reader.unconsumed_tail or not reader.eof or not raw or len(raw) % levels:
        raise InputError(f"The piece in this order is no whole grid of at most {MAX_STEPS} sixteenths")
    tokens = np.frombuffer(raw, np.uint8).reshape(levels, -1).astype(np.uint16)
    if (tokens > UNKNOWN[:, None]).any():
        raise InputError("The piece in this order holds tokens that Ruby does not have")
    return tokens
