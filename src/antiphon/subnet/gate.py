"""Who may ask a miner: registered hotkeys with a permit, and enough stake, by the newest metagraph that is known."""

from __future__ import annotations

import logging

from antiphon.errors import BusyError, UnavailableError
from antiphon.subnet.chain import RAO, Chain, Metagraph, Refusal, RefusedError

log = logging.getLogger("antiphon.subnet")


class Gate:
    """Keeps the last metagraph when the chain is away, for as long as that lasts: validators do not change by the
    hour."""

    def __init__(self, chain: Chain, *, min_stake_rao: int = 0) -> None:
        self._chain = chain
        self._min_stake_rao = min_stake_rao
        self._away = False
        self.metagraph: Metagraph | None = None

    async def refresh(self) -> bool:
        """Look at the chain. Whether it answered."""
        try:
            self.metagraph = await self._chain.metagraph()
        except UnavailableError as error:
            if not self._away:
                log.warning("the chain is away, going on with what is known: %s", error)
            self._away = True
            return False
        if self._away:
            log.info("the chain is back at block %d", self.metagraph.block)
        self._away = False
        return True

    def check(self, hotkey: str) -> None:
        """Raises RefusedError for who may not ask, BusyError while nothing is known yet."""
        if self.metagraph is None:
            raise BusyError("This miner has not seen the chain yet", "Ask again soon.", retry_after_s=12.0)
        neuron = self.metagraph.by_hotkey.get(hotkey)
        if neuron is None:
            raise RefusedError(
                Refusal.NOT_REGISTERED, f"The hotkey {hotkey[:60]} is not registered on subnet {self.metagraph.netuid}"
            )
        if not neuron.permit:
            raise RefusedError(Refusal.NO_PERMIT, f"The hotkey {hotkey} has no validator permit")
        if neuron.stake_rao < self._min_stake_rao:
            raise RefusedError(
                Refusal.STAKE,
                f"The hotkey {hotkey} has a stake of {neuron.stake_rao / RAO:g}, "
                f"and this miner asks for {self._min_stake_rao / RAO:g}",
            )
