"""The area `emission`: consensus and epochs, as fast as they are here and now. One thread does all of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np

from antiphon.bench.economics import economic_figures
from antiphon.bench.figure import Figure, Step, figure
from antiphon.clock import Clock, SystemClock
from antiphon.economy import consensus
from antiphon.economy.consensus import ONE
from antiphon.economy.epochs import upscaled
from antiphon.economy.types import NANO, Role
from antiphon.economy.yuma import KAPPA, Matrix, Options, emit, yuma
from antiphon.ledger import epoch_receipts
from antiphon.ledger.epochs import Weights, commitment
from antiphon.ledger.operations import (
    CallEpoch,
    CommitWeights,
    Deposit,
    Heartbeat,
    Operation,
    Register,
    RevealWeights,
    ServiceOffer,
    Stake,
)
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import Identity, canonical, envelope

VALIDATORS = 64
NODES = 1_000
SALT = b"s" * 16


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("consensus over 256 nodes", 0.01 * tries),
        Step("consensus over 4,096 nodes in 3 services", 0.3 * tries),
        Step("consensus in integers", 0.2 * tries),
        Step("an epoch on the embedded ledger", 20),
        Step("the economy, simulated", 240),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - as every area
    """Best of `tries`, by the wall clock; the epoch: of three."""
    small, large, whole, epoch, economy = steps(tries)
    generator = np.random.default_rng(0)
    stake = generator.integers(1, 10**9, VALIDATORS).astype(float)
    services = [generator.integers(0, 65_536, (VALIDATORS, 4096)).astype(float) for _ in range(3)]
    yield small
    few = services[0][:, :256].copy()
    kept = yuma(few, stake).bonds
    few_ms = best_ms(lambda: yuma(few, stake, kept), tries)
    yield figure("Yuma, 64 x 256", few_ms, "ms", "< 1")
    np.testing.assert_allclose(yuma(few, stake).consensus, by_columns(few, stake), rtol=1e-12)
    columns_ms = best_ms(lambda: by_columns(few, stake), tries)
    yield figure("consensus by columns over all of Yuma, 64 x 256", columns_ms / few_ms, "x")
    yield large
    bonds = [yuma(weights, stake).bonds for weights in services]

    def three(options: Options) -> None:
        for weights, held in zip(services, bonds, strict=True):
            yuma(weights, stake, held, options=options)

    yield figure("Yuma, 64 x 4,096 x 3 services", best_ms(lambda: three(Options()), tries), "ms", "< 20")
    pairs = Options(yuma3=True, liquid_alpha=(0.7, 0.9))
    yield figure("the same, Yuma 3 with liquid alpha", best_ms(lambda: three(pairs), tries), "ms")
    names, judges = [f"n{j}" for j in range(4096)], [f"v{i}" for i in range(VALIDATORS)]
    found = yuma(services[0], stake)
    shared_ms = best_ms(lambda: emit(found, 7200 * NANO, validators=judges, nodes=names, owner="o"), tries)
    yield figure("emission to 4,096 nodes and 64 validators", shared_ms, "ms")
    yield whole
    for figure_ in _in_integers(services, [int(one) for one in stake], tries):
        yield figure_
    yield epoch
    taken = []
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="epoch-") as folder:
            taken.append(await epoch_s(Path(folder)))
    best_s, busy_s = min(taken)
    yield figure("an epoch of 64 validators and 1,000 nodes, from weights to balances", 1000 * best_s, "ms", "< 200")
    yield figure("of it, at work on a processor", 1000 * busy_s, "ms")
    yield economy
    for figure_ in economic_figures():
        yield figure_


def _in_integers(services: list[Matrix], stake: list[int], tries: int) -> list[Figure]:
    weights = [one.astype(np.int64) for one in services]
    bonds = [consensus.reach(one, stake).bonds for one in weights]

    def three() -> None:
        for one, held in zip(weights, bonds, strict=True):
            consensus.reach(one, stake, held)

    exact, floats = (
        consensus.reach(weights[0], stake, bonds[0]),
        yuma(services[0], np.array(stake, float), bonds[0] / ONE),
    )
    apart = max(
        float(np.abs(exact.rank / exact.rank.sum() - floats.incentive).max()),
        float(np.abs(exact.dividends / exact.dividends.sum() - floats.dividends).max()),
    )
    return [
        figure("Yuma in integers, as epochs pay it, 64 x 4,096 x 3 services", best_ms(three, tries), "ms", "< 20"),
        figure("largest share by which integers and floats differ", apart * 1e6, "ppm", "< 1"),
    ]


async def epoch_s(folder: Path) -> tuple[float, float]:
    """Seconds, of the clock and of processors, from the first weights that arrive, signed, until every balance is on
    disk."""
    operator, clock = Identity.generate(), SystemClock()
    ledger = await SqlLedger.open(folder / "ledger.db", operator=operator, clock=clock)
    try:
        judges, uids = await _members(ledger, operator, clock)
        record = await ledger.epoch()
        generator = np.random.default_rng(0)
        await ledger.close()
        _everybody_judged(folder / "ledger.db", generator)
        ledger = await SqlLedger.open(folder / "ledger.db", operator=operator, clock=clock)
        commits, reveals = [], []
        for judge in judges:
            row = upscaled(dict(zip(uids, generator.integers(1, 10**6, len(uids)).tolist(), strict=True)))
            weights = Weights(epoch=record.number, version=record.rules.version, rows={"speech": row})
            digest = commitment(weights, SALT, validator=judge.node_id, ledger=operator.node_id)
            commits.append(
                _signed(judge, operator, CommitWeights(epoch=record.number, commitment=digest), clock, record.id)
            )
            reveals.append(_signed(judge, operator, RevealWeights(weights=weights, salt=SALT), clock, record.id))
        await ledger.submit(_signed(operator, operator, CallEpoch(epoch=record.number), clock, record.id))
        begun, busy = time.perf_counter(), time.process_time()
        for raws in (commits, reveals):
            await asyncio.gather(*map(ledger.submit, raws))
        taken_s = time.perf_counter() - begun, time.process_time() - busy
        paid = epoch_receipts.audit(await epoch_receipts.build(ledger, record.number))
        assert paid.emission_nano > 0
        assert paid.revealed == VALIDATORS
        return taken_s
    finally:
        await ledger.close()


def _everybody_judged(file: Path, generator: np.random.Generator) -> None:
    """As if each validator had sat in rounds on each node: that many tasks would take an hour."""
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        uids = [uid for (uid,) in db.execute("SELECT uid FROM uids ORDER BY uid")]
        pairs = [(judge, node) for judge in uids[:VALIDATORS] for node in uids[VALIDATORS:]]
        found = generator.integers(400_000, 900_000, len(pairs)).tolist()
        rows = (("speech", *pair, quality, 1) for pair, quality in zip(pairs, found, strict=True))
        db.executemany("INSERT INTO evidence VALUES (?, ?, ?, ?, ?)", rows)


async def _members(ledger: SqlLedger, operator: Identity, clock: Clock) -> tuple[list[Identity], list[int]]:
    """Registered validators and the uids of registered nodes."""
    people = [Identity.from_seed(hashlib.sha256(b"%d" % number).digest()) for number in range(VALIDATORS + NODES)]

    async def join(number: int, one: Identity) -> None:
        role = Role.VALIDATOR if number < VALIDATORS else Role.PROCESSOR
        await ledger.submit(_signed(operator, operator, Deposit(account=one.node_id, amount_nano=20 * NANO), clock))
        await ledger.submit(_signed(one, operator, Stake(amount_nano=20 * NANO), clock))
        offers = (ServiceOffer(service="speech", price_nano=1),)
        register = Register(role=role, offers=offers, seal_key=one.seal_public, endpoint="x")
        await ledger.submit(_signed(one, operator, register, clock))

    await asyncio.gather(*(join(number, one) for number, one in enumerate(people)))
    judges = people[:VALIDATORS]
    beat = Heartbeat(role=Role.VALIDATOR, endpoint="x")
    await asyncio.gather(*(ledger.submit(_signed(one, operator, beat, clock)) for one in judges))
    await asyncio.sleep(0.05)  # an epoch pays for the time since the last one
    own = {one.node_id for one in judges}
    uids = [member.uid for member in await ledger.members(limit=10_000) if member.node not in own]
    return judges, uids


def _signed(who: Identity, operator: Identity, operation: Operation, clock: Clock, task: str = "") -> bytes:
    body = canonical.encode(operation)
    return envelope.sign(who, kind="ledger", receiver=operator.node_id, task=task, body=body, clock=clock)


def best_ms(work: Callable[[], object], times: int) -> float:
    """The shortest of `times` runs."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken) * 1000


def by_columns(weights: Matrix, stake: Matrix) -> Matrix:
    """Consensus alone, one sort of one column after the other: the plain way."""
    rows, share = weights / weights.sum(axis=1, keepdims=True), stake / stake.sum()
    consensus_ = np.zeros(rows.shape[1])
    for j, column in enumerate(rows.T):
        order = np.argsort(-column, kind="stable")
        consensus_[j] = column[order[np.argmax(np.cumsum(share[order]) >= KAPPA - 1e-12)]]
    return consensus_
