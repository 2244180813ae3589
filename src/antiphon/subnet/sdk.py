"""Bittensor's own chains, by its SDK: the one module that imports it, and only when it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from antiphon.errors import InputError, ModelError, UnavailableError, UnreachableError
from antiphon.subnet.chain import U16_MAX, Hyperparameters, Metagraph, Neuron, Refusal, RefusedError
from antiphon.subnet.hotkeys import Hotkey

CALL_S = 60.0
"""Longest wait for a reading."""
SUBMIT_S = 180.0
"""Longest wait for a call to be finalised: three blocks and a half are usual."""

T = TypeVar("T")

_BY_NAME = {
    "NeuronNoValidatorPermit": Refusal.NO_PERMIT,
    "NotEnoughStakeToSetWeights": Refusal.STAKE,
    "IncorrectWeightVersionKey": Refusal.VERSION_KEY,
    "CommittingWeightsTooFast": Refusal.RATE,
    "TooManyUnrevealedCommits": Refusal.RATE,
    "InvalidIpAddress": Refusal.ENDPOINT,
    "InvalidIpType": Refusal.ENDPOINT,
    "InvalidPort": Refusal.ENDPOINT,
    "MaxWeightExceeded": Refusal.WEIGHTS,
    "DuplicateUids": Refusal.WEIGHTS,
    "UidVecContainInvalidOne": Refusal.WEIGHTS,
    "WeightVecLengthIsLow": Refusal.WEIGHTS,
    "WeightVecNotEqualSize": Refusal.WEIGHTS,
}
_BY_CODE = {
    "not_registered": Refusal.NOT_REGISTERED,
    "rate_limited": Refusal.RATE,
    "subnet_not_exists": Refusal.NO_SUBNET,
    "insufficient_balance": Refusal.STAKE,
}


def _sdk() -> Any:
    try:
        import bittensor
    except ImportError as error:
        raise ModelError("Bittensor's SDK is not installed", "Run: pip install 'antiphon[bittensor]'") from error
    return bittensor


class BittensorChain:
    """A `Chain`. `network` is finney, test, local or a ws:// URL; `substrate` replaces the connection, as in the
    SDK."""

    def __init__(self, client: Any, netuid: int, key: Hotkey) -> None:
        self._client, self._netuid, self._key = client, netuid, key

    @classmethod
    async def open(cls, network: str, netuid: int, key: Hotkey, *, substrate: Any = None) -> BittensorChain:
        """Raises InputError for an unknown network, UnreachableError when nobody answers."""
        sdk = _sdk()
        try:
            client = sdk.Client(network, substrate=substrate)
        except ValueError as error:
            raise InputError(str(error), "Use finney, test, local or ws://HOST:PORT.") from error
        await _asked(client.connect(), f"connecting to {network}")
        return cls(client, netuid, key)

    @property
    def hotkey(self) -> str:
        return self._key.ss58

    async def block(self) -> int:
        return int(await _asked(self._client.block(), "the block number"))

    async def block_s(self) -> float:
        return float(await _asked(self._client.block_time(), "the block time"))

    async def metagraph(self) -> Metagraph:
        st = _sdk().storage.SubtensorModule
        from bittensor import metagraph

        view = await _asked(self._client.at(), "a block")
        graph = await _asked(metagraph.fetch(view, self._netuid, commitments=False), "the metagraph")
        if graph is None:
            raise RefusedError(Refusal.NO_SUBNET, f"There is no subnet {self._netuid}")
        epoch, began = await _asked(
            asyncio.gather(
                view.query(st.SubnetEpochIndex, [self._netuid]), view.query(st.LastEpochBlock, [self._netuid])
            ),
            "the epoch",
        )
        return _read("the metagraph", lambda: _metagraph(graph, epoch, began))

    async def hyperparameters(self) -> Hyperparameters:
        st, netuid = _sdk().storage.SubtensorModule, self._netuid
        view = await _asked(self._client.at(), "a block")
        names = (
            st.WeightsSetRateLimit,
            st.WeightsVersionKey,
            st.CommitRevealWeightsEnabled,
            st.RevealPeriodEpochs,
            st.MinAllowedWeights,
            st.MaxWeightsLimit,
        )
        found = await _asked(asyncio.gather(*(view.query(name, [netuid]) for name in names)), "the hyperparameters")
        least = await _asked(view.query(st.StakeThreshold), "the stake threshold")

        def read() -> Hyperparameters:
            rate, version, commit_reveal, period, least_weights, limit = found
            return Hyperparameters(
                rate_limit=int(rate or 0),
                version_key=int(version or 0),
                commit_reveal=bool(commit_reveal),
                reveal_epochs=int(period or 1),
                min_weights=int(least_weights or 0),
                max_weight=U16_MAX if limit is None else int(limit),
                min_stake_rao=int(least or 0),
            )

        return _read("the hyperparameters", read)

    async def serve(self, host: str, port: int) -> None:
        await self._submit(_sdk().ServeAxon(netuid=self._netuid, ip=host, port=port))

    async def set_weights(self, uids: Sequence[int], values: Sequence[int], version_key: int) -> None:
        """`SetWeights`: it commits, sealed until its reveal by a timelock, where the subnet has commit-reveal."""
        intent = _sdk().SetWeights(
            netuid=self._netuid, uids=list(uids), weights=[float(value) for value in values], version_key=version_key
        )
        await self._submit(intent)

    async def weights(self, uid: int) -> dict[int, int]:
        st = _sdk().storage.SubtensorModule
        row = await _asked(self._client.query(st.Weights, [self._netuid, uid]), "the weights")
        return _read("the weights", lambda: {int(target): int(value) for target, value in row or []})

    async def close(self) -> None:
        await self._client.close()

    async def _submit(self, intent: Any) -> None:
        result = await _asked(self._client.execute(intent, self._key.pair), intent.op, within_s=SUBMIT_S)
        if not result.success:
            error = getattr(result, "error", None)
            raise _refused(error, str(getattr(result, "message", None) or error or f"{intent.op} failed"))


async def _asked(answer: Awaitable[T], what: str, *, within_s: float = CALL_S) -> T:
    """Await the SDK, whose errors become ours."""
    sdk = _sdk()
    try:
        async with asyncio.timeout(within_s):
            return await answer
    except TimeoutError as error:
        raise UnreachableError(
            f"The chain did not answer within {within_s:g} s: {what}", "It is tried again."
        ) from error
    except sdk.ChainError as error:
        raise _refused(error, str(error)) from error
    except (sdk.BittensorError, OSError) as error:
        raise UnreachableError(f"The chain cannot be asked for {what}: {error}", "It is tried again.") from error
    except (TypeError, ValueError, KeyError, LookupError, AttributeError) as error:
        raise _changed(what, error) from error


def _read(what: str, decode: Callable[[], T]) -> T:
    """What the chain said, in our types."""
    try:
        return decode()
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise _changed(what, error) from error


def _changed(what: str, error: Exception) -> UnavailableError:
    return UnavailableError(
        f"The chain tells {what} in a form that this version cannot read ({type(error).__name__}: {error})",
        "Its runtime has changed: pip install -U 'antiphon[bittensor]'. Scores and commits are kept.",
    )


def _refused(error: Any, words: str) -> RefusedError:
    name, code = getattr(error, "name", None) or "", getattr(getattr(error, "code", None), "value", "")
    return RefusedError(_BY_NAME.get(name) or _BY_CODE.get(code, Refusal.OTHER), words)


def _metagraph(graph: Any, epoch: Any, began: Any) -> Metagraph:
    return Metagraph(
        netuid=int(graph.netuid),
        block=int(graph.block),
        tempo=int(graph.tempo),
        epoch=int(epoch or 0),
        last_epoch=int(began or 0),
        neurons=tuple(
            Neuron(
                uid=int(one.uid),
                hotkey=str(one.hotkey),
                stake_rao=int(one.total_stake.rao),
                permit=bool(one.validator_permit),
                registered=int(one.block_at_registration),
                updated=int(one.last_update),
                endpoint=one.axon or "",
            )
            for one in graph.neurons
        ),
    )
