"""Everything that arrives from outside has a limit, and what is within it passes."""

from __future__ import annotations

import pytest
from ledger_market import INVALID, SALT, VALID, party, task_id

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import Mode, Part, Reading, Role, Verdict, Vote
from antiphon.errors import InputError
from antiphon.ledger import limits
from antiphon.ledger.limits import MAX_RESULT_BYTES
from antiphon.ledger.operations import (
    Commit,
    Decline,
    Deliver,
    Deposit,
    DrawSeats,
    OpenTask,
    Operation,
    Register,
    Reveal,
    Selector,
    ServiceOffer,
    Stake,
)

NODE = party("producer 0")


def register(**fields: object) -> Register:
    offer = ServiceOffer(**({"service": "speech", "price_nano": 1} | fields))  # type: ignore[arg-type]
    return Register(role=Role.PROCESSOR, offers=(offer,), seal_key=NODE.seal_public, endpoint="inproc:a")


def deliver(**fields: object) -> Deliver:
    usual = {"task": task_id(1), "index": 0, "attempt": 0, "result_hash": bytes(32)}
    usual |= {"size": 2, "rate_hz": 24_000, "channels": 1}
    return Deliver(**(usual | fields))  # type: ignore[arg-type]


def reveal(*measurements: Measurement) -> Reveal:
    vote = Vote(verdict=Verdict.VALID, score_ppm=1, measurements=measurements)
    return Reveal(task=task_id(1), index=0, round=0, vote=vote, salt=SALT)


def reading(*readings: Reading) -> Reveal:
    vote = Vote(verdict=Verdict.VALID, score_ppm=1, readings=readings)
    return Reveal(task=task_id(1), index=0, round=0, vote=vote, salt=SALT)


def figure(**fields: object) -> Measurement:
    usual = {"judge": "content", "name": "wer", "unit": "ratio"}
    return Measurement(**(usual | fields))  # type: ignore[arg-type]


def opening(**fields: object) -> OpenTask:
    usual = {
        "task": task_id(1),
        "selector": Selector(service="speech"),
        "parts": (Part(index=0, units=1),),
        "mode": Mode.STREAM,
        "request_hash": bytes(32),
        "max_total_nano": 1,
        "tips": (bytes(32),) * len(fields.get("parts", "1")),  # type: ignore[arg-type]
    }
    return OpenTask(**(usual | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "operation",
    [
        register(price_nano=0),
        register(price_nano=limits.MAX_PRICE_NANO + 1),
        register(service=""),
        register(service="x" * 65),
        register(engine="x" * 65),
        register(languages=("en",) * 257),
        register(languages=("",)),
        register(voices=("v",) * 1_025),
        register(voices=("tab\there",)),
        Register(role=Role.PROCESSOR, offers=(), seal_key=bytes(32), endpoint="x"),
        Register(role=Role.PROCESSOR, offers=register().offers * 65, seal_key=bytes(32), endpoint="x"),
        Register(role=Role.PROCESSOR, offers=register().offers, seal_key=bytes(31), endpoint="x"),
        Register(role=Role.PROCESSOR, offers=register().offers, seal_key=bytes(32), endpoint=""),
        Register(role=Role.PROCESSOR, offers=register().offers, seal_key=bytes(32), endpoint="x" * 513),
        Deposit(account="me", amount_nano=1),
        Deposit(account=NODE.node_id, amount_nano=limits.MAX_SUPPLY_NANO + 1),
        Stake(amount_nano=0),
        Stake(amount_nano=-1),
        opening(task="A" * 32),
        opening(parts=()),
        opening(parts=(Part(index=0, units=1, role=Role.VALIDATOR),)),
        opening(parts=(Part(index=0, units=1, phase=3),)),
        opening(request_hash=b""),
        opening(tips=()),
        opening(tips=(bytes(32),) * 2),
        opening(tips=(bytes(31),)),
        DrawSeats(task=task_id(1), index=0, attempt=0, round=0, link=bytes(31), pool_hash=bytes(32)),
        DrawSeats(task=task_id(1), index=0, attempt=0, round=0, link=bytes(32), pool_hash=b""),
        DrawSeats(task=task_id(1), index=0, attempt=0, round=1_000, link=bytes(32), pool_hash=bytes(32)),
        opening(selector=Selector(service="speech", voice="+".join("abcdefghijklmnopqrst"))),
        opening(selector=Selector(service="speech", node="somebody"), synthetic=True),
        deliver(size=0),
        deliver(size=3),
        deliver(channels=0),
        deliver(channels=3, size=6),
        deliver(rate_hz=0),
        deliver(rate_hz=7_999),
        deliver(size=MAX_RESULT_BYTES + 2),
        deliver(result_hash=bytes(31)),
        deliver(trace_root=bytes(31)),
        deliver(trace_root=bytes(33)),
        deliver(index=5_000),
        deliver(task="x"),
        Decline(task=task_id(1), index=0, attempt=0, reason="x" * 201),
        Commit(task=task_id(1), index=0, round=0, commitment=b"short"),
        Commit(task=task_id(1), index=0, round=-1, commitment=bytes(32)),
        Reveal(task=task_id(1), index=0, round=0, vote=INVALID, salt=b"short"),
        reveal(*[figure(value=0.0)] * 65),
        reveal(figure(value=float("nan"))),
        reveal(figure(value=float("inf"))),
        reveal(figure(reason="x" * 1_001)),
        reveal(figure(value=1.0, unit="u" * 65)),
        reading(*[Reading(key=str(number), value=0) for number in range(limits.MAX_READINGS + 1)]),
        reading(Reading(key="x" * 65, value=0)),
        reading(Reading(key="", value=0)),
        reading(Reading(key="x", value=-limits.MAX_READING - 1)),
    ],
)
def test_what_is_beyond_a_limit_is_refused(operation: Operation) -> None:
    with pytest.raises(InputError):
        limits.check(operation)


@pytest.mark.parametrize(
    "operation",
    [
        register(),
        register(price_nano=limits.MAX_PRICE_NANO, voices=("v",) * 1_024, languages=("en",) * 256),
        opening(),
        opening(parts=tuple(Part(index=i, units=1) for i in range(1_000))),
        deliver(size=MAX_RESULT_BYTES),
        deliver(size=7, rate_hz=0, channels=0),
        Deposit(account=NODE.node_id, amount_nano=limits.MAX_SUPPLY_NANO),
        Reveal(task=task_id(1), index=999, round=0, vote=VALID, salt=SALT),
        reveal(*[figure(reason="two\nlines")] * 64),
    ],
)
def test_what_is_within_all_limits_passes(operation: Operation) -> None:
    limits.check(operation)
