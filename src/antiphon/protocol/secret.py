"""Bytes that must not be seen: hidden in repr, refused by pickle and copy, compared in constant time, zeroised."""

from __future__ import annotations

import hmac
from typing import NoReturn

from antiphon.errors import ProtocolError


class Secret:
    """Secret bytes. Only `reveal()` gives them out; `destroy()` overwrites them.

    Python and OpenSSL may hold copies of revealed bytes which nobody can overwrite; what `destroy` guarantees is that
    this object gives nothing out any more.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value: bytearray | None = bytearray(value)

    def reveal(self) -> bytes:
        """The bytes. Raises ProtocolError once destroyed."""
        if self._value is None:
            raise ProtocolError("This secret was destroyed", "Its task is over; open a new task.")
        return bytes(self._value)

    def destroy(self) -> None:
        """Overwrite and forget. Doing it twice is fine."""
        if self._value is not None:
            self._value[:] = bytes(len(self._value))
            self._value = None

    @property
    def destroyed(self) -> bool:
        return self._value is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret) or self._value is None or other._value is None:
            return False
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'destroyed' if self._value is None else 'hidden'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied")
