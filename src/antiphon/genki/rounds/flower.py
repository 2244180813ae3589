"""Flower's messages and strategies, and nothing of Flower anywhere else but in the grids.

A request holds an `arrays` record with the parameters and a `config` record with the task; a reply holds the signed
update as bytes. What aggregates is Flower's own strategy, given whole models of equal weight: a number of examples that
a client declares weighs nothing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Protocol
from uuid import uuid4

import numpy as np

from antiphon.errors import AntiphonError, InputError, ModelError, ProtocolError
from antiphon.genki.learning import Parameters, added
from antiphon.genki.rounds import task as tasks
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.task import Task

if find_spec("flwr") is None:
    raise ModelError("Rounds need Flower, which is not installed", "Run `pip install 'antiphon[genki,train]'`.")
os.environ.setdefault(
    "FLWR_TELEMETRY_ENABLED", "0"
)  # read by Flower when it is imported: nothing is told to its makers

from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MessageType, Metadata, MetricRecord, RecordDict
from flwr.app.message import make_message
from flwr.serverapp.strategy import (
    Bulyan,
    DifferentialPrivacyServerSideFixedClipping,
    FedAvg,
    FedMedian,
    FedTrimmedAvg,
    Krum,
    MultiKrum,
    Strategy,
)

_log = logging.getLogger(__name__)
logging.getLogger("flwr").setLevel(logging.WARNING)

_REFUSED = 1000  # Flower's codes of errors end below
_WEIGHT = "num-examples"
MAX_REASON_CHARS = 300


class Answering(Protocol):
    """A contributor. Both raise an `AntiphonError` for what they refuse."""

    def answer(self, task: Task, parameters: Parameters) -> bytes: ...

    def step(self, raw: bytes) -> bytes: ...


def content_of(task: Task, parameters: Parameters) -> RecordDict:
    """What a request holds; shared by the messages of a round."""
    return RecordDict({"arrays": _record(parameters), "config": ConfigRecord({"task": tasks.encode(task)})})


def step_of(raw: bytes) -> RecordDict:
    """What a request holds that asks for a step of secure aggregation."""
    return RecordDict({"config": ConfigRecord({"step": raw})})


def is_step(message: Message) -> bool:
    return isinstance(_config(message, "step"), bytes)


def request(node: int, content: RecordDict, *, round_: int, ttl_s: float) -> Message:
    """One message, of no run as yet: the grid that carries it knows its run."""
    return make_message(_metadata(node, MessageType.TRAIN, round_=round_, ttl_s=ttl_s), content)


def over(node: int, *, round_: int, ttl_s: float) -> Message:
    """What a node is told after the last round. It answers with the same, and leaves."""
    return make_message(_metadata(node, MessageType.QUERY, round_=round_, ttl_s=ttl_s), _over())


def is_over(message: Message) -> bool:
    return bool(_config(message, "over"))


def farewell(message: Message) -> Message:
    """A node's answer to `over`."""
    return Message(_over(), reply_to=message)


def _over() -> RecordDict:
    return RecordDict({"config": ConfigRecord({"over": True})})


def _metadata(node: int, kind: str, *, round_: int, ttl_s: float) -> Metadata:
    return Metadata(
        run_id=0,
        message_id=uuid4().hex,
        src_node_id=0,
        dst_node_id=node,
        reply_to_message_id="",
        group_id=str(round_),
        created_at=time.time(),
        ttl=ttl_s,
        message_type=kind,
    )


def answered(message: Message, contributor: Answering) -> Message:
    """A contributor's reply: its update, or why there is none. No error ends the contributor."""
    try:
        step = _config(message, "step")
        made = contributor.step(step) if isinstance(step, bytes) else contributor.answer(*_read(message))
        return Message(RecordDict({"config": ConfigRecord({"update": made})}), reply_to=message)
    except AntiphonError as error:
        return refusal(message, str(error))
    except Exception as error:  # noqa: BLE001 - whatever breaks in a training must end neither this party nor the others
        _log.exception("the task could not be done")
        return refusal(message, f"its training broke ({type(error).__name__})")


