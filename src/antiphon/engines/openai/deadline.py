"""A limit on a whole answer: a server that sends a byte now and then is never silent for long, and never done."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """`passed`: it was this that ended the connection."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.passed = seconds, False

    @contextmanager
    def over(self, connection: socket.socket) -> Iterator[None]:
        """The connection is cut after `seconds` unless this is left before; who reads from it then reads its end."""

        def cut() -> None:
            self.passed = True
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
