"""The routes of the API, as an ASGI application over one open network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from antiphon import AsyncNetwork, Compose, Say
from antiphon.door.paying import Charge, Till
from antiphon.errors import AntiphonError
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.cloning import MAX_TEXT_BYTES, CloneRequest
from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.forms import form_of, sweep_uploads
from antiphon.gateway.guard import Access, Guard, body_of
from antiphon.gateway.keyring import Keyring, usage_body
from antiphon.gateway.keys import Key
from antiphon.gateway.music import MusicRequest
from antiphon.gateway.network.endpoints import UPLOADS, NetworkApi
from antiphon.gateway.network.keeping import Keeping
from antiphon.gateway.network.operations import OPERATIONS, PREFIX
from antiphon.gateway.network.streams import Streamed
from antiphon.gateway.network.tasks import KEEPING, Tasks
from antiphon.gateway.network.webhook_store import WebhookStore
from antiphon.gateway.network.webhooks import Webhooks
from antiphon.gateway.orders import Orders
from antiphon.gateway.page_files import page_routes
from antiphon.gateway.paying import REQUIRED, RESPONSE, Cashier
from antiphon.gateway.realtime import Conversation
from antiphon.gateway.shared_turns import SharedTurns
from antiphon.gateway.sound import SoundResponse, read_body
from antiphon.gateway.speech import SpeechRequest
from antiphon.gateway.transcription import Listening, TranscriptionRequest
from antiphon.gateway.turns import Turns

Answer = Response | SoundResponse | Streamed
Endpoint = Callable[[Request, Key | None], Awaitable[Answer]]


class Api:
    """The endpoints of the audio API, and who may ask any."""

    def __init__(
        self,
        network: AsyncNetwork,
        orders: Orders,
        catalogue: Catalogue,
        *,
        keyring: Keyring | None,
        till: Till | None,
    ) -> None:
        self._network, self._orders, self._keyring = network, orders, keyring
        self._cashier = Cashier(network, till) if till is not None else None
        self._catalogue = catalogue
        self._listening = Listening()

    def asked(self, scope: str, endpoint: Endpoint) -> Callable[[Request], Awaitable[Answer]]:
        """An endpoint for those whose key has that scope. Nothing is read of a request before that is known."""

        async def admitted(request: Request) -> Answer:
            return await endpoint(request, await self._admitted(request, scope))

        return admitted

    async def _admitted(self, request: HTTPConnection, scope: str) -> Key | None:
        return None if self._keyring is None else await self._keyring.admit(request, scope)

    async def speech(self, request: Request, key: Key | None) -> SoundResponse:
        asked = read_body(await body_of(request), SpeechRequest)
        order = asked.order(self._catalogue)
        return SoundResponse(
            lambda: self._orders.stream(order, "speech", key),
            asked.response_format,
            wrapping=asked.stream_format,
            chars=len(asked.input),
            charge=await self._charge(request, order),
        )

    async def music(self, request: Request, key: Key | None) -> SoundResponse:
        asked = read_body(await body_of(request), MusicRequest)
        order = asked.order()
        return SoundResponse(
            lambda: self._orders.stream(order, "music", key),
            asked.response_format,
            charge=await self._charge(request, order),
        )

    async def clone(self, request: Request, key: Key | None) -> SoundResponse:
        """Consent is given to this server's key: who is paid by strangers would vouch for strangers' voices."""
        if self._cashier is not None:
            raise ApiError(501, "not_supported", "This server is paid by x402, and clones no voices of strangers.")
        uploads = self._network.home / UPLOADS
        async with form_of(request, max_files=2, max_text_bytes=MAX_TEXT_BYTES) as form:
            asked = CloneRequest.of(form)
            order = await asyncio.to_thread(asked.order, form, self._catalogue, self._network.own_voices(), uploads)
        return SoundResponse(
            lambda: self._orders.stream(order, "clone", key),
            asked.response_format,
            wrapping=asked.stream_format,
            chars=len(asked.input),
            files=[file for file in (order.reference, order.consent) if file is not None],
        )

    async def realtime(self, socket: WebSocket) -> None:
        """A conversation. Who has no key for it is refused before it begins."""
        try:
            if self._cashier is not None:
                told = "This server is paid for each order by x402, and a conversation has no price."
                raise ApiError(501, "not_supported", told)
            await self._admitted(socket, "speech")
        except ApiError as error:
            await socket.close(1008, error.code)
            return
        await Conversation(socket, self._orders, self._catalogue, lambda: self._admitted(socket, "speech")).run()

    async def close(self) -> None:
        await self._listening.close()

    async def transcription(self, request: Request, key: Key | None, *, english: bool = False) -> Response:
        """Heard on this machine: no node is asked, and nothing is paid. So who asks for money does not offer it."""
        if self._cashier is not None:
            told = "This server is paid for each order by x402, and hearing has no price here."
            raise ApiError(501, "not_supported", told)
        async with TranscriptionRequest.of(request) as asked:
            return await self._listening.answer(request, asked, key, english=english)

    async def translation(self, request: Request, key: Key | None) -> Response:
        return await self.transcription(request, key, english=True)

    async def _charge(self, request: Request, order: Say | Compose) -> Charge | None:
        return None if self._cashier is None else await self._cashier.charge(request, order)

    async def models(self, _: Request, __: Key | None) -> Response:
        return JSONResponse(self._catalogue.models_body())

    async def model(self, request: Request, _: Key | None) -> Response:
        return JSONResponse(self._catalogue.model_body(request.path_params["name"]))

    async def voices(self, _: Request, __: Key | None) -> Response:
        return JSONResponse(self._catalogue.voices_body())

    async def usage(self, _: Request, key: Key | None) -> Response:
        if key is None or self._keyring is None:
            raise ApiError(
                404, "no_keys", "This server has no API keys, and so no usage by key. Whoever runs it makes keys."
            )
        return JSONResponse(usage_body(key, await self._keyring.usage(key)))


@contextlib.asynccontextmanager
async def application(
    network: AsyncNetwork,
    access: Access,
    *,
    closed: bool = True,
    turns: Turns | None = None,
    shared: SharedTurns | None = None,
    keyring: Keyring | None = None,
    till: Till | None = None,
    private_webhooks: bool = False,
    storage: Storage | None = None,
    keeping: Keeping = KEEPING,
) -> AsyncIterator[Starlette]:
    """The application over a network that is open, and stays so. `storage`: of tasks and webhooks; by default in the
    network's data folder. `keeping`: of tasks. `closed`: it has no other voices and engines than
    those that are installed here. `keyring`: requests need a key once there is one. `till`: each order of sound is paid
    for by x402 instead, and there are no network API and no page, whose tasks would be paid by nobody."""
    await asyncio.to_thread(sweep_uploads, network.home / UPLOADS)
    orders = Orders(network, turns or Turns(keeps=network.pace.keeps), keyring, shared)
    catalogue = Catalogue(network, closed=closed)
    api = Api(network, orders, catalogue, keyring=keyring, till=till)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(api.close)
        stack.push_async_callback(orders.close)
        routes: list[BaseRoute] = [*_audio(api), WebSocketRoute("/v1/realtime", api.realtime)]
        if till is None:
            storage = storage or Storage(network.home)
            store = await asyncio.to_thread(WebhookStore, storage)
            webhooks = await stack.enter_async_context(Webhooks.opened(store, allow_private=private_webhooks))
            tasks = await stack.enter_async_context(Tasks.opened(network, orders, storage, webhooks, keeping))
            routes += [*_network(api, NetworkApi(network, tasks, webhooks, catalogue)), *page_routes()]
        yield _routed(routes, access)


def _audio(api: Api) -> list[Route]:
    return [
        Route("/v1/audio/speech", api.asked("speech", api.speech), methods=["POST"]),
        Route("/v1/audio/music", api.asked("music", api.music), methods=["POST"]),
        Route("/v1/audio/clone", api.asked("clone", api.clone), methods=["POST"]),
        Route("/v1/audio/transcriptions", api.asked("speech", api.transcription), methods=["POST"]),
        Route("/v1/audio/translations", api.asked("speech", api.translation), methods=["POST"]),
        Route("/v1/audio/voices", api.asked("read", api.voices)),
        Route("/v1/models", api.asked("read", api.models)),
        Route("/v1/models/{name:path}", api.asked("read", api.model)),
        Route("/v1/usage", api.asked("read", api.usage)),
    ]


def _network(api: Api, network: NetworkApi) -> list[Route]:
    """What the operations say; two of one path are one route."""
    found: dict[str, dict[str, Callable[[Request], Awaitable[Answer]]]] = {}
    for one in OPERATIONS:
        found.setdefault(one.path, {})[one.method] = api.asked(one.scope, getattr(network, one.name))
    routes = [Route(PREFIX + path, _by_method(answers), methods=list(answers)) for path, answers in found.items()]
    return [*routes, Route("/openapi.json", network.openapi)]


def _by_method(
    answers: Mapping[str, Callable[[Request], Awaitable[Answer]]],
) -> Callable[[Request], Awaitable[Answer]]:
    async def answer(request: Request) -> Answer:
        return await answers["GET" if request.method == "HEAD" else request.method](request)

    return answer


def _routed(routes: list[BaseRoute], access: Access) -> Starlette:
    middleware = [Middleware(Guard, access=access)]
    if access.origins:
        origins = sorted(access.origins)
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["*"],
                expose_headers=[REQUIRED, RESPONSE],
            )
        )
    return Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={ApiError: _told, AntiphonError: _failed, HTTPException: _unknown},
    )


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, AntiphonError)
    return api_error(error).response()


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    method = error.status_code == 405
    code = "method_not_allowed" if method else "unknown_url"
    told = f"{request.method} {request.url.path[:200]} is not served here. See docs/http-api.md and /openapi.json."
    return ApiError(error.status_code, code, told, headers=error.headers).response()
