"""Rounds: who is tried when. A shuffled list of all (hotkey, service) pairs, worked off a few at a time.

1. Everybody is reached once in a cycle; a newcomer is put at a random place of what is left.
2. A round takes `fan_out` pairs, asks them at once, and holds no more answers than that.
3. What a round found counts for the registration that was asked, if it still holds at the round's end.
4. If nobody of three or more could be reached, it is our own connection: nobody is blamed.
5. A service that was tried before and is offered no more counts as missed; one that never was counts nothing.
6. The list is kept on disk with the scores: a validator that restarts goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from antiphon.subnet import files
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.trials import Ending, Outcome, Trials

log = logging.getLogger("antiphon.subnet")

FAN_OUT = 10
"""BittAudio's."""
FEW = 3


class _Left(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of a cycle."""

    pairs: list[tuple[str, str]] = []
    known: list[str] = []  # hotkeys that this cycle has taken in
    done: int = 0  # cycles


class Rounds:
    """Tries miners round by round, and keeps what it finds in `memory`."""

    def __init__(
        self,
        trials: Trials,
        memory: ScoreMemory,
        file: Path,
        *,
        services: Sequence[str],
        rng: random.Random,
        fan_out: int = FAN_OUT,
        max_stake_rao: int | None = None,
    ) -> None:
        self._trials, self._memory, self._file, self._rng = trials, memory, file, rng
        self._services, self._fan_out, self._max_stake_rao = tuple(services), fan_out, max_stake_rao
        self._left = files.read(file, _Left) or _Left()

    @property
    def cycles(self) -> int:
        """How often everybody was reached."""
        return self._left.done

    async def run(self, metagraph: Callable[[], Metagraph], me: str) -> list[Outcome]:
        """One round. `metagraph` gives the newest that is known."""
        chosen = self._draw(self._miners(metagraph(), me))
        outcomes = list(await asyncio.gather(*(self._trials.run(neuron, service) for neuron, service in chosen)))
        self._take(outcomes, metagraph())
        self._memory.save()
        files.save(self._file, self._left)
        return outcomes

    def _miners(self, metagraph: Metagraph, me: str) -> dict[str, Neuron]:
        """Who serves, and is no validator by stake."""
        limit = self._max_stake_rao
        return {
            neuron.hotkey: neuron
            for neuron in metagraph.neurons
            if neuron.endpoint
            and neuron.hotkey != me
            and not (neuron.permit and limit is not None and neuron.stake_rao > limit)
        }

    def _draw(self, miners: dict[str, Neuron]) -> list[tuple[Neuron, str]]:
        """Rules 1 and 2."""
        left = self._left
        left.pairs = [pair for pair in left.pairs if pair[0] in miners and pair[1] in self._services]
        if not left.pairs and miners:
            left.done += bool(left.known)
            left.known = []
        for hotkey in sorted(miners.keys() - set(left.known)):
            for service in self._services:
                left.pairs.insert(self._rng.randint(0, len(left.pairs)), (hotkey, service))
        left.known = sorted(miners)
        taken, left.pairs = left.pairs[: self._fan_out], left.pairs[self._fan_out :]
        return [(miners[hotkey], service) for hotkey, service in taken]

    def _take(self, outcomes: Sequence[Outcome], metagraph: Metagraph) -> None:
        """Rules 3 to 5."""
        unreachable = [one for one in outcomes if one.ending is Ending.UNREACHABLE]
        if len(outcomes) >= FEW and len(unreachable) == len(outcomes):
            log.warning("none of %d miners could be reached: nobody is blamed, check the connection", len(outcomes))
            return
        for one in outcomes:
            now = metagraph.by_hotkey.get(one.neuron.hotkey)
            if now is None or (now.uid, now.registered) != (one.neuron.uid, one.neuron.registered):
                log.info("uid %d changed hands meanwhile: its answer counts nothing", one.neuron.uid)
                continue
            self._count(one, now)

    def _count(self, one: Outcome, neuron: Neuron) -> None:
        match one.ending:
            case Ending.JUDGED:
                assert one.vote is not None
                self._memory.judged(neuron, one.service, one.vote)
            case Ending.MISSED | Ending.UNREACHABLE:
                self._memory.missed(neuron, one.service)
            case Ending.NOT_OFFERED if self._memory.quality_ppm(neuron.hotkey, one.service):
                self._memory.missed(neuron, one.service)
            case _:
                pass
