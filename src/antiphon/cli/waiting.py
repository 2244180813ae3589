"""What a command that works for a while without a word of its own tells: a moving line on a terminal, else now and then
a line on stderr, so that neither a person nor a log takes it for dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from antiphon.cli.figures import clock

LINE_S = 10.0


@contextmanager
def waiting(console: Console, first: str, *, every_s: float = LINE_S) -> Iterator[Callable[[str], None]]:
    """Give it what is being done now, each time that changes. Short work says nothing where no line can move."""
    if console.is_terminal and not console.is_dumb_terminal:
        with console.status(first) as status:
            yield status.update
        return
    doing, over, began_s = [first], threading.Event(), time.monotonic()

    def tell() -> None:
        while not over.wait(every_s):
            console.print(f"{clock(time.monotonic() - began_s)}  {doing[0]}", markup=False)

    def update(now: str) -> None:
        doing[0] = now

    teller = threading.Thread(target=tell, name="waiting", daemon=True)
    teller.start()
    try:
        yield update
    finally:
        over.set()
        teller.join()
