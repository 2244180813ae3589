"""The routes of the API, as an ASGI application over one open network."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from antiphon import AsyncNetwork, Compose, Say
from antiphon.door.paying import Charge, Till
from antiphon.errors import AntiphonError
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.guard import Access, Guard, body_of
from antiphon.gateway.music import MusicRequest
from antiphon.gateway.paying import REQUIRED, RESPONSE, Cashier
from antiphon.gateway.sound import SoundResponse, read_body
from antiphon.gateway.speech import SpeechRequest

MAX_ORDERS = 32
"""In work at once; one more is told to come again."""


class Api:
    """The endpoints. `closed`: the network has no other voices and engines than those that are installed here."""

    def __init__(
        self, network: AsyncNetwork, *, closed: bool, max_orders: int = MAX_ORDERS, till: Till | None = None
    ) -> None:
        self._network = network
        self._cashier = Cashier(network, till) if till is not None else None
        self._catalogue = Catalogue(network, closed=closed)
        self._max_orders, self._orders = max_orders, 0

    async def speech(self, request: Request) -> _Counted:
        asked = read_body(await body_of(request), SpeechRequest)
        order = asked.order(self._catalogue)
        event = "speech.audio" if asked.stream_format == "sse" else ""
        return _Counted(
            self,
            SoundResponse(
                self._network,
                order,
                asked.response_format,
                event=event,
                chars=len(asked.input),
                charge=await self._charge(request, order),
            ),
        )

    async def music(self, request: Request) -> _Counted:
        asked = read_body(await body_of(request), MusicRequest)
        order = asked.order()
        charge = await self._charge(request, order)
        return _Counted(self, SoundResponse(self._network, order, asked.response_format, charge=charge))

    async def _charge(self, request: Request, order: Say | Compose) -> Charge | None:
        return None if self._cashier is None else await self._cashier.charge(request, order)

    async def models(self, _: Request) -> Response:
        return JSONResponse(self._catalogue.models_body())

    async def model(self, request: Request) -> Response:
        return JSONResponse(self._catalogue.model_body(request.path_params["name"]))

    async def voices(self, _: Request) -> Response:
        return JSONResponse(self._catalogue.voices_body())

    def enter(self) -> bool:
        """Take a place for an order. False: all are taken."""
        if self._orders >= self._max_orders:
            return False
        self._orders += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._orders -= 1


class _Counted:
    """A response that holds one of the places while it is made."""

    def __init__(self, api: Api, response: SoundResponse) -> None:
        self._api, self._response = api, response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._api.enter():
            told = "All places are taken. Ask again in a second."
            busy = ApiError(503, "busy", told, kind="server_error", headers={"retry-after": "1"})
            self._response.leave()
            await busy.response()(scope, receive, send)
            return
        try:
            await self._response(scope, receive, send)
        finally:
            self._api.leave()


def application(
    network: AsyncNetwork,
    access: Access,
    *,
    closed: bool = True,
    max_orders: int = MAX_ORDERS,
    till: Till | None = None,
) -> Starlette:
    """The application over a network that is open, and stays so. `till`: each order of sound is paid for by x402."""
    api = Api(network, closed=closed, max_orders=max_orders, till=till)
    middleware = [Middleware(Guard, access=access)]
    if access.origins:
        origins = sorted(access.origins)
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=[REQUIRED, RESPONSE],
            )
        )
    return Starlette(
        routes=[
            Route("/v1/audio/speech", api.speech, methods=["POST"]),
            Route("/v1/audio/music", api.music, methods=["POST"]),
            Route("/v1/audio/voices", api.voices),
            Route("/v1/models", api.models),
            Route("/v1/models/{name:path}", api.model),
        ],
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
    told = f"{request.method} {request.url.path[:200]} is not served here. See docs/http-api.md."
    return ApiError(error.status_code, code, told, headers=error.headers).response()
