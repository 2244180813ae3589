"""`antiphon mcp` and `antiphon wyoming`: protocols of other people's programs, over a network in one process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.door.settings import Settings

WYOMING_PORT, MCP_PORT = 10200, 7421
WYOMING_EPILOG = """\b
Examples:
  antiphon wyoming --port 10300
"""
MCP_EPILOG = """\b
Examples:
  antiphon mcp --folder sounds
  antiphon mcp --http --folder sounds
"""


@click.command(epilog=WYOMING_EPILOG)
@click.option("--port", default=WYOMING_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.pass_obj
def wyoming(settings: Settings, port: int, host: str) -> None:
    """Speak for Home Assistant, by the Wyoming protocol, until Ctrl-C.

    It orders from the network that --ledger names or this data folder serves, else from one in this process. The
    protocol knows no keys: whoever reaches the port spends from this data folder's account.
    """
    run(_wyoming(settings, host, port))


async def _wyoming(settings: Settings, host: str, port: int) -> None:
    from antiphon.cli.warming import warm_up
    from antiphon.door.network import AsyncNetwork
    from antiphon.integrations.wyoming import serving

    warm_up(settings)
    async with AsyncNetwork.of(settings) as network, serving(network, host, port) as address:
        click.echo(f"Wyoming at {address}", err=True)
        await asyncio.Event().wait()


@click.command(epilog=MCP_EPILOG)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="The only one in which an assistant may read and write sound.",
)
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Most that one call may cost; by default the balance.")
@click.option("--http", is_flag=True, help="Serve on a local port instead of input and output.")
@click.option("--port", default=MCP_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.pass_obj
def mcp(settings: Settings, folder: Path, max_cost: int | None, http: bool, port: int) -> None:
    """Give an assistant speech, clones, music and receipts, by the Model Context Protocol."""
    run(_mcp(settings, folder, max_cost, port if http else None))


async def _mcp(settings: Settings, folder: Path, max_cost_nano: int | None, port: int | None) -> None:
    from antiphon.door.network import AsyncNetwork
    from antiphon.gateway.serving import serving
    from antiphon.integrations.agents import server_of

    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    place = await asyncio.to_thread(folder.resolve)
    async with AsyncNetwork.of(settings) as network:
        server = server_of(network, place, max_cost_nano)
        if port is None:
            await server.run_stdio_async()
            return
        app = server.streamable_http_app()
        async with server.session_manager.run(), serving(app, port=port) as url:
            click.echo(f"MCP at {url}/mcp", err=True)
            await asyncio.Event().wait()
