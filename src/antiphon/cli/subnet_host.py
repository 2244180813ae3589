"""How a miner, a validator or an offline chain of a subnet runs as a process."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.process_host import BindAddress, locked, log_to_stderr, until_signalled
from antiphon.clock import SystemClock
from antiphon.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from antiphon.network.prompts import PromptSource
    from antiphon.nodes.engine_runner import EngineRunner
    from antiphon.nodes.evaluation import Evaluator
    from antiphon.subnet.chain import Chain
    from antiphon.subnet.diary import TrackedDiary
    from antiphon.subnet.hotkeys import Hotkey
    from antiphon.subnet.offline import Rules
    from antiphon.transport import HttpTransport

log = logging.getLogger("antiphon.subnet")

CHAIN_FILE = "offline-chain.json"


@dataclass(frozen=True, slots=True)
class Membership:
    """Which subnet, where, and with which of btcli's keys."""

    netuid: int
    network: str
    wallets: Path
    wallet: str
    hotkey: str

    @property
    def offline(self) -> bool:
        """Whether the chain is one of our own (`antiphon subnet chain`), on this machine or in this house."""
        return self.network.startswith(("http://", "https://"))

    def key(self) -> Hotkey:
        from antiphon.subnet import hotkeys

        return hotkeys.load(self.wallets, self.wallet, self.hotkey)

    def folder(self, home: Path, key: Hotkey) -> Path:
        """Where its state is kept: each network, subnet and hotkey apart."""
        name = re.sub(r"[^a-z0-9.-]+", "-", self.network.lower()).strip("-")
        return home / "subnet" / f"{name}-{self.netuid}-{key.ss58}"


async def run_chain(home: Path, address: BindAddress, rules: Rules, block_s: float) -> None:
    """Serve an offline chain until a signal comes."""
    from antiphon.subnet.offline_service import OfflineService
    from antiphon.transport import serve

    log_to_stderr("antiphon.subnet")
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(home / "offline-chain.lock", "Another process serves this chain"))
        service = OfflineService(home / CHAIN_FILE, SystemClock(), rules=rules, block_s=block_s)
        server = await serve(service.handle, address.host, address.port)
        stack.push_async_callback(server.stop)
        click.echo(f"Offline subnet {rules.netuid} at {address.endpoint or server.endpoint}", err=True)
        async with until_signalled() as stopped:
            await stopped.wait()


async def register(membership: Membership, stake_rao: int) -> int:
    """A place and a stake on an offline chain; the uid. Raises InputError for one of Bittensor's."""
    from antiphon.subnet.offline_service import OfflineClient
    from antiphon.transport import HttpTransport

    if not membership.offline:
        raise InputError(
            "Registering on Bittensor takes money of the coldkey, which this program never asks for",
            f"Run: btcli subnets register --netuid {membership.netuid}",
        )
    async with HttpTransport(allow_private=True) as transport:
        client = OfflineClient(membership.network, membership.key(), transport, netuid=membership.netuid)
        await client.metagraph()  # refuses another subnet
        await client.register(stake_rao)
        return (await client.metagraph()).by_hotkey[client.hotkey].uid


async def run_miner(
    home: Path,
    membership: Membership,
    engines: Sequence[str],
    address: BindAddress,
    *,
    min_stake_rao: int,
    slots: int,
    queue: int,
) -> None:
    """Serve on the metagraph until a signal comes."""
    from antiphon.protocol import load_or_create
    from antiphon.subnet.gate import Gate
    from antiphon.subnet.miner import Miner
    from antiphon.subnet.publishing import keep_published
    from antiphon.subnet.weighing import own_neuron
    from antiphon.transport import serve

    log_to_stderr("antiphon.subnet")
    key = membership.key()
    folder = membership.folder(home, key)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(folder / "miner.lock", "This hotkey's miner runs already"))
        chain, _ = await stack.enter_async_context(_chain(membership, key))
        gate = Gate(chain, min_stake_rao=min_stake_rao)
        if not await gate.refresh():
            raise UnavailableError(f"The chain {membership.network} does not answer", "Check --network.")
        assert gate.metagraph is not None
        uid = own_neuron(key.ss58, gate.metagraph).uid
        identity = load_or_create(folder / "identity.key")
        miner = Miner(
            key, identity, gate, _runners(engines), SystemClock(), netuid=membership.netuid, slots=slots, queue=queue
        )
        stack.callback(miner.close)
        server = await serve(miner.handle, address.host, address.port)
        stack.push_async_callback(server.stop)
        host, port = _public(address, server.endpoint, offline=membership.offline)
        click.echo(f"Miner uid {uid} of subnet {membership.netuid} at http://{host}:{port}", err=True)
        async with until_signalled() as stopped:
            await _until(stopped, keep_published(chain, gate, host, port))


