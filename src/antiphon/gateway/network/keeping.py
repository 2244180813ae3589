"""What a server keeps of tasks, where, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """`sounds`: a folder or a bucket's URL; empty: in the data folder. `tasks_s`: how long a task is remembered, and
    its idempotency key with it; `sounds_s`: how long its sound is, at most as long."""

    sounds: str = ""
    sounds_s: float = DAY_S
    tasks_s: float = 30 * DAY_S