def refusal(message: Message, reason: str) -> Message:
    return Message(Error(_REFUSED, reason[:MAX_REASON_CHARS]), reply_to=message)


def update_in(reply: Message) -> bytes:
    """The bytes of a reply. Raises `ProtocolError` with the contributor's or Flower's reason where there are none."""
    if reply.has_error():
        reason = "".join(c for c in str(reply.error.reason) if c.isprintable())
        raise ProtocolError(f"It answered: {reason[:MAX_REASON_CHARS]}", "The round goes on without it.")
    raw = _config(reply, "update")
    if not isinstance(raw, bytes):
        raise ProtocolError("The reply holds no update", "Both sides need the same version.")
    return raw


def _read(message: Message) -> tuple[Task, Parameters]:
    raw = _config(message, "task")
    arrays = message.content.array_records.get("arrays")
    if not isinstance(raw, bytes) or arrays is None:
        raise ProtocolError("The request holds no task", "Both sides need the same version.")
    try:
        found = {name: array.numpy() for name, array in arrays.items()}
    except (ValueError, TypeError, EOFError) as error:
        raise ProtocolError(f"The parameters cannot be read: {error}", "They were changed on their way.") from error
    return tasks.decode(raw), found


def _config(message: Message, key: str) -> object:
    record = message.content.config_records.get("config")
    return record.get(key) if record is not None else None


def aggregate(plan: Plan, base: Parameters, deltas: Sequence[Parameters], *, parties: int = 0) -> Parameters:
    """The parameters after a round: `base` moved by `server_rate` of what the plan's strategy makes of all models.

    There are `plan.needed` updates at least, none of them all zero (Flower divides by their norm). `parties`: how many
    are in the one delta that there is, a mean (secure aggregation).
    """
    strategy = _strategy(plan, base, parties or len(deltas))
    answers = [
        RecordDict({"arrays": _record(added(base, delta)), "metrics": MetricRecord({_WEIGHT: 1})}) for delta in deltas
    ]
    made, _ = strategy.aggregate_train(1, [_reply(node, answer) for node, answer in enumerate(answers, 1)])
    if made is None:
        raise InputError(f"Flower's {type(strategy).__name__} made nothing of {len(deltas)} updates", "Wait for more.")
    whole = {name: made[name].numpy().astype(np.float32, copy=False).reshape(base[name].shape) for name in base}
    change = {name: whole[name] - value for name, value in base.items()}
    return added(base, change, plan.server_rate)


def _strategy(plan: Plan, base: Parameters, replies: int) -> Strategy:
    bad = plan.malicious
    robust: dict[str, Callable[[], Strategy]] = {
        "median": FedMedian,
        "trimmed": lambda: FedTrimmedAvg(beta=min(0.49, bad / replies)),
        "krum": lambda: Krum(num_malicious_nodes=bad),
        "multikrum": lambda: MultiKrum(num_malicious_nodes=bad, num_nodes_to_select=replies - bad),
        "bulyan": lambda: Bulyan(num_malicious_nodes=bad),
    }
    if plan.aggregate in robust:
        return robust[plan.aggregate]()
    if not plan.clip_norm:
        return FedAvg()
    clipping = DifferentialPrivacyServerSideFixedClipping(FedAvg(), plan.noise, plan.clip_norm, replies)
    clipping.current_arrays = _record(base)  # what `configure_train` would have noted
    return clipping


def _record(parameters: Parameters) -> ArrayRecord:
    return ArrayRecord({name: Array(np.ascontiguousarray(parameters[name])) for name in sorted(parameters)})


def _reply(node: int, content: RecordDict) -> Message:
    return Message(content, reply_to=request(node, RecordDict(), round_=1, ttl_s=60))
