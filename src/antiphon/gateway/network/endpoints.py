"""What answers the operations of the network API."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TypeVar, cast

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from antiphon import AsyncNetwork
from antiphon.door.cloning import Learn
from antiphon.door.explaining import explained
from antiphon.door.market import Market
from antiphon.door.settings import DEFAULT_VOICE
from antiphon.door.speaking import sentences
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.errors import ApiError, invalid_value
from antiphon.gateway.forms import form_of, keep_uploads, text_in
from antiphon.gateway.guard import body_of
from antiphon.gateway.keyring import check_scope
from antiphon.gateway.keys import Key
from antiphon.gateway.network import streams
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
    SpeechOrder,
    Task,
    TaskList,
    Voice,
    VoiceList,
    WebhookList,
    WebhookOrder,
)
from antiphon.gateway.network.openapi import document
from antiphon.gateway.network.operations import EpochPage, SoundQuery, TaskPage
from antiphon.gateway.network.streams import Streamed, Streams
from antiphon.gateway.network.tasks import Tasks, Wanted, sha256_of
from antiphon.gateway.network.webhooks import Webhooks
from antiphon.gateway.sound import read_body

QueryT = TypeVar("QueryT", bound=msgspec.Struct)
UPLOADS = "api-uploads"
_ID = re.compile(r"[0-9a-f]{32}")
_IDEMPOTENCY = re.compile(r"[!-~]{1,255}")


class NetworkApi:
    """A method for each operation, by its name: a request and its key in, the answer out."""

    def __init__(self, network: AsyncNetwork, tasks: Tasks, webhooks: Webhooks, catalogue: Catalogue) -> None:
        self._network, self._tasks, self._webhooks, self._catalogue = network, tasks, webhooks, catalogue
        self._market, self._streams = Market(network), Streams()
        self._document = msgspec.json.encode(document())

    async def openapi(self, _: Request) -> Response:
        return Response(self._document, media_type="application/json")

    async def quote(self, request: Request, _: Key | None) -> Response:
        asked = await _order(request)
        order = asked.order(self._catalogue)
        max_nano = await self._network.price_nano(order)
        parts = len(sentences(asked.text)) if isinstance(asked, SpeechOrder) else None
        return _json(Quote(max_nano=max_nano, balance_nano=await self._network.balance_nano(), parts=parts))

    async def create_task(self, request: Request, key: Key | None) -> Response:
        idempotency = _idempotency(request)
        asked = await _order(request)
        speech = isinstance(asked, SpeechOrder)
        check_scope(key, "speech" if speech else "music")
        wanted = Wanted(
            order=asked.order(self._catalogue),
            service="speech" if speech else "music",
            scope="speech" if speech else "music",
            title=asked.title,
            voice=asked.voice if isinstance(asked, SpeechOrder) else "",
            body_sha256=sha256_of(asked),
            sentences=tuple(sentences(asked.text)) if isinstance(asked, SpeechOrder) else (),
        )
        return _created(*await self._tasks.create(wanted, key, idempotency))

    async def tasks(self, request: Request, key: Key | None) -> Response:
        asked = _query(request, TaskPage)
        found = await self._tasks.page(key, asked.before, asked.limit)
        more = found[-1].id if len(found) == asked.limit else None
        return _json(TaskList(tasks=tuple(found), next=more))

    async def task(self, request: Request, key: Key | None) -> Response:
        return _json((await self._tasks.get(key, _id(request)))[0])

    async def cancel(self, request: Request, key: Key | None) -> Response:
        return _json(await self._tasks.cancel(key, _id(request)))

    async def delete_task(self, request: Request, key: Key | None) -> Response:
        task = _id(request)
        await self._tasks.delete(key, task)
        return _json(Deleted(id=task))

    async def delete_voice(self, request: Request, _: Key | None) -> Response:
        name = request.path_params["voice"]
        if name not in await asyncio.to_thread(self._network.own_voices):
            told = f"There is no voice {name[:64]!r} that was learnt here. GET /api/v1/voices lists them."
            raise ApiError(404, "voice_not_found", told)
        await asyncio.to_thread(self._network.delete_voice, name)
        return _json(Deleted(id=name))

    async def parts(self, request: Request, key: Key | None) -> Response:
        return _json(PartList(parts=(await self._tasks.get(key, _id(request)))[1]))

    async def events(self, request: Request, key: Key | None) -> Streamed:
        task, parts = await self._tasks.get(key, _id(request))
        live = await self._tasks.watched(key, task.id)
        return streams.events(self._streams.one(key.id if key else ""), task, parts, live)

    async def sound(self, request: Request, key: Key | None) -> Streamed:
        asked = _query(request, SoundQuery)
        task, _ = await self._tasks.get(key, _id(request))
        file = await asyncio.to_thread(self._tasks.recordings.open, task)
        if file is None:
            told = "The sound of this task is not kept (any more). Order it again."
            raise ApiError(410, "sound_gone", told)
        one = self._streams.one(key.id if key else "")
        return streams.sound(one, task, await self._tasks.watched(key, task.id), file, asked.format)

    async def receipt(self, request: Request, key: Key | None) -> Response:
        task, _ = await self._tasks.get(key, _id(request))
        found = [await self._network.receipt(one) for one in task.ledger_tasks]
        told = [await asyncio.to_thread(explained, path) for path in found if path is not None]
        return _json(ReceiptList(receipts=tuple(told)))

    async def proof(self, request: Request, key: Key | None) -> Response:
        task, _ = await self._tasks.get(key, _id(request))
        wanted = request.path_params["ledger_task"]
        path = await self._network.receipt(wanted) if wanted in task.ledger_tasks else None
        if path is None:
            raise ApiError(404, "receipt_not_found", "There is no such receipt of this task, or not yet.")
        return FileResponse(path, media_type="application/json", filename=f"receipt-{wanted}.json")

    async def voices(self, _: Request, __: Key | None) -> Response:
        own = [
            Voice(name=name, language="", engine="", gender="", description="learnt from a recording", own=True)
            for name in await asyncio.to_thread(self._network.own_voices)
        ]
        built_in = [
            Voice(
                name=one.name,
                language=one.language,
                engine=one.engine,
                gender=one.gender,
                description=one.description,
                own=False,
            )
            for one in self._network.voices()
        ]
        return _json(VoiceList(voices=(*own, *built_in), default=DEFAULT_VOICE))

    async def learn_voice(self, request: Request, key: Key | None) -> Response:
        idempotency = _idempotency(request)
        async with form_of(request, max_files=2) as form:
            wanted = await asyncio.to_thread(self._learning, form)
        kept = False
        try:
            task, repeated = await self._tasks.create(wanted, key, idempotency)
            kept = not repeated
        finally:
            for file in () if kept else wanted.files:
                await asyncio.to_thread(file.unlink, missing_ok=True)
        return _created(task, repeated)

    def _learning(self, form: FormData) -> Wanted:
        recording, grant = form.get("file"), form.get("consent")
        name, own = text_in(form, "name"), text_in(form, "own_voice").casefold()
        if not name:
            raise ApiError(400, "missing_name", "The voice has no name. Send it as the field name.", param="name")
        if not isinstance(recording, UploadFile):
            raise ApiError(400, "missing_file", "There is no recording. Send it as the field file.", param="file")
        if own not in {"", "true", "false"}:
            raise ApiError(400, "invalid_value", "own_voice is true or false.", param="own_voice")
        language, engine = text_in(form, "language") or "en-us", text_in(form, "engine")
        said = hashlib.sha256(repr((name, own, language, engine)).encode("utf-8", "surrogatepass"))
        sent = [recording.file, grant.file] if isinstance(grant, UploadFile) else [recording.file]
        files = keep_uploads(self._network.home / UPLOADS, sent, said.update)
        order = Learn(
            name=name,
            reference=files[0],
            own_voice=own == "true",
            consent=files[1] if len(files) > 1 else None,
            language=language,
            engine=engine,
        )
        return Wanted(order, "voice", "clone", name[:80], name[:80], said.digest(), files=tuple(files))

    async def webhooks(self, _: Request, key: Key | None) -> Response:
        return _json(WebhookList(webhooks=await self._webhooks.of(key.id if key else "")))

    async def register_webhook(self, request: Request, key: Key | None) -> Response:
        asked = read_body(await body_of(request), WebhookOrder)
        return _json(await self._webhooks.register(key.id if key else "", asked.url), 201)

    async def remove_webhook(self, request: Request, key: Key | None) -> Response:
        await self._webhooks.remove(key.id if key else "", request.path_params["webhook"])
        return await self.webhooks(request, key)

    async def nodes(self, _: Request, __: Key | None) -> Response:
        return _json(NodeList(nodes=await self._market.nodes()))

    async def scores(self, _: Request, __: Key | None) -> Response:
        return _json(ScoreList(scores=await self._market.scores()))

    async def models(self, _: Request, __: Key | None) -> Response:
        return _json(ModelList(models=await self._market.models()))

    async def epochs(self, request: Request, _: Key | None) -> Response:
        return _json(EpochList(epochs=await self._market.epochs(_query(request, EpochPage).limit)))

    async def epoch(self, request: Request, _: Key | None) -> Response:
        number = request.path_params["number"]
        if not re.fullmatch(r"[1-9][0-9]{0,9}", number) or int(number) > (await self._market.epochs(1))[0].number:
            raise ApiError(404, "epoch_not_found", f"There is no epoch {number[:40]!r}. GET /api/v1/epochs lists them.")
        return _json(await self._market.epoch(int(number)))

    async def revenue(self, _: Request, __: Key | None) -> Response:
        return _json(await self._market.revenue())


def _json(body: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def _created(task: Task, repeated: bool) -> Response:
    where = {"location": f"/api/v1/tasks/{task.id}"}
    if repeated:
        return _json(task, 200, where | {"idempotency-replayed": "true"})
    return _json(task, 201, where)


async def _order(request: Request) -> Order:
    return read_body(await body_of(request), cast("type[Order]", Order))


def _id(request: Request) -> str:
    task: str = request.path_params["task"]
    if not _ID.fullmatch(task):
        raise ApiError(404, "task_not_found", f"There is no task {task[:64]!r}. GET /api/v1/tasks lists them.")
    return task


def _idempotency(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    if given is not None and not _IDEMPOTENCY.fullmatch(given):
        told = "An Idempotency-Key has 1 to 255 visible ASCII characters. Send a random one, as a UUID."
        raise ApiError(400, "invalid_value", told, param="Idempotency-Key")
    return given


def _query(request: Request, kind: type[QueryT]) -> QueryT:
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_value(error, kind) from None
