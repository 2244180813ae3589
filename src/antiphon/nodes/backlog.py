"""What of a node's work is being judged: no more is made than is judged in time."""

from __future__ import annotations

import asyncio

from antiphon.clock import Clock

FIRST_S = 1.0
"""Between two verdicts, before any was seen."""
WEIGHT = 0.2
"""Of the last verdict in their mean."""
SHARE = 0.5
"""Of the time to commit that work may wait for its verdict: others' work waits there too."""


class Backlog:
    """Parts that were delivered and are not judged yet, and how fast verdicts come.

    An engine may be ten times faster than the validators. What waits for them longer than they have time to commit is
    refunded, though it was good; so making waits instead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting, self._each_s, self._since_ms = 0, FIRST_S, 0
        self._moved = asyncio.Event()

    def delivered(self) -> None:
        """One more waits for its verdict; call `judged` in any case."""
        if not self._waiting:
            self._since_ms = self._clock.now_ms()
        self._waiting += 1

    def judged(self) -> None:
        """One has its verdict, or left our hands."""
        now_ms = self._clock.now_ms()
        self._each_s += WEIGHT * ((now_ms - self._since_ms) / 1000 - self._each_s)
        self._since_ms = now_ms
        self._waiting -= 1
        self._moved.set()

    def fits(self, commit_s: float) -> bool:
        """Whether one more would be judged in time. One alone is."""
        return not self._waiting or (self._waiting + 1) * self._each_s <= SHARE * commit_s

    async def room(self, commit_s: float) -> None:
        """Wait until one more fits."""
        while not self.fits(commit_s):
            self._moved.clear()
            await self._moved.wait()
