"""Antiphon for assistants: the protocol's own SDK as client, the server a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from antiphon.audio import read

pytestmark = pytest.mark.slow


def server(tmp_path: Path, *options: str) -> Client:
    command = [
        "-m",
        "antiphon",
        "--home",
        str(tmp_path / "home"),
        "mcp",
        "--folder",
        str(tmp_path / "sounds"),
        *options,
    ]
    return Client(stdio_client(StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))))


def told(result: Any) -> Any:
    assert not result.is_error, result.content
    return result.structured_content if result.structured_content is not None else json.loads(result.content[0].text)


async def test_an_assistant_speaks_listens_and_checks_what_it_paid(tmp_path: Path) -> None:
    async with server(tmp_path) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"say", "clone", "compose", "voices", "receipt", "listen"}

        voices = told(await client.call_tool("voices", {"language": "en"}))["result"]
        assert {"hibari", "af_heart"} <= {voice["name"] for voice in voices}

        made = told(await client.call_tool("say", {"text": "An assistant asked for this.", "file": "hello.mp3"}))
        assert Path(made["file"]) == tmp_path / "sounds" / "hello.mp3"
        assert read(Path(made["file"])).duration_s == pytest.approx(made["seconds"], abs=0.1)
        assert made["paid_nano"] > 0

        proof = told(await client.call_tool("receipt", {"path": made["receipts"][0]}))
        assert proof["valid"]
        assert proof["paid_nano"] == made["paid_nano"]

        heard = (await client.call_tool("listen", {"file": "hello.mp3"})).content[0]
        assert base64.b64decode(heard.data) == await asyncio.to_thread(Path(made["file"]).read_bytes)

        piece = told(await client.call_tool("compose", {"prompt": "calm shop theme in F major", "seconds": 4}))
        assert read(Path(piece["file"])).duration_s == pytest.approx(4.0, abs=2.0)

        for name, asked, what in (
            ("say", {"text": "Hello.", "voice": "nobody"}, "There is no voice"),
            ("say", {"text": "Hello.", "file": "../out.mp3"}, "no plain file name"),
            ("say", {"text": "Hello.", "file": "hello.mp3"}, "is there already"),
            ("say", {"text": "Hello.", "file": "hello.doc"}, "Unknown audio format"),
            ("listen", {"file": "../home/keys"}, "no plain file name"),
            ("listen", {"file": "nothing.mp3"}, "no file"),
            ("receipt", {"path": "/etc/passwd"}, "not among the receipts"),
            ("clone", {"text": "Hello.", "reference": "hello.mp3", "consent": "none.json"}, "no file"),
        ):
            result = await client.call_tool(name, asked)
            assert result.is_error, (name, asked)
            assert what in result.content[0].text, result.content[0].text
        assert sorted(one.suffix for one in (tmp_path / "sounds").iterdir()) == [".mp3", ".mp3"]


async def test_no_call_costs_more_than_its_limit(tmp_path: Path) -> None:
    async with server(tmp_path, "--max-cost", "0.000000001") as client:
        result = await client.call_tool("say", {"text": "This costs more than that."})
        assert result.is_error
        assert "more than --max-cost" in result.content[0].text


async def japanese_voices(url: str) -> None:
    async with Client(url) as client:
        assert told(await client.call_tool("voices", {"language": "ja"}))["result"]


def test_it_serves_by_http_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "antiphon", "--home", str(tmp_path / "home")]
    command += ["mcp", "--http", "--port", "0", "--folder", str(tmp_path / "sounds")]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + 300
        while not (found := re.search(r"MCP at (http\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)
        asyncio.run(japanese_voices(found[1]))
        process.send_signal(signal.SIGINT)
        assert process.wait(300) in {0, 130}
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()
