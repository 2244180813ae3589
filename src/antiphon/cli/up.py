"""`antiphon up`: a network, its HTTP APIs and its page in one process."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import webbrowser
from contextlib import AsyncExitStack
from dataclasses import dataclass

import click

from antiphon.cli.api_keys import key, store_option
from antiphon.cli.app import run
from antiphon.cli.durations import Duration
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError
from antiphon.gateway.network.keeping import Keeping

API_PORT = 7420
EPILOG = """\b
Examples:
  antiphon up --port 8080
"""


@click.group(cls=Verbs, invoke_without_command=True, epilog=EPILOG)
@click.option("--port", default=API_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name that clients may call this server by.")
@click.option("--allow-origin", multiple=True, metavar="URL", help="A web page's origin that may ask; by default none.")
@click.option("--browser/--no-browser", default=None, help="Open the page in a browser; by default from a terminal.")
@store_option
@click.option("--sounds", metavar="PLACE", default="", help="Tasks' sound: a folder or s3://BUCKET/PREFIX.")
@click.option("--keep-sounds", default="1d", show_default=True, type=Duration(), help="How long: 90s, 15m, 12h, 30d.")
@click.option("--keep-tasks", default="30d", show_default=True, type=Duration(), help="How long, and their texts.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Servers on this port.")
@click.option("--listener", type=int, hidden=True, help="Of the process that started this one.")
@click.option("--private-webhooks", is_flag=True, help="Webhooks may be at private addresses, as in one's own network.")
@click.option("--x402", is_flag=True, help="Whoever asks pays, by x402, to the chain key's address.")
@click.pass_context
def up(
    ctx: click.Context,
    port: int,
    host: str,
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    browser: bool | None,
    place: str,
    sounds: str,
    keep_sounds: float,
    keep_tasks: float,
    processes: int,
    listener: int | None,
    private_webhooks: bool,
    x402: bool,
) -> None:
    """Serve an audio API that OpenAI's clients speak, the network API, and a page, until Ctrl-C.

    It orders from the network that --ledger names or this data folder serves, else from one in this process, and pays
    from this data folder's account: whoever reaches it may spend that, unless there are keys (antiphon up key create),
    or --x402 has them pay.
    """
    if ctx.invoked_subcommand is None:
        shown = sys.stderr.isatty() if browser is None else browser
        keeping = Keeping(sounds, keep_sounds, keep_tasks)
        served = Served(
            host, port, allow_host, allow_origin, shown, place, keeping, processes, listener, private_webhooks, x402
        )
        if processes > 1 and x402:
            raise InputError("--x402 goes with one process", "Leave --processes out.")
        run(_serve(ctx.obj, served) if processes == 1 or listener is not None else _serve_all(served))


@dataclass(frozen=True, slots=True)
class Served:
    """What the options say. `hosts`, `origins`: of others that may ask."""

    host: str
    port: int
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    browser: bool
    store: str
    keeping: Keeping
    processes: int
    listener: int | None
    private_webhooks: bool
    x402: bool


async def _serve(settings: Settings, served: Served) -> None:
    from antiphon.cli.up_processes import READY, parent_gone
    from antiphon.cli.warming import warm_up
    from antiphon.door.network import AsyncNetwork
    from antiphon.door.paying import till
    from antiphon.gateway.app import application
    from antiphon.gateway.database import Storage
    from antiphon.gateway.guard import Access
    from antiphon.gateway.keyring import Keyring
    from antiphon.gateway.serving import serving
    from antiphon.gateway.shared_turns import SharedTurns

    listener = None if served.listener is None else socket.socket(fileno=served.listener)
    warm_up(settings)
    async with AsyncExitStack() as stack:
        paid = await stack.enter_async_context(till(settings)) if served.x402 else None  # first: no key, no start
        network = await stack.enter_async_context(AsyncNetwork.of(settings))
        access = Access.of((served.host, *served.hosts), served.origins)
        storage = Storage(settings.home, served.store)
        keyring = None if served.x402 else await stack.enter_async_context(Keyring.opened(storage))
        several = served.processes > 1 or storage.url
        shared = await stack.enter_async_context(SharedTurns.opened(storage)) if several else None
        app = await stack.enter_async_context(
            application(
                network,
                access,
                closed=not settings.ledger,
                keyring=keyring,
                till=paid,
                private_webhooks=served.private_webhooks,
                storage=storage,
                shared=shared,
                keeping=served.keeping,
            )
        )
        url = await stack.enter_async_context(serving(app, served.host, served.port, listener=listener))
        if listener is not None:
            sys.stdout.buffer.write(READY)
            sys.stdout.flush()
            await parent_gone()
            return
        _tell(url, served)
        await asyncio.Event().wait()


async def _serve_all(served: Served) -> None:
    from antiphon.cli.up_processes import run_processes
    from antiphon.gateway.serving import listen, url_of

    listener = listen(served.host, served.port)
    url = url_of(listener, served.host)
    await run_processes(served.processes, listener, lambda: _tell(url, served))


def _tell(url: str, served: Served) -> None:
    click.echo(f"API at {url}/v1", err=True)
    if not served.x402:
        _show(url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"), browser=served.browser)


def _show(page: str, *, browser: bool) -> None:
    """Where the page is; and in a browser, if there is one."""
    click.echo(f"Page at {page}", err=True)
    if browser:
        threading.Thread(target=webbrowser.open, args=(page,), name="browser", daemon=True).start()


up.add_command(key)
