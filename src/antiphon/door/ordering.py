"""An order of sound: what is to be made, for how much at most, and how it comes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from antiphon.client.budget import ant, cost_nano, exposed_nano, paid_nano
from antiphon.client.events import Closed, SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.door.connecting import Session
from antiphon.economy.types import Mode, Part, Role
from antiphon.errors import AntiphonError, FundsError, InputError
from antiphon.ledger import receipts
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import PartRecord, TaskState
from antiphon.services import Options

MAX_SEED = 2**63 - 1
SAMPLE_UNITS = 1_000

Produce = Callable[[Session, JobPolicy], AsyncGenerator[SoundEvent, None]]
"""What is ordered, as the events of its job in a network."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Units of work of one kind."""

    selector: Selector
    units: int
    role: Role = Role.PROCESSOR


@dataclass(frozen=True, slots=True)
class SoundOrder:
    """No `charges`: nobody knows how much it will be (a pipe), so it is checked task by task. `then`: what the same
    caller will order afterwards, which has to fit into the limit too. `rate_hz` and `channels` are those of all its
    sound; `expected_lufs` is how loud it is made, as far as known."""

    produce: Produce
    selector: Selector
    rate_hz: int = 0
    channels: int = 1
    charges: tuple[Charge, ...] = ()
    then: tuple[Charge, ...] = ()
    max_total_nano: int | None = None
    loudness_lufs: float | None = None  # what it is brought to by default
    expected_lufs: float | None = None
    streams: bool = False  # whether sound is released before it is judged


class OrderFields(TypedDict, total=False):
    """The fields of `OrderOptions`, as keywords."""

    engine: str
    seed: int | None
    options: Options
    mode: Mode
    max_cost_nano: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions:
    """What every order may say. `engine` empty: whoever offers it. `seed`: the same gives the same sound. `options`: of
    the engine. `mode`: sound is released as it is made, or only after the vote. `max_cost_nano`: buy nothing if the
    whole could cost more."""

    engine: str = ""
    seed: int | None = None
    options: Options = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    max_cost_nano: int | None = None

    def check_options(self) -> None:
        """Raises `InputError` for what is of another kind than it says: programs are not type-checked by themselves."""
        if self.mode not in set(Mode):
            raise InputError(f"There is no mode {self.mode!r}", f"Modes: {', '.join(Mode)}.")
        for name, value in (("max_cost_nano", self.max_cost_nano), ("seed", self.seed)):
            if value is not None and not isinstance(value, int):
                raise InputError(f"{name} is {value!r}", "Give a whole number, or None.")
        if self.max_cost_nano is not None and self.max_cost_nano < 0:
            raise InputError(f"max_cost_nano is {self.max_cost_nano}", "Give 0 or more, or None for no limit.")
        check_words(engine=self.engine)
        if not isinstance(self.options, dict):
            raise InputError(f"options is {self.options!r}", "Give a dictionary.")
        checked_seed(self.seed)


def check_text(text: object) -> None:
    """Raises `InputError` for what is no text."""
    if isinstance(text, bytes) or not isinstance(text, Iterable):
        raise InputError(f"{type(text).__name__} is no text", "Give a str, or strings one after the other.")
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:  # half of a character that UTF-16 writes as two
            raise InputError(
                f"The text is no whole Unicode: {text[error.start]!a}", "Decode it without errors='surrogateescape'."
            ) from None


def check_asset(asset: object) -> None:
    """Raises `InputError` for what is no asset's id, nor empty."""
    if not isinstance(asset, str) or not re.fullmatch(r"(?:[0-9a-f]{64})?", asset):
        raise InputError(f"{asset!r} is no asset"[:90], "Give its id, 64 hex digits: antiphon dama list --json")


def check_words(**given: object) -> None:
    """Raises `InputError` for an argument that is no str."""
    for name, value in given.items():
        if not isinstance(value, str):
            raise InputError(f"{name} is {value!r}"[:80], "Give a str.")


