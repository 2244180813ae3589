"""How messages reach nodes: in process or over HTTP, behind one Protocol.

What speaks HTTP is imported when it is used: a network in one process starts sooner.
"""

from typing import TYPE_CHECKING, Any

from antiphon.transport.base import DEFAULT_LIMITS, Handler, Limits, Transport
from antiphon.transport.inproc import InProcessTransport
from antiphon.transport.routing import RoutingTransport

if TYPE_CHECKING:
    from antiphon.transport.http import HttpTransport
    from antiphon.transport.server import Server, serve

__all__ = [
    "DEFAULT_LIMITS",
    "Handler",
    "HttpTransport",
    "InProcessTransport",
    "Limits",
    "RoutingTransport",
    "Server",
    "Transport",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name == "HttpTransport":
        from antiphon.transport.http import HttpTransport

        return HttpTransport
    if name in {"Server", "serve"}:
        from antiphon.transport import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
