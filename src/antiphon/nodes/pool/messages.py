"""What node and workers say to each other, and where.

The queue (a JetStream work queue, one subject for each engine) holds jobs until a worker has acknowledged them. What a
worker makes, and everything that matters only now, goes by plain messages: a lost one is noticed by its place.
Text and sound travel as they are: the NATS server is the operator's own, with TLS and a password where it is not alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from antiphon.services import Request

ROOT = "antiphon"
STREAM = "ANTIPHON_WORK"
PIECE_BYTES = 128 << 10
"""Most of a result in one message; servers take 1 MB unless told otherwise."""

ALIVE_S = 1.0
"""A worker says this often to the server that it works."""

ACK_WAIT_S = 5.0
"""A worker that was silent for so long is lost, and the server hands its job to the next."""

MAX_DELIVERIES = 5


class WorkerJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part. `job`: names it, the same in each copy that is put into the queue."""

    job: str
    request: Request
    seed: int


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a worker. `run`: this turn at the job, for a job may be begun more than once; `offset`: bytes before."""

    run: str
    worker: str
    kind: Literal["begun", "piece", "done", "failed"]
    offset: int = 0
    pcm: bytes = b""
    error: str = ""
    fault: Literal["input", "busy", "other"] = "other"


def work_subject(engine: str) -> str:
    return f"{ROOT}.work.{_token(engine)}"


def consumer_of(engine: str) -> str:
    return f"workers-{_token(engine)}"


def made_subject(job: str) -> str:
    return f"{ROOT}.made.{job}"


def ask_subject(job: str) -> str:
    return f"{ROOT}.ask.{job}"


OVER = f"{ROOT}.over"
"""The job in the message is wanted no more: it is done, or its client has left."""


def _token(name: str) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in name)
