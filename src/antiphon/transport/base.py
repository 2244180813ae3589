"""The Transport Protocol: one message to one endpoint, a stream of frames back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from antiphon.protocol.envelope import MAX_ENVELOPE_BYTES

Handler: TypeAlias = Callable[[bytes], AsyncIterator[bytes]]
"""What a node does with a message: yields the frames of its answer. It is cancelled when the asker leaves; an
`AntiphonError` it raises reaches the asker as the same class."""

request_headers: ContextVar[Mapping[str, str]] = ContextVar("request_headers")
"""While a handler answers over HTTP: the request's headers X-..., by lower-case names. For protocols that sign requests
in headers; ours is in the message itself."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one side takes from the other. Both sides check."""

    message_bytes: int = MAX_ENVELOPE_BYTES
    frame_bytes: int = MAX_ENVELOPE_BYTES
    answer_bytes: int = 256 * 1024 * 1024  # all frames of one answer
    held_bytes: int = 256 * 1024 * 1024  # all messages that a server holds at once; more are told BusyError
    frames_ahead: int = 4  # in process: frames made before the asker takes one
    concurrent: int = 256  # answers at once; more are told BusyError
    connections: int = 1024  # open sockets, per server and per client
    per_address: int = 256  # of them from one address (IPv6: one /64)
    first_s: float = 5.0  # from connecting to the first byte
    idle_s: float = 20.0  # between two requests
    keep_s: float = 15.0  # a client keeps an idle connection: shorter than `idle_s`, or it writes into a closing one
    head_s: float = 5.0  # for request line and headers to arrive
    head_bytes: int = 16 * 1024
    body_s: float = 30.0  # for a message to arrive
    stall_s: float = 20.0  # between two looks at whether an asker still reads
    bytes_per_s: int = 16 * 1024  # the least average rate of sending a message, and of reading an answer
    answer_s: float = 900.0  # for an answer to be made
    connect_s: float = 5.0
    retry_after_s: float = 1.0  # what a busy server says


DEFAULT_LIMITS = Limits()


class Transport(Protocol):
    """Asks nodes. `antiphon.transport.inproc` and `.http` are the two that ship."""

    def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> AsyncGenerator[bytes, None]:
        """Frames of the answer, an async generator; closing it early cancels the handler on the other side.

        Raises whatever AntiphonError the other side raised; UnreachableError if there is no connection;
        UnavailableError if it is not done within `deadline_s` (counted from the first frame asked for to the last one);
        ProtocolError if the answer is truncated, malformed or too large.
        """
        ...

    async def close(self) -> None: ...