def check_paths(**given: object) -> None:
    """Raises `InputError` for an argument that is no path, nor None."""
    for name, value in given.items():
        if value is not None and not isinstance(value, str | Path):
            raise InputError(f"{name} is a {type(value).__name__}", "Give the path of a file.")


def check_speed(speed: object) -> None:
    """Raises `InputError` for what is no number."""
    if isinstance(speed, bool) or not isinstance(speed, (int, float)):
        raise InputError(f"The speed is {speed!r}", "Give a number; 1.0 is the voice's own pace.")


async def estimate(session: Session, order: SoundOrder) -> int:
    """The most that this order can cost by today's prices, in nano. Raises `FundsError` when it, with what will be
    ordered after it, could cost more than its limit, and `ModelError` when our own validators could not judge it:
    before anything is bought."""
    totals = []
    session.require_judges(order.selector)
    for charge in order.charges + order.then:
        session.require_judges(charge.selector)
        sample = Part(index=0, units=min(charge.units, SAMPLE_UNITS), role=charge.role)  # prices are per unit
        quote = await session.ledger.quote(charge.selector, (sample,))
        totals.append(quote.total_nano * charge.units // sample.units)
    if order.max_total_nano is not None and sum(totals) > order.max_total_nano:
        raise FundsError(
            f"This could cost up to {ant(sum(totals))}, more than --max-cost {ant(order.max_total_nano)}",
            "Raise it, ask for less, or choose a cheaper engine (antiphon nodes shows prices).",
        )
    return sum(totals[: len(order.charges)])


async def settle(session: Session, tasks: Iterable[str], patience_s: float) -> None:
    """After a failure or a cancel: let our own validators finish what was delivered, so that no money stays behind.

    At the end of the patience the ledger gives the rest back once its deadlines have passed.
    """
    if session.joined:
        return
    with contextlib.suppress(AntiphonError, TimeoutError):
        async with asyncio.timeout(patience_s):
            for task in tasks:
                for part in await session.ledger.parts(task):
                    while not part.state.final:
                        part = await session.client.changed(part)  # noqa: PLW2901 - its next version


async def left_behind(session: Session, tasks: Iterable[str], patience_s: float) -> tuple[list[Closed], int]:
    """Of tasks that an order left before they were closed: those that close within the patience, and what the others
    have cost so far, in nano."""
    client, closed, paid = session.client, list[Closed](), 0
    end_s = asyncio.get_running_loop().time() + patience_s
    for task in tasks:
        parts: tuple[PartRecord, ...] = ()
        with contextlib.suppress(AntiphonError, TimeoutError):
            async with asyncio.timeout_at(end_s):
                parts = await session.ledger.parts(task)
                for part in parts:
                    while not part.settled:
                        part = await client.changed(part)  # noqa: PLW2901 - its next version
        with contextlib.suppress(AntiphonError):
            parts = await session.ledger.parts(task)
            record = await session.ledger.task(task)
            if record.state is not TaskState.OPEN:
                closed.append(Closed(record, parts, await receipts.build(session.ledger, task)))
                continue
        paid += paid_nano(client.node_id, parts)
    return closed, paid


async def cost(session: Session, tasks: Iterable[str]) -> tuple[int, bool]:
    """What tasks have cost, in nano, and whether all are closed; the most they can cost, while one is not."""
    client, total_nano, final = session.client.node_id, 0, True
    for task in tasks:
        record = await session.ledger.task(task)
        if record.state is not TaskState.OPEN:
            total_nano += cost_nano(await receipts.build(session.ledger, task), client)
            continue
        final = False
        total_nano += exposed_nano(client, await session.ledger.parts(task))
    return total_nano, final


def checked_seed(seed: int | None) -> int | None:
    """Raises `InputError` for a seed that does not fit."""
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InputError(f"Seed {seed} is outside 0-{MAX_SEED}", "Any smaller number will do.")
    return seed
