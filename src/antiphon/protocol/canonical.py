"""The one encoding of everything that is signed or hashed: MessagePack of frozen Structs, one form per value.

Map keys keep the order of the Struct's fields, those of dicts are sorted, numbers take their shortest form. `decode`
accepts a message only if encoding it again gives the same bytes, so two different messages never mean the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, overload

import msgspec

from antiphon.errors import ProtocolError

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Longest message anybody decodes unless told otherwise: 8 MiB, 174 s of 24 kHz PCM16."""

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder(order="deterministic")


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def pack(obj: object) -> bytes:
    """Encode without a check that `decode` accepts it: for values whose fields are known to have their exact types."""
    return _encoder.encode(obj)


def encode(obj: object) -> bytes:
    """Encode a value so that `decode(type(obj), ...)` accepts it (an int in a float field becomes a float).

    Raises ProtocolError if the value does not fit its own type.
    """
    try:
        raw = _encoder.encode(obj)
    except (TypeError, ValueError, OverflowError, RecursionError, UnicodeError) as e:
        raise ProtocolError(f"{type(obj).__name__} cannot be encoded: {e}", "Pass a Struct of plain values.") from e
    return _encoder.encode(parse(type(obj), raw, limit=max(len(raw), 1)))


@overload
def parse(kind: type[T], data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> T: ...
@overload
def parse(kind: object, data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> Any: ...
def parse(kind: Any, data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> Any:
    """Decode without the canonical check. `kind` may also be a union of tagged Structs. Raises ProtocolError."""
    if len(data) > limit:
        raise ProtocolError(
            f"The message is too large: {len(data)} bytes, the limit is {limit}", "Send it in smaller parts."
        )
    try:
        return _decoder(kind).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as e:
        name = getattr(kind, "__name__", str(kind))
        raise ProtocolError(
            f"The message is not a readable {name}: {e}", "Check that both sides run the same version."
        ) from e


@overload
def decode(kind: type[T], data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> T: ...
@overload
def decode(kind: object, data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> Any: ...
def decode(kind: Any, data: bytes, *, limit: int = MAX_MESSAGE_BYTES) -> Any:
    """Decode strictly. Raises ProtocolError on anything unreadable, too large, unknown or not in canonical form.

    A value object that refuses its own values (an `InputError` of a request) is heard as it is.
    """
    value = parse(kind, data, limit=limit)
    require_canonical(value, data)
    return value


def require_canonical(value: object, data: bytes) -> None:
    """Raise ProtocolError unless `data` is the one encoding of `value`."""
    if _encoder.encode(value) != data:
        raise ProtocolError(
            "The message is not canonical: it has unknown fields, or says the same in other bytes",
            "Encode it with antiphon.protocol.canonical.",
        )
