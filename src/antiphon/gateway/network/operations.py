"""Every operation of the network API, declared once: its route and the OpenAPI document are made of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from antiphon.door.market import EpochPaid, Revenue
from antiphon.gateway.network import examples
from antiphon.gateway.network.bodies import (
    Deleted,
    EpochList,
    ModelList,
    NodeList,
    Order,
    PartList,
    Quote,
    ReceiptList,
    ScoreList,
    Task,
    TaskList,
    VoiceList,
    Webhook,
    WebhookList,
    WebhookOrder,
)
from antiphon.gateway.sound import Format

PREFIX = "/api/v1"


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No query."""


class TaskPage(msgspec.Struct, frozen=True, kw_only=True):
    """`before`: the id of the oldest task of the page before."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    before: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")] | None = None


class EpochPage(msgspec.Struct, frozen=True, kw_only=True):
    """So many of the newest."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class SoundQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which format."""

    format: Format = "mp3"


class VoiceForm(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of 3 to 60 s of one voice (`file`), and the consent of its owner: `own_voice` true states that it is
    one's own, `consent` is the file that `antiphon consent grant` made. `engine` empty: whoever offers it."""

    name: str
    file: bytes
    own_voice: bool = False
    consent: bytes = b""
    language: str = "en-us"
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """`name`: of the method of `NetworkApi` that answers. `scope`: of the key, empty: any key, or checked by what is
    ordered. `query`: a struct; every field has a default. `media`: of the answer, where it is no JSON."""

    name: str
    method: str
    path: str
    summary: str
    scope: str
    told: str
    answer: Any = None
    status: int = 200
    body: Any = None
    form: Any = None
    query: type[msgspec.Struct] = Nothing
    media: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    idempotent: bool = False
    example: Any = None
    asked: Any = None


_SOUNDS = {
    "audio/mpeg": "mp3",
    "audio/ogg; codecs=opus": "opus",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/pcm": "16-bit little-endian, interleaved; the media type says rate and channels",
}

OPERATIONS = (
    Operation(
        "quote",
        "POST",
        "/quotes",
        "What an order can cost",
        "read",
        "By today's prices, at most. Nothing is bought.",
        answer=Quote,
        body=Order,
        errors=(400, 402, 404, 413, 415),
        asked=examples.SPEECH,
        example=examples.QUOTE,
    ),
    Operation(
        "create_task",
        "POST",
        "/tasks",
        "Order sound",
        "",
        "Answers at once; follow the task by its events, or hear its sound while it is made. The key needs the scope "
        "of the service. A request that is repeated with its Idempotency-Key is the same task (200, and the header "
        "idempotency-replayed), "
        "as long as tasks are kept (by default 30 days) and across restarts; with another body it is an error (409).",
        answer=Task,
        status=201,
        body=Order,
        errors=(400, 402, 404, 409, 413, 415),
        idempotent=True,
        asked=examples.SPEECH,
        example=examples.TASK,
    ),
    Operation(
        "tasks",
        "GET",
        "/tasks",
        "The tasks of this key",
        "",
        "The newest first; ended ones as long as the server keeps them (by default 30 days).",
        answer=TaskList,
        query=TaskPage,
        errors=(400,),
        example=examples.TASKS,
    ),
    Operation(
        "task",
        "GET",
        "/tasks/{task}",
        "How a task stands",
        "",
        "",
        answer=Task,
        errors=(404,),
        example=examples.TASK,
    ),
    Operation(
        "cancel",
        "POST",
        "/tasks/{task}/cancel",
        "End a task",
        "",
        "What was not made is not paid. A task that has ended stays as it is.",
        answer=Task,
        errors=(404,),
        example=examples.CANCELLED,
    ),
    Operation(
        "delete_task",
        "DELETE",
        "/tasks/{task}",
        "Delete a task",
        "",
        "Its text, sound and all else that this server keeps of it, once it has ended. What was paid stays in the "
        "ledger and its receipts, which hold no text. Its Idempotency-Key stays used.",
        answer=Deleted,
        errors=(404, 409),
        example=examples.DELETED,
    ),
    Operation(
        "parts",
        "GET",
        "/tasks/{task}/parts",
        "Its parts and votes",
        "",
        "Who makes each part, which validators were drawn, and how they voted.",
        answer=PartList,
        errors=(404,),
        example=examples.PARTS,
    ),
    Operation(
        "events",
        "GET",
        "/tasks/{task}/events",
        "Its progress, as it happens",
        "",
        "Server-sent events: `task` (a Task; first, and whenever it changed), `part` (a Part), `sound` "
        "(a SoundProgress), and at the end `end` (the Task, with what it has cost). Whoever connects again gets all of "
        "it anew, as it is then.",
        media={"text/event-stream": "events"},
        errors=(404,),
    ),
    Operation(
        "sound",
        "GET",
        "/tasks/{task}/sound",
        "Its sound",
        "",
        "From the beginning, while it is made and "
        "as long as the server keeps it (by default a day). The connection of a task that fails is cut. "
        "What was made of a task that had failed before is sent with the header antiphon-incomplete.",
        query=SoundQuery,
        media=_SOUNDS,
        errors=(400, 404, 410),
    ),
    Operation(
        "receipt",
        "GET",
        "/tasks/{task}/receipt",
        "What was paid to whom, and why",
        "",
        "Read from the signed evidence, which is checked anew each time. Empty until a task of the ledger is closed.",
        answer=ReceiptList,
        errors=(404,),
        example=examples.RECEIPTS,
    ),
    Operation(
        "proof",
        "GET",
        "/tasks/{task}/receipts/{ledger_task}",
        "A receipt as a file",
        "",
        "For `antiphon receipt verify`, which needs no network.",
        media={"application/json": "a receipt with its signed evidence"},
        errors=(404,),
    ),
    Operation(
        "voices",
        "GET",
        "/voices",
        "Voices that can be ordered",
        "read",
        "",
        answer=VoiceList,
        example=examples.VOICES,
    ),
    Operation(
        "learn_voice",
        "POST",
        "/voices",
        "Learn a voice from a recording",
        "clone",
        "A task of the service `voice`; when it is completed, the voice can be ordered by its name, by every key of "
        "this server. Nobody's voice is learnt without consent.",
        answer=Task,
        status=201,
        form=VoiceForm,
        errors=(400, 402, 408, 409, 413, 415),
        idempotent=True,
        example=examples.VOICE_TASK,
    ),
    Operation(
        "delete_voice",
        "DELETE",
        "/voices/{voice}",
        "Delete a voice that was learnt here",
        "clone",
        "With what was learnt; the recording went when the voice was made.",
        answer=Deleted,
        errors=(404,),
        example=examples.DELETED_VOICE,
    ),
    Operation(
        "nodes",
        "GET",
        "/nodes",
        "Who works in the network",
        "read",
        "Role, offers and prices, quality, stake.",
        answer=NodeList,
        example=examples.NODES,
    ),
    Operation(
        "scores",
        "GET",
        "/scores",
        "How good nodes are",
        "read",
        "The network's memory of what validators found, by service.",
        answer=ScoreList,
        example=examples.SCORES,
    ),
    Operation(
        "models",
        "GET",
        "/models",
        "Engines, and the market for each",
        "read",
        "",
        answer=ModelList,
        example=examples.MODELS,
    ),
    Operation(
        "epochs",
        "GET",
        "/epochs",
        "Epochs",
        "read",
        "The newest first; the first is open.",
        answer=EpochList,
        query=EpochPage,
        errors=(400,),
        example=examples.EPOCHS,
    ),
    Operation(
        "epoch",
        "GET",
        "/epochs/{number}",
        "What an epoch paid",
        "read",
        "",
        answer=EpochPaid,
        errors=(404,),
        example=examples.EPOCH,
    ),
    Operation(
        "revenue",
        "GET",
        "/revenue",
        "Money",
        "read",
        "What was issued and burnt in all, and the accounts of this data folder: its client's, and those that its "
        "nodes earn on.",
        answer=Revenue,
        example=examples.REVENUE,
    ),
    Operation(
        "webhooks",
        "GET",
        "/webhooks",
        "The webhooks of this key",
        "",
        "",
        answer=WebhookList,
        example=examples.WEBHOOKS,
    ),
    Operation(
        "register_webhook",
        "POST",
        "/webhooks",
        "Have the end of each task posted",
        "",
        "Signed as Standard Webhooks has it, and tried again for a day and a half. Never to private addresses, unless "
        "the server was started with --private-webhooks.",
        answer=Webhook,
        status=201,
        body=WebhookOrder,
        errors=(400, 413, 415),
        asked={"url": "https://example.org/antiphon"},
        example=examples.WEBHOOK,
    ),
    Operation(
        "remove_webhook",
        "DELETE",
        "/webhooks/{webhook}",
        "Remove a webhook",
        "",
        "With what was not delivered to it yet.",
        answer=WebhookList,
        errors=(404,),
        example=examples.WEBHOOKS,
    ),
)
