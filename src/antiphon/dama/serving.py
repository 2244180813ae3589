"""A folder's assets over HTTP: for reading only, nothing outside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from antiphon.errors import InputError


async def serve(folder: Path, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Until it is stopped. Raises `InputError` for a folder that is not there, or a port that is taken."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    if not await asyncio.to_thread(folder.is_dir):
        raise InputError(f"{folder} is no folder of assets", "Push one first: antiphon dama push")
    app = Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))])
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", lifespan="off", ws="none"))
    server.config.load()
    try:
        socket = server.config.bind_socket()
    except SystemExit as error:
        raise InputError(f"Port {port} of {host} is taken", "Name another with --port.") from error
    tell(f"Serving {folder} at http://{host}:{socket.getsockname()[1]}/")
    await server.serve(sockets=[socket])
