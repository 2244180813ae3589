"""A handler's endpoint: what both transports do with a message before and after the node's handler."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator

from antiphon.errors import AntiphonError, BusyError, ProtocolError, UnavailableError
from antiphon.transport.base import Handler, Limits
from antiphon.transport.frames import DATA, END, Frame, error_frame

_log = logging.getLogger(__name__)


def too_large(size: int, limit: int) -> ProtocolError:
    """The error for a message over its limit."""
    return ProtocolError(f"The message is too large: {size} bytes, the limit is {limit}", "Send it in smaller parts.")


class HandlerEndpoint:
    """Turns a handler into frames: limits before, errors as frames after. One per registered handler."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self._handler = handler
        self.limits = limits
        self.active = 0

    async def answer(self, message: bytes) -> AsyncGenerator[Frame, None]:
        """Data frames, then exactly one end or error frame. Closing it closes the handler's generator."""
        if len(message) > self.limits.message_bytes:
            yield error_frame(too_large(len(message), self.limits.message_bytes))
            return
        if self.active >= self.limits.concurrent:
            busy = BusyError(
                f"The node already answers {self.active} messages",
                "Retry later or elsewhere.",
                retry_after_s=self.limits.retry_after_s,
            )
            yield error_frame(busy)
            return
        self.active += 1
        frames: AsyncIterator[bytes] | None = None
        try:
            frames = self._handler(message)
            async for frame in frames:
                if len(frame) > self.limits.frame_bytes:
                    raise ProtocolError(f"The node made a frame of {len(frame)} bytes", "Raise Limits.frame_bytes.")
                yield DATA, frame
            yield END, b""
        except AntiphonError as e:
            yield error_frame(e)
        except Exception:  # noqa: BLE001 - the edge: the asker learns that it failed, the operator's log learns why
            _log.exception("a handler failed")
            yield error_frame(UnavailableError("The node failed while it answered", "Ask another node."))
        finally:
            self.active -= 1
            if isinstance(frames, AsyncGenerator):
                await frames.aclose()
