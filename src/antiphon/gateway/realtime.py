"""GET /v1/realtime, a WebSocket: text as it is written in, sound and word times out, in the events of OpenAI's API.

Events of theirs keep their names; those that they have no name for are `input_text_buffer.append`, `.commit` and
`response.output_audio_words.delta`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from antiphon import Say
from antiphon.door.dictation import Groups
from antiphon.door.transcribing import TimedWord
from antiphon.errors import AntiphonError
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.keys import Key
from antiphon.gateway.orders import Orders
from antiphon.gateway.sound import SEND_S, words_body
from antiphon.gateway.speech import MAX_CHARS, SpeechRequest

log = logging.getLogger(__name__)

MAX_EVENT_CHARS = 1 << 16
MAX_RESPONSES = 8
"""Of one conversation that have not ended."""
IDLE_S = 900.0
"""Longest that a client may say nothing."""
FIRST_CHARS = 60
"""The first piece of a response is a clause, if no sentence ends sooner."""

BYTES_PER_S = 48_000
"""Of the sound: mono PCM of 16 bits and 24 kHz."""


@dataclass(slots=True)
class _Response:
    """What is being said: text that is certain waits in `ready`; None ends it."""

    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(8)}")
    item: str = field(default_factory=lambda: f"item_{secrets.token_hex(8)}")
    groups: Groups = field(default_factory=lambda: Groups(FIRST_CHARS))
    ready: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    words: list[TimedWord] = field(default_factory=list)
    chars: int = 0
    sent_bytes: int = 0


class Conversation:
    """One connection. Its responses are spoken one after the other; each is a request of the key's, which `admitted`
    asks for anew: it may have been revoked meanwhile."""

    def __init__(
        self, socket: WebSocket, orders: Orders, catalogue: Catalogue, admitted: Callable[[], Awaitable[Key | None]]
    ) -> None:
        self._socket, self._orders, self._catalogue, self._admitted = socket, orders, catalogue, admitted
        self._session: dict[str, Any] = {
            "model": socket.query_params.get("model", "antiphon"),
            "voice": "",
            "speed": 1.0,
        }
        self._response: _Response | None = None  # is being written
        self._heard: _Response | None = None  # is being spoken, or was at last
        self._open: dict[asyncio.Task[None], _Response] = {}  # in their order
        self._ending: set[asyncio.Task[None]] = set()  # were stopped

    async def run(self) -> None:
        """Until the client goes: then what is being made stops, and is paid as far as it was made."""
        await self._socket.accept()
        await self._send("session.created", session=self._told_session())
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    raw = await self._socket.receive_text()
                await self._take(raw)
        except (WebSocketDisconnect, TimeoutError, KeyError):  # KeyError: bytes, which no event is
            pass
        finally:
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, *self._ending, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close()

    async def _take(self, raw: str) -> None:
        try:
            if len(raw) > MAX_EVENT_CHARS:
                raise ApiError(413, "body_too_large", f"An event has more than {MAX_EVENT_CHARS} characters.")
            event = msgspec.json.decode(raw, type=dict[str, Any])
            await self._follow(event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            await self._error(ApiError(400, "invalid_json", "The event is no JSON object."))
        except ApiError as error:
            await self._error(error)

    async def _follow(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "session.update":
                self._update(event.get("session"))
                await self._send("session.updated", session=self._told_session())
            case "input_text_buffer.append":
                await self._write(event.get("delta"))
            case "conversation.item.create":
                await self._write(_text_of(event.get("item")))
            case "input_text_buffer.commit" | "response.create":
                self._commit()
            case "response.cancel":
                await self._stop()
            case "conversation.item.truncate":
                await self._truncate(event.get("audio_end_ms"))
            case other:
                raise ApiError(400, "unknown_event", f"There is no event {str(other)[:40]!r}.", param="type")

    def _update(self, session: object) -> None:
        if not isinstance(session, dict):
            raise ApiError(400, "invalid_value", "session is no object.", param="session")
        audio = session.get("audio")
        output = audio.get("output") if isinstance(audio, dict) else None
        output = output if isinstance(output, dict) else {}
        given = {name: session.get(name, output.get(name)) for name in ("voice", "speed")}
        wanted = self._session | {name: value for name, value in given.items() if value is not None}
        self._order("Hello.", wanted)
        self._session = wanted

    def _order(self, text: str, session: dict[str, Any]) -> Say:
        """Raises `ApiError`."""
        try:
            asked = msgspec.convert(
                {"input": text, "stream_format": "sse", "word_times": True} | session, SpeechRequest
            )
        except msgspec.ValidationError as error:
            raise ApiError(400, "invalid_value", f"{error}.", param="session") from None
        return asked.order(self._catalogue)

    async def _write(self, text: object) -> None:
        if not isinstance(text, str):
            raise ApiError(400, "invalid_value", "The text of an event is a str, in delta.", param="delta")
        response = self._response
        if response is None:
            response = self._response = self._begun()
        response.chars += len(text)
        if response.chars > MAX_CHARS:
            raise ApiError(400, "input_too_long", f"A response says at most {MAX_CHARS} characters.", param="delta")
        if group := response.groups.feed(text):
            response.ready.put_nowait(group)

    def _begun(self) -> _Response:
        if len(self._open) + len(self._ending) >= MAX_RESPONSES:
            told = f"{MAX_RESPONSES} responses have not ended. Write the next when one has."
            raise ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error")
        response, before = _Response(), next(reversed(self._open), None)
        task = asyncio.create_task(self._speak(response, before), name="realtime response")
        self._open[task] = response
        task.add_done_callback(self._ended)
        return response

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a response ended with its client: %r", error)

    def _commit(self) -> None:
        response, self._response = self._response, None
        if response is None:
            raise ApiError(400, "empty_input", "There is no text to say.", param="delta")
        if rest := response.groups.finish():
            response.ready.put_nowait(rest)
        response.ready.put_nowait(None)

    async def _stop(self) -> None:
        """Nothing more of the responses is made or sent. What they cost is settled behind the conversation."""
        stopped = {task: response for task, response in self._open.items() if not task.done()}
        self._open, self._response = {}, None
        for task in stopped:
            self._ending.add(task)
            task.cancel()
        for response in stopped.values():
            await self._done(response, "cancelled")

    async def _done(self, response: _Response, status: str) -> None:
        await self._send("response.done", response={"id": response.id, "status": status, "output": []})

    async def _truncate(self, end_ms: object) -> None:
        """The listener spoke: what comes after the word that was heard then is neither made nor sent."""
        heard = self._heard
        if heard is None or isinstance(end_ms, bool) or not isinstance(end_ms, int) or end_ms < 0:
            raise ApiError(400, "invalid_value", "Say when what was heard ends.", param="audio_end_ms")
        await self._stop()
        words = [word.text for word in heard.words if word.start_s * 1000 < end_ms]
        await self._send(
            "conversation.item.truncated",
            item_id=heard.item,
            content_index=0,
            audio_end_ms=end_ms,
            transcript=" ".join(words),
            word=words[-1] if words else "",
        )

    async def _speak(self, response: _Response, before: asyncio.Task[None] | None) -> None:
        status = "failed"
        if before is not None:
            await asyncio.wait({before})
        self._heard = response
        try:
            key = await self._admitted()
            await self._send("response.created", response={"id": response.id, "status": "in_progress", "output": []})
            while (text := await response.ready.get()) is not None:
                await self._say(text, response, key)
            status = "completed"
            await self._send("response.output_audio.done", **_place(response))
        except ApiError as error:
            await self._error(error)
        except AntiphonError as error:
            await self._error(api_error(error))
        finally:
            self._response = None if self._response is response else self._response
        await self._done(response, status)

    async def _say(self, text: str, response: _Response, key: Key | None) -> None:
        begin_s, told = response.sent_bytes / BYTES_PER_S, 0
        async with (
            self._orders.stream(
                self._order(text, self._session), "speech", key, begun=bool(response.sent_bytes)
            ) as stream,
            aclosing(stream.encoded("pcm")) as pieces,
        ):
            async for piece in pieces:
                await self._send(
                    "response.output_audio.delta", delta=base64.b64encode(piece).decode(), **_place(response)
                )
                response.sent_bytes += len(piece)
                told += await self._tell(stream.words[told:], begin_s, response)
            await self._tell(stream.words[told:], begin_s, response)

    async def _tell(self, new: Any, begin_s: float, response: _Response) -> int:
        words = [TimedWord(word, start_s + begin_s, end_s + begin_s) for word, start_s, end_s in new]
        response.words += words
        if words:
            await self._send("response.output_audio_words.delta", words=words_body(words), **_place(response))
        return len(words)

    def _told_session(self) -> dict[str, Any]:
        output = {"voice": self._session["voice"], "speed": self._session["speed"], "format": {"type": "audio/pcm"}}
        return {"type": "realtime", "model": self._session["model"], "audio": {"output": output}}

    async def _error(self, error: ApiError) -> None:
        await self._send("error", **error.body)

    async def _send(self, kind: str, **fields: object) -> None:
        event = {"type": kind, "event_id": f"event_{secrets.token_hex(8)}", **fields}
        async with asyncio.timeout(SEND_S):
            await self._socket.send_text(msgspec.json.encode(event).decode())


def _place(response: _Response) -> dict[str, Any]:
    return {"response_id": response.id, "item_id": response.item, "output_index": 0, "content_index": 0}


def _text_of(item: object) -> str:
    """The text of a message of OpenAI's. Raises `ApiError`."""
    content = item.get("content") if isinstance(item, dict) else None
    texts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "invalid_value", "An item is a message with content of input_text.", param="item")
    return " ".join(map(str, texts))
