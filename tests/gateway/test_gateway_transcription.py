"""Recordings to words over HTTP, asked by OpenAI's own client; the recogniser is the real one."""

from __future__ import annotations

import asyncio
import io
import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from antiphon.audio import read
from antiphon.engines.espeak import EspeakEngine
from antiphon.errors import AntiphonError
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.forms import MAX_BYTES
from antiphon.gateway.serving import serving
from antiphon.gateway.transcription import Listening, TranscriptionRequest
from antiphon.services import SpeechRequest

SAID = Path(__file__).parents[2] / "docs" / "examples" / "say.opus"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    listening = Listening()

    async def answer(request: Request) -> Response:
        async with TranscriptionRequest.of(request) as asked:
            return await listening.answer(request, asked, None, english=request.url.path.endswith("translations"))

    def told(_: Request, error: Exception) -> Response:
        return (error if isinstance(error, ApiError) else api_error(error)).response()  # type: ignore[arg-type]

    routes = [Route(f"/v1/audio/{what}", answer, methods=["POST"]) for what in ("transcriptions", "translations")]
    app = Starlette(routes=routes, exception_handlers={ApiError: told, AntiphonError: told})
    async with serving(app) as address:
        yield address
    await listening.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


async def test_every_format_holds_the_same_words(client: openai.AsyncOpenAI) -> None:
    async def heard(form: str, **more: object) -> object:
        with SAID.open("rb") as file:
            return await client.audio.transcriptions.create(
                model="whisper-1", file=file, language="en", response_format=form, **more
            )

    plain = (await heard("json")).text
    assert len(plain.split()) > 3
    assert (await heard("text")).strip() == plain
    full = await heard("verbose_json", timestamp_granularities=["word", "segment"])
    assert full.text == plain
    assert [word.word for word in full.words] == plain.split()
    assert all(0 <= word.start < word.end <= full.duration + 0.1 for word in full.words)
    starts = [word.start for word in full.words]
    assert starts == sorted(starts)
    assert " ".join(segment.text for segment in full.segments) == plain
    for form, head in (("srt", "1\n00:00:"), ("vtt", "WEBVTT\n\n00:00:")):
        text = await heard(form)
        assert text.startswith(head)
        lines = [line for line in text.splitlines() if not re.search(r"-->|^\d+$|^WEBVTT|^$", line)]
        assert " ".join(lines) == plain


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # so newer clients say of translations
async def test_speech_of_another_language_is_translated_in_every_format(client: openai.AsyncOpenAI) -> None:
    sound = spanish("Buenos días. Mi hermano vive en una casa grande cerca del mar. Mañana vamos a comer pescado.")

    async def meant(form: str, **more: object) -> object:
        return await client.audio.translations.create(
            model="whisper-1", file=("said.wav", sound), response_format=form, **more
        )

    plain = (await meant("json", extra_body={"language": "es"})).text
    assert len({"morning", "brother", "house", "fish"} & set(re.findall(r"\w+", plain.lower()))) >= 3, plain
    full = await meant("verbose_json")
    assert (full.text, full.language) == (plain, "english"), "the language is heard, too"
    assert full.duration == pytest.approx(read(io.BytesIO(sound)).duration_s, abs=0.01)
    times = [time for segment in full.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= full.duration
    assert (await meant("srt")).startswith("1\n00:00:00,000 --> ")


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_a_language_that_is_none_is_told(client: openai.AsyncOpenAI) -> None:
    with SAID.open("rb") as file, pytest.raises(openai.BadRequestError, match="'xx' cannot be translated"):
        await client.audio.translations.create(model="whisper-1", file=file, extra_body={"language": "xx"})


def spanish(text: str) -> bytes:
    """A WAV file of one of our own voices."""
    request = SpeechRequest(text=text, voice="espeak-es", language="es")
    chunks = list(EspeakEngine().generate(request, 0))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, chunks[0].rate_hz, 0, "NONE", ""))
        for chunk in chunks:
            out.writeframes((chunk.samples[0] * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(
    ("fields", "data", "status", "code"),
    [
        ({}, None, 400, "missing_file"),
        ({}, b"", 400, "invalid_request"),
        ({}, b"this is no sound", 400, "invalid_request"),
        ({"response_format": "docx"}, b"x", 400, "unknown_format"),
        ({"language": "English, please"}, b"x", 400, "invalid_value"),
        ({"language": "../../etc"}, b"x", 400, "invalid_value"),
    ],
)
async def test_what_cannot_be_heard_is_told(
    url: str, fields: dict[str, str], data: bytes | None, status: int, code: str
) -> None:
    files = {"file": ("a.wav", data)} if data is not None else {"other": ("a.wav", b"x")}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/v1/audio/transcriptions", data=fields, files=files)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code


async def test_a_body_is_refused_by_its_head(url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(1 + (MAX_BYTES >> 20)):
            yield bytes(1 << 20)

    path = f"{url}/v1/audio/transcriptions"
    form = "multipart/form-data; boundary=x"
    async with httpx.AsyncClient() as client:
        assert (await client.post(path, json={"file": "x"})).status_code == 415
        assert (await client.post(path, content=chunks(), headers={"content-type": form})).status_code == 400
        assert (await client.post(path, content=endless(), headers={"content-type": form})).status_code == 413
        assert (await client.post(path, content=b"nothing", headers={"content-type": form})).status_code == 400
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: {form}\r\n"
    writer.write(f"{head}content-length: {MAX_BYTES + 1}\r\n\r\n".encode())
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 60)
    writer.close()


async def test_two_at_once_are_heard_one_after_the_other(client: openai.AsyncOpenAI) -> None:
    data = SAID.read_bytes()
    asked = [
        client.audio.transcriptions.create(model="whisper-1", file=("a.opus", data), language="en") for _ in range(2)
    ]
    first, second = await asyncio.gather(*asked)
    assert first.text == second.text
