"""A validator: rounds of trials, and weights on cadence, each in a loop of its own. Whatever fails, state is kept."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from antiphon.errors import AntiphonError, InputError, OutputError, StateError, UnavailableError
from antiphon.subnet.chain import Chain, Hyperparameters, Metagraph, Refusal, RefusedError
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.rounds import Rounds
from antiphon.subnet.trials import Outcome
from antiphon.subnet.weighing import WeightSetter, own_neuron

log = logging.getLogger("antiphon.subnet")

LOOK_BLOCKS = 4
"""How often the chain is looked at. A quarter of a minute would be one block; epochs have hundreds."""


class Diary(Protocol):
    """Where a validator's findings are shown, beside the log: see `diary`."""

    def round(self, number: int, outcomes: list[Outcome], memory: ScoreMemory) -> None: ...

    def weights(self, number: int, weights: dict[int, int]) -> None: ...


class SubnetValidator:
    """`run` until it is cancelled, or until the hotkey is registered no more (RefusedError)."""

    def __init__(
        self,
        chain: Chain,
        rounds: Rounds,
        memory: ScoreMemory,
        setter: WeightSetter,
        *,
        pause_s: float = 10.0,
        diary: Diary | None = None,
    ) -> None:
        self._chain, self._rounds, self._memory, self._setter = chain, rounds, memory, setter
        self._pause_s, self._diary = pause_s, diary
        self._metagraph: Metagraph | None = None
        self._terms: Hyperparameters | None = None
        self._told = ""
        self.rounds = 0

    async def run(self) -> None:
        await self.look()
        own_neuron(self._chain.hotkey, self._newest())
        block_s = await self._chain.block_s()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._weighing(block_s), name="weights")
            group.create_task(self._trying(), name="rounds")

    async def look(self) -> None:
        """See where the chain is. Raises as `Chain`."""
        metagraph, self._terms = await self._chain.metagraph(), await self._chain.hyperparameters()
        self._metagraph = metagraph
        for hotkey in self._memory.meet(metagraph):
            log.info("%s left, or registered anew: its scores are forgotten", hotkey)

    async def weigh(self) -> bool:
        """Look, and set weights if it is time. Whether the chain took some. Raises as `WeightSetter.step`."""
        await self.look()
        assert self._terms is not None
        metagraph = self._newest()
        weights = self._memory.weights_ppm(metagraph)
        if not weights:
            return False  # nobody was judged yet
        taken = await self._setter.step(weights, metagraph, self._terms)
        if taken and self._diary is not None:
            self._diary.weights(metagraph.epoch, weights)
        return taken

    async def round(self) -> list[Outcome]:
        """One round of trials."""
        outcomes = await self._rounds.run(self._newest, self._chain.hotkey)
        self.rounds += 1
        for one in outcomes:
            score = "" if one.vote is None or one.vote.score_ppm is None else f" {one.vote.score_ppm / 1e6:.3f}"
            verdict = "" if one.vote is None else f" {one.vote.verdict}{score}"
            log.info("uid %d %s: %s%s %s", one.neuron.uid, one.service, one.ending, verdict, one.words[:120])
        if self._diary is not None:
            self._diary.round(self.rounds, outcomes, self._memory)
        return outcomes

    async def _weighing(self, block_s: float) -> None:
        while True:
            try:
                await self.weigh()
                self._tell("")
            except RefusedError as error:
                if error.refusal is Refusal.NOT_REGISTERED:
                    raise
                self._tell(str(error))
            except (OutputError, StateError):
                raise  # the disk: going on would lose what is found
            except AntiphonError as error:
                self._tell(str(error))
            await asyncio.sleep(LOOK_BLOCKS * block_s)

    async def _trying(self) -> None:
        while True:
            try:
                await self.round()
            except (InputError, UnavailableError) as error:
                self._tell(str(error))
            await asyncio.sleep(self._pause_s)

    def _newest(self) -> Metagraph:
        assert self._metagraph is not None, "look comes first"
        return self._metagraph

    def _tell(self, trouble: str) -> None:
        """Each trouble once, and its end."""
        if trouble and trouble != self._told:
            log.warning("%s", trouble)
        elif self._told and not trouble:
            log.info("that is over: %s", self._told)
        self._told = trouble
