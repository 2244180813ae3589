"""The page and its files, which ask the network API like anybody else; and the web component for pages of others."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Nothing but what this server sends is run, shown or asked; nobody frames it.
    "content-security-policy": "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self)",
    "cache-control": "no-cache",
}
COMPONENT = "antiphon-say.js"
_PATHS = {"index.html": "/", COMPONENT: f"/{COMPONENT}"}
_FOR_OTHERS = {"cross-origin-resource-policy": "cross-origin"}


def page_routes() -> list[Route]:
    """`/` is the page, `/antiphon-say.js` the component; what else belongs to the page lies under `/page/`."""
    routes = []
    for file in resources.files("antiphon.gateway.page").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in TYPES:
            headers = _HEADERS | (_FOR_OTHERS if file.name == COMPONENT else {})
            path = _PATHS.get(file.name, f"/page/{file.name}")
            routes.append(Route(path, _sent(file.read_bytes(), TYPES[suffix], headers)))
    return routes


def _sent(data: bytes, kind: str, headers: dict[str, str]) -> Callable[[Request], Awaitable[Response]]:
    headers = headers | {"etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=kind)

    return answer
