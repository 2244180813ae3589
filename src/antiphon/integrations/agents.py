"""The Model Context Protocol: an assistant may have things said, music composed, and receipts checked.

Spoken by the protocol's own SDK, `mcp` (`pip install 'antiphon[agents]'`). What an assistant reads and writes lies
in one folder, and no call may cost more than a limit.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from antiphon import AsyncNetwork, Clone, Compose, Say, Sound, __version__
from antiphon.door.receipts import verify_receipt
from antiphon.errors import AntiphonError, InputError, ModelError

try:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import AudioContent
except ImportError as error:
    raise ModelError("The SDK of MCP is not installed", "Run: pip install 'antiphon[agents]'") from error

P = ParamSpec("P")
R = TypeVar("R")

MAX_LISTEN_BYTES = 4 << 20
"""Of a file that is given to the assistant itself: base64 in its context."""
INSTRUCTIONS = """Antiphon makes speech and music by a network of nodes, checks it and pays for what was good. Files are
written into one folder; pass on their paths. A cloned voice needs the signed consent of its owner, as a file."""


def server_of(network: AsyncNetwork, folder: Path, max_cost_nano: int | None) -> MCPServer[Any]:
    """A server whose tools order from `network`; `max_cost_nano` of each call, None: no limit but the balance."""
    tools = Tools(network, folder, max_cost_nano)
    server: MCPServer[Any] = MCPServer("antiphon", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    for tool in (tools.say, tools.clone, tools.compose, tools.voices, tools.receipt, tools.listen):
        server.add_tool(tool)
    return server


def _told(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Our errors are written to be read; whatever else fails is not shown."""

    @functools.wraps(tool)
    async def telling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await tool(*args, **kwargs)
        except AntiphonError as error:
            raise ToolError(str(error)) from error

    return telling


class Tools:
    """What an assistant can call. Their docstrings are what it reads."""

    def __init__(self, network: AsyncNetwork, folder: Path, max_cost_nano: int | None) -> None:
        self._network, self._folder, self._max_cost_nano = network, folder, max_cost_nano

    @_told
    async def say(
        self,
        text: str,
        voice: str = "",
        language: str = "",
        speed: float = 1.0,
        seed: int | None = None,
        file: str = "",
    ) -> dict[str, Any]:
        """Speak a text into a sound file. voice: a name that the tool voices lists, or a mix as a:0.6+b:0.4; empty for
        the default of the language. speed: 0.25 to 4. file: a plain name ending in .mp3, .wav, .flac, .opus, .ogg or
        .aac. Returns the path, the seconds, what validators measured, and what it cost."""
        order = Say(
            text=text, voice=voice, language=language, speed=speed, seed=seed, max_cost_nano=self._max_cost_nano
        )
        return await self._made(order, file, "speech.mp3")

    @_told
    async def clone(
        self, text: str, reference: str, consent: str, language: str = "en-us", file: str = ""
    ) -> dict[str, Any]:
        """Speak a text in the voice of a recording (3 to 60 s). reference, consent: names of files in the folder; the
        consent is what the voice's owner made with `antiphon consent grant`, and there is no cloning without it."""
        order = Clone(
            text=text,
            reference=self._there(reference),
            consent=self._there(consent),
            language=language,
            max_cost_nano=self._max_cost_nano,
        )
        return await self._made(order, file, "clone.mp3")

    @_told
    async def compose(
        self, prompt: str, seconds: float = 30.0, seed: int | None = None, file: str = ""
    ) -> dict[str, Any]:
        """Compose music of a sound chip from a description: style, mood, tempo, key, form, instruments. The notes that
        come back say how it was understood."""
        order = Compose(prompt=prompt, seconds=seconds, seed=seed, max_cost_nano=self._max_cost_nano)
        return await self._made(order, file, "music.mp3")

    @_told
    async def voices(self, language: str = "") -> list[dict[str, str]]:
        """The voices that can be asked for, of a language (as en, de, ja) or all; the user's own come last."""
        found = [
            {"name": one.name, "language": one.language, "gender": one.gender, "description": one.description}
            for one in self._network.voices(language)
        ]
        return found + [{"name": name, "description": "one of the user's own"} for name in self._network.own_voices()]

    @_told
    async def receipt(self, path: str) -> dict[str, Any]:
        """Verify a receipt offline: every signature, vote and sum. path: as a result named it."""
        file = Path(path)
        if file.parent.resolve() != (self._network.home / "receipts").resolve():
            raise InputError(f"{path!r} is not among the receipts", "Give a path from the receipts of a result.")
        report = await asyncio.to_thread(verify_receipt, file)
        paid_nano = -report.net_nano.get(f"balance:{report.client}", 0)
        return {
            "valid": True,
            "task": report.task,
            "state": report.state,
            "signatures": report.envelopes,
            "rulings": report.rulings,
            "paid_nano": paid_nano,
        }

    @_told
    async def listen(self, file: str) -> AudioContent:
        """The sound of a file in the folder, for you to hear; at most 4 MB."""
        path = self._there(file)
        if path.stat().st_size > MAX_LISTEN_BYTES:
            raise InputError(f"{file!r} is larger than 4 MB", "Pass its path on to the user instead.")
        data = base64.b64encode(await asyncio.to_thread(path.read_bytes)).decode()
        return AudioContent(type="audio", data=data, mime_type=f"audio/{path.suffix[1:]}")

    async def _made(self, order: Say | Clone | Compose, file: str, default: str) -> dict[str, Any]:
        path = self._new(file or f"{Path(default).stem}-{secrets.token_hex(4)}{Path(default).suffix}")
        sound: Sound = await self._network.make(order)
        await asyncio.to_thread(sound.save, path)
        told = sound.outcome
        return {
            "file": str(path),
            "seconds": round(sound.duration_s, 2),
            "score": told.score,
            "figures": told.figures,
            "paid_nano": told.paid_nano,
            "receipts": [str(one) for one in told.receipts],
            "notes": list(told.notes),
            "seed": told.seed,
        }

    def _new(self, name: str) -> Path:
        path = self._folder / _plain(name)
        if path.exists():
            raise InputError(f"{name!r} is there already", "Choose another name.")
        return path

    def _there(self, name: str) -> Path:
        path = self._folder / _plain(name)
        if not path.is_file() or path.is_symlink():
            raise InputError(f"There is no file {name!r} in {self._folder}", "Put it there, and give its plain name.")
        return path


def _plain(name: str) -> str:
    if not re.fullmatch(r"[\w][\w .\-]{0,120}", name):
        raise InputError(f"{name[:140]!r} is no plain file name", "Give a name without a folder, as hello.mp3.")
    return name
