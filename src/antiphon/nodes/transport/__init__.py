"""How messages reach nodes: in process or over HTTP, behind one Protocol."""

from antiphon.nodes.transport.base import DEFAULT_LIMITS, Handler, Limits, Transport
from antiphon.nodes.transport.http import HttpTransport
from antiphon.nodes.transport.inproc import InProcessTransport
from antiphon.nodes.transport.routing import RoutingTransport
from antiphon.nodes.transport.server import Server, serve

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
