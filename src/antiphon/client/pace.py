"""How much sound a network makes at once, measured on the tasks that it has made for us."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

UNKNOWN_COST = 0.4
"""What a second of sound takes before it was measured: two orders may begin."""
MEASURED_S = 60.0
"""Of the newest sound of a kind whose median counts. By sound, not by tasks: a word alone takes as long as what is
around it does, and a hundred of them should not keep others out. The first tasks load models."""
MOST = 1_000
"""Tasks of a kind that are remembered, however short."""
HEADROOM = 1.2
"""So much faster than it is played, sound has to be made: sentences are of unequal length."""


@dataclass
class Pace:
    """What a second of sound costs, in seconds of the whole network.

    Tasks at work at the same time share it equally, so time counts as much less for each: a task that took 6 s beside
    two others took 2 s of the network (processor sharing; Kleinrock, Time-shared Systems, 1967). Alone a task waits for
    its own steps one after the other, so it looks dearer than it is: that errs on the side of too few at once.
    """

    now_s: Callable[[], float] = time.monotonic
    told: Callable[[], None] = lambda: None
    """Is called after each task that was measured."""

    def __post_init__(self) -> None:
        self._costs: dict[str, deque[tuple[float, float]]] = {}  # of a second, and how many there were
        self._at_work, self._shared_s, self._looked_s = 0, 0.0, self.now_s()

    def begin(self) -> float:
        """A task is at work; give what this returns to `end`."""
        self._look()
        self._at_work += 1
        return self._shared_s

    def end(self, kind: str, began: float, sound_s: float) -> None:
        """It made so many seconds of sound; 0: it failed or was left, and tells nothing."""
        self._look()
        self._at_work -= 1
        if kind and sound_s > 0:
            known = self._costs.setdefault(kind, deque(maxlen=MOST))
            known.append(((self._shared_s - began) / sound_s, sound_s))
            while sum(sound_s for _, sound_s in known) - known[0][1] >= MEASURED_S:
                known.popleft()
            self.told()

    def cost(self, kind: str) -> float:
        """Seconds of the network for one of sound."""
        known = sorted(self._costs.get(kind, ()))
        half_s = sum(sound_s for _, sound_s in known) / 2
        for cost, sound_s in known:  # the lower median
            half_s -= sound_s
            if half_s <= 0:
                return cost
        return UNKNOWN_COST

    def keeps(self, kinds: Sequence[str]) -> bool:
        """Whether the last of these kinds of orders may begin beside the others: whether all, sharing equally, are made
        faster than they are played. Of those of kind "" nobody hears anything before the end; they share, and may take
        as long as they do. One alone has to be as it is. One at work that could not share with any other has no say:
        else whoever orders an hour of it would shut everybody out.
        """
        if len(kinds) <= 1:
            return True
        *at_work, last = kinds
        has_say = [kind for kind in at_work if kind and 2 * self.cost(kind) * HEADROOM <= 1]
        return all(len(kinds) * self.cost(kind) * HEADROOM <= 1 for kind in (*has_say, last) if kind)

    def _look(self) -> None:
        now_s = self.now_s()
        if self._at_work:
            self._shared_s += (now_s - self._looked_s) / self._at_work
        self._looked_s = now_s