async def run_validator(
    home: Path,
    membership: Membership,
    evaluator: Evaluator,
    prompts: PromptSource,
    *,
    shares_ppm: Mapping[str, int],
    fan_out: int,
    pause_s: float,
    max_miner_stake_rao: int | None,
    track: str | None,
) -> None:
    """Try miners and set weights until a signal comes."""
    from antiphon.protocol import load_or_create
    from antiphon.subnet.asking import Asker
    from antiphon.subnet.memory import ScoreMemory
    from antiphon.subnet.orders import SyntheticOrders
    from antiphon.subnet.rounds import Rounds
    from antiphon.subnet.trials import Trials
    from antiphon.subnet.validator import SubnetValidator
    from antiphon.subnet.weighing import WeightSetter

    log_to_stderr("antiphon.subnet")
    key, clock, rng = membership.key(), SystemClock(), random.Random()  # noqa: S311 - prompts, not secrets
    folder = membership.folder(home, key)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(folder / "validator.lock", "This hotkey's validator runs already"))
        memory = ScoreMemory(folder / "scores.json", shares_ppm=shares_ppm)
        chain, transport = await stack.enter_async_context(_chain(membership, key))
        setter = WeightSetter(chain, folder / "weights.json")
        orders = SyntheticOrders(prompts, load_or_create(folder / "identity.key"), clock, rng)
        judging = ThreadPoolExecutor(1, thread_name_prefix="judge")
        stack.callback(judging.shutdown, wait=False, cancel_futures=True)
        trials = Trials(Asker(key, transport, clock, netuid=membership.netuid), orders, evaluator, judging)
        rounds = Rounds(
            trials,
            memory,
            folder / "cycle.json",
            services=[service for service, share in shares_ppm.items() if share],
            rng=rng,
            fan_out=fan_out,
            max_stake_rao=max_miner_stake_rao,
        )
        diary = _diary(folder, track, membership)
        if diary is not None:
            stack.callback(diary.close)
        validator = SubnetValidator(chain, rounds, memory, setter, pause_s=pause_s, diary=diary)
        click.echo(f"Validator {key.ss58} of subnet {membership.netuid}, chain at {membership.network}", err=True)
        async with until_signalled() as stopped:
            await _until(stopped, validator.run())


async def _until(stopped: asyncio.Event, work: object) -> None:
    """Work until a signal comes; whatever ends the work ends this, with its own error."""
    assert asyncio.iscoroutine(work)
    working, waiting = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    if not working.cancelled() and (error := working.exception()) is not None:
        while isinstance(error, BaseExceptionGroup) and error.exceptions:
            error = error.exceptions[0]
        raise error


@asynccontextmanager
async def _chain(membership: Membership, key: Hotkey) -> AsyncIterator[tuple[Chain, HttpTransport]]:
    from antiphon.transport import HttpTransport

    async with HttpTransport(allow_private=membership.offline) as transport:
        if membership.offline:
            from antiphon.subnet.offline_service import OfflineClient

            yield OfflineClient(membership.network, key, transport, netuid=membership.netuid), transport
            return
        from antiphon.subnet.sdk import BittensorChain

        chain = await BittensorChain.open(membership.network, membership.netuid, key)
        try:
            yield chain, transport
        finally:
            await chain.close()


def _runners(engines: Sequence[str]) -> list[EngineRunner]:
    from antiphon.engines import registry
    from antiphon.engines.base import Cloner
    from antiphon.network.embedded import processing, training

    runners: list[EngineRunner] = []
    for name in engines:
        runners.append(processing(name, 0))
        if isinstance(registry.load(name), Cloner):
            runners.append(training(name, 0))
    return runners


def _public(address: BindAddress, listening: str, *, offline: bool) -> tuple[str, int]:
    """IP address and port to publish. Raises InputError for what the chain would not take."""
    from antiphon.subnet.asking import endpoint_of

    host, port = endpoint_of((address.endpoint or listening).removeprefix("http://").rstrip("/"))
    try:
        found = ipaddress.ip_address(host)
    except ValueError as error:
        raise InputError(
            f"{host!r} is no IP address: the chain stores no names", "Give --endpoint http://IP:PORT."
        ) from error
    if not offline and not found.is_global:
        raise InputError(
            f"{host} is no public address, so no validator would reach it",
            "Give the address that others reach: --endpoint http://203.0.113.5:8091; listen with --host 0.0.0.0.",
        )
    return host, port


def _diary(folder: Path, track: str | None, membership: Membership) -> TrackedDiary | None:
    if track is None:
        return None
    from antiphon.subnet.diary import TrackedDiary
    from antiphon.trackers import TensorBoard, WeightsAndBiases

    where = folder / track
    if track == "tensorboard":
        return TrackedDiary(TensorBoard(where))
    return TrackedDiary(WeightsAndBiases(where, "antiphon-subnet", {"netuid": membership.netuid}))
