"""POST /v1/audio/transcriptions and translations: a recording in, its words out, or what they mean in English. Heard on
this machine, one recording at a time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from antiphon.door.transcribing import Heard, Transcriber, Translated, srt, webvtt
from antiphon.errors import ModelError
from antiphon.gateway.advice import over_http
from antiphon.gateway.errors import ApiError
from antiphon.gateway.forms import form_of, text_in
from antiphon.gateway.keys import Key
from antiphon.gateway.turns import Turns

WAITING, WAIT_S = 8, 60.0
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """The form. `language` empty: as it is heard. `words`: `verbose_json` tells each word's times, too."""

    file: BinaryIO
    language: str = ""
    response_format: str = "json"
    words: bool = False

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, request: Request) -> AsyncIterator[TranscriptionRequest]:
        """The form of a request; its file is closed afterwards. Raises `ApiError`."""
        async with form_of(request) as form:
            yield cls._read(form)

    @classmethod
    def _read(cls, form: FormData) -> TranscriptionRequest:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ApiError(400, "missing_file", "There is no recording. Send it as the field file.", param="file")
        kind = text_in(form, "response_format") or "json"
        if kind not in FORMATS:
            told = f"There is no format {kind[:40]!r}. Formats: {', '.join(FORMATS)}."
            raise ApiError(400, "unknown_format", told, param="response_format")
        language = text_in(form, "language")
        if language and not _LANGUAGE.fullmatch(language):
            told = f"{language[:40]!r} is no language. Send a code such as en or de."
            raise ApiError(400, "invalid_value", told, param="language")
        grains = {
            value for name in ("timestamp_granularities[]", "timestamp_granularities") for value in form.getlist(name)
        }
        return cls(file.file, language, kind, "word" in grains)


class Listening:
    """One recording at a time; a few wait. Models are loaded with the first."""

    def __init__(self) -> None:
        self._transcriber = Transcriber()
        self._turns = Turns(places=1, waiting=WAITING, wait_s=WAIT_S)

    async def close(self) -> None:
        await asyncio.to_thread(self._transcriber.close)

    async def answer(
        self, request: Request, asked: TranscriptionRequest, key: Key | None, *, english: bool = False
    ) -> Response:
        """The words as they are asked for, or in `english` what they mean. Who hangs up ends the work with the piece
        that is being heard.

        Raises `ApiError`, and `InputError` for what is no recording.
        """
        left = threading.Event()
        async with self._turns.turn(key.id if key else ""):
            hear = self._transcriber.translate if english else self._transcriber.hear
            work: asyncio.Task[Heard | Translated] = asyncio.create_task(
                asyncio.to_thread(hear, asked.file, asked.language, going_on=lambda: not left.is_set())
            )
            watch = asyncio.create_task(_hung_up(request))
            try:
                await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                watch.cancel()
                left.set()
                # The file is closed when this ends: not before the thread has done with it.
                await asyncio.wait({work})
        try:
            heard = work.result()
        except ModelError as error:
            told = over_http(error)
            raise ApiError(501, "language_not_installed", told, param="language", kind="server_error") from None
        return _written(heard, asked)


async def _hung_up(request: Request) -> None:
    while not await request.is_disconnected():  # noqa: ASYNC110 - Starlette has no event for it
        await asyncio.sleep(0.2)


def _written(heard: Heard | Translated, asked: TranscriptionRequest) -> Response:
    match asked.response_format:
        case "text":
            return PlainTextResponse(heard.text + "\n")
        case "srt":
            return PlainTextResponse("".join(srt(heard.captions)), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse("".join(webvtt(heard.captions)), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(_verbose(heard, words=asked.words))
        case _:
            return JSONResponse({"text": heard.text})


def _verbose(heard: Heard | Translated, *, words: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "task": "transcribe" if isinstance(heard, Heard) else "translate",
        "language": heard.language if isinstance(heard, Heard) else "english",
        "duration": round(heard.duration_s, 3),
        "text": heard.text,
        "segments": [
            {"id": number, "start": round(one.begin_s, 3), "end": round(one.end_s, 3), "text": one.text}
            for number, one in enumerate(heard.captions)
        ],
    }
    if words and isinstance(heard, Heard):
        body["words"] = [
            {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)} for word in heard.words
        ]
    return body
