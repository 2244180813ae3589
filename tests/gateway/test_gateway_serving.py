"""The API over a whole network, asked by OpenAI's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from starlette.types import Message

import antiphon
from antiphon.audio import read
from antiphon.gateway.app import application
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.guard import MAX_BODY_BYTES, Access
from antiphon.gateway.serving import serving
from antiphon.gateway.sound import SoundResponse, read_body
from antiphon.gateway.speech import SpeechRequest
from antiphon.gateway.turns import Turns

pytestmark = pytest.mark.slow

SENTENCE = "A client of another house asked for this sentence."
LONG = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 13))


def heard(sound: bytes, form: str, tmp_path: Path) -> float:
    """Seconds of a file that a reader of its kind opens."""
    if form == "pcm":
        return len(sound) / 2 / 24_000
    file = tmp_path / f"said.{form}"
    file.write_bytes(sound)
    return read(file).duration_s


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_each_format_holds_the_same_sentence(form: str, client: openai.OpenAI, tmp_path: Path) -> None:
    made = client.audio.speech.create(
        model="tts-1", voice="hibari", input=SENTENCE, response_format=form, extra_body={"seed": 1}
    )
    assert heard(made.content, form, tmp_path) == pytest.approx(3.0, abs=1.2)


def test_a_stream_is_the_whole_and_begins_before_its_end(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="hibari", input=LONG[:600], response_format="pcm"
    ) as made:
        came = [(time.monotonic(), len(piece)) for piece in made.iter_bytes()]
    assert len(came) > 5
    assert sum(size for _, size in came) / 48_000 > 15
    assert came[-1][0] - came[0][0] > 0.1


def test_events_hold_the_same_bytes_as_the_stream(client: openai.OpenAI) -> None:
    asked = {"model": "antiphon", "voice": "hibari", "input": SENTENCE, "response_format": "pcm"}
    plain = client.audio.speech.create(**asked, extra_body={"seed": 2}).content
    with client.audio.speech.with_streaming_response.create(
        **asked, stream_format="sse", extra_body={"seed": 2}
    ) as made:
        assert made.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in made.iter_lines() if line]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done"
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == plain


def test_speed_makes_it_shorter_and_a_seed_makes_it_the_same(client: openai.OpenAI) -> None:
    def said(speed: float) -> bytes:
        return client.audio.speech.create(
            model="hibari", voice="hibari", input=SENTENCE, response_format="pcm", speed=speed, extra_body={"seed": 3}
        ).content

    own = said(1.0)
    assert own == said(1.0)
    assert np.frombuffer(own, "<i2").any()
    assert len(own) / len(said(2.0)) == pytest.approx(2.0, rel=0.25)
    assert len(said(0.25)) / len(own) == pytest.approx(4.0, rel=0.25)
    assert len(own) / len(said(4.0)) > 2.4  # the quiet before and after a sentence keeps its length


@pytest.mark.parametrize("form", ["mp3", "wav", "opus"])
def test_music_is_as_long_as_asked(form: str, url: str, tmp_path: Path) -> None:
    asked = {"prompt": "calm shop theme, F major", "seconds": 4, "seed": 5, "response_format": form}
    answer = httpx.post(f"{url}/v1/audio/music", json=asked, timeout=300)
    assert answer.status_code == 200, answer.text
    assert heard(answer.content, form, tmp_path) == pytest.approx(4.0, abs=2.0)


@pytest.mark.parametrize(("asked", "code", "param"), [
    ({"prompt": " "}, "empty_input", "prompt"),
    ({}, "invalid_value", "prompt"),
    ({"prompt": "calm", "seconds": 0}, "invalid_value", "seconds"),
    ({"prompt": "calm", "seconds": 601}, "invalid_value", "seconds"),
    ({"prompt": "calm", "response_format": "midi"}, "unknown_format", "response_format"),
    ({"prompt": "calm", "loop": "yes"}, "invalid_value", "loop"),
])  # fmt: skip
def test_music_that_nobody_can_make_is_refused(asked: dict[str, object], code: str, param: str, url: str) -> None:
    answer = httpx.post(f"{url}/v1/audio/music", json=asked, timeout=300)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


def test_their_voices_are_spoken_by_ours(client: openai.OpenAI) -> None:
    asked = {"model": "tts-1", "input": "Good morning.", "response_format": "pcm", "extra_body": {"seed": 4}}
    assert (
        client.audio.speech.create(voice="alloy", **asked).content
        == client.audio.speech.create(voice="af_alloy", **asked).content
    )


def test_models_and_voices_are_listed_and_all_can_be_asked_for(client: openai.OpenAI, url: str) -> None:
    models = [model.id for model in client.models.list()]
    assert {"antiphon", "hibari", "kokoro", "tts-1", "gpt-4o-mini-tts"} <= set(models)
    assert client.models.retrieve("hibari").owned_by == "antiphon"
    voices = {voice["id"]: voice for voice in httpx.get(f"{url}/v1/audio/voices").json()["voices"]}
    assert voices["hibari"]["model"] == "hibari"
    assert {"alloy", "af_heart"} <= set(voices)
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("whisper-9")
    assert caught.value.code == "model_not_found"


GOOD = {"model": "tts-1", "voice": "hibari", "input": "Hello."}


@pytest.mark.parametrize(("change", "status", "code", "param"), [
    ({"voice": "nobody"}, 400, "unknown_voice", "voice"),
    ({"voice": "../../etc/passwd"}, 400, "unknown_voice", "voice"),
    ({"voice": {"id": "nobody"}}, 400, "unknown_voice", "voice"),
    ({"voice": 3}, 400, "invalid_value", "voice"),
    ({"model": "gpt-9"}, 404, "model_not_found", "model"),
    ({"response_format": "midi"}, 400, "unknown_format", "response_format"),
    ({"input": " \n"}, 400, "empty_input", "input"),
    ({"input": None}, 400, "invalid_value", "input"),
    ({"input": "a" * 200_001}, 400, "input_too_long", "input"),
    ({"speed": "fast"}, 400, "invalid_value", "speed"),
    ({"speed": 9}, 400, "invalid_value", "speed"),
    ({"seed": -1}, 400, "invalid_value", "seed"),
    ({"stream_format": "morse"}, 400, "invalid_value", "stream_format"),
    ({"markup": "html"}, 400, "invalid_value", "markup"),
    ({"voice": "espeak-de", "model": "hibari"}, 400, "invalid_request", None),
    ({"voice": "hibari", "language": "de"}, 400, "invalid_request", None),
])  # fmt: skip
def test_what_nobody_can_make_is_refused_in_their_shape(
    change: dict[str, object], status: int, code: str, param: str | None, url: str
) -> None:
    answer = httpx.post(f"{url}/v1/audio/speech", json={**GOOD, **change}, timeout=300)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(("body", "kind", "status", "code"), [
    (b"{", "application/json", 400, "invalid_json"),
    (b"\xff", "application/json", 400, "invalid_json"),
    (b'{"x": ' + b"[" * 100_000, "application/json", 400, "invalid_json"),
    (b"[]", "application/json", 400, "invalid_value"),
    (b"{}", "application/json", 400, "invalid_value"),
    (b'{"input": "Hello."}', "text/plain", 415, "unsupported_media_type"),
    (b" " * (MAX_BODY_BYTES + 1), "application/json", 413, "body_too_large"),
])  # fmt: skip
def test_bodies_that_are_no_request_are_refused(body: bytes, kind: str, status: int, code: str, url: str) -> None:
    answer = httpx.post(f"{url}/v1/audio/speech", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET", "/v1/audio/speech", 405, "method_not_allowed"),
    ("GET", "/v1/nothing", 404, "unknown_url"),
    ("GET", "/v1/models/../../etc/passwd", 404, "unknown_url"),
])  # fmt: skip
def test_what_is_not_served_is_told_in_their_shape(method: str, path: str, status: int, code: str, url: str) -> None:
    answer = httpx.request(method, f"{url}{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("headers", "code"), [
    ({"host": "evil.example"}, "host_not_allowed"),
    ({"host": "127.0.0.1.evil.example"}, "host_not_allowed"),
    ({"host": "[oops"}, "host_not_allowed"),
    ({"origin": "https://evil.example"}, "origin_not_allowed"),
    ({"origin": "null"}, "origin_not_allowed"),
])  # fmt: skip
def test_strange_names_and_pages_are_kept_out(headers: dict[str, str], code: str, url: str) -> None:
    answer = httpx.post(f"{url}/v1/audio/speech", json=GOOD, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_this_server_may_ask_it(url: str) -> None:
    assert httpx.get(f"{url}/v1/models", headers={"origin": url}).status_code == 200


async def test_who_hangs_up_ends_the_work_and_has_the_rest_of_the_money(tmp_path: Path) -> None:
    async with antiphon.AsyncNetwork(tmp_path / "home") as network:
        before = await network.balance_nano()
        async with (
            application(network, Access.of()) as app,
            serving(app) as url,
            httpx.AsyncClient(base_url=url, timeout=300) as client,
        ):
            asked = {**GOOD, "input": LONG, "response_format": "pcm"}
            async with client.stream("POST", "/v1/audio/speech", json=asked) as answer:
                assert answer.status_code == 200
                await anext(answer.aiter_raw())
            async with asyncio.timeout(300):
                while network._streams:  # noqa: ASYNC110 - it has no event for it
                    await asyncio.sleep(0.02)
            paid = before - await network.balance_nano()
            whole = (await client.post("/v1/audio/speech", json=asked)).content
            assert len(whole) > 48_000 * 20
            assert paid < (before - paid - await network.balance_nano()) / 2


async def test_who_reads_nothing_loses_its_place_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.gateway.sound.SEND_S", 0.5)
    asked = read_body(json.dumps({**GOOD, "input": LONG, "response_format": "pcm"}).encode(), SpeechRequest)
    came: list[str] = []

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        came.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Future()

    async with antiphon.AsyncNetwork(tmp_path / "home") as network:
        order = asked.order(Catalogue(network, closed=True))
        async with asyncio.timeout(300):
            await SoundResponse(lambda: network.stream(order), "pcm")({"type": "http"}, receive, send)
        assert came == ["http.response.start", "http.response.body"]
        assert not network._streams


async def test_one_more_than_the_places_is_told_to_come_again(tmp_path: Path) -> None:
    async with antiphon.AsyncNetwork(tmp_path / "home") as network:
        access = Access.of(origins=["https://page.example"])
        async with (
            application(network, access, turns=Turns(1, waiting=0)) as app,
            serving(app) as url,
            httpx.AsyncClient(base_url=url, timeout=300) as client,
        ):
            asked = {**GOOD, "input": LONG, "response_format": "pcm"}
            async with client.stream("POST", "/v1/audio/speech", json=asked) as first:
                assert first.status_code == 200
                second = await client.post("/v1/audio/speech", json=GOOD)
                assert (second.status_code, second.headers["retry-after"]) == (503, "1")
                assert second.json()["error"]["code"] == "busy"
            page = {"origin": "https://page.example"}
            allowed = await client.get("/v1/models", headers=page)
            assert allowed.headers["access-control-allow-origin"] == "https://page.example"


async def test_a_wav_that_grew_plays_to_its_end(tmp_path: Path) -> None:
    async with antiphon.AsyncNetwork(tmp_path / "home") as network:
        stream = network.stream(antiphon.Say(text=SENTENCE, seed=1, mode=antiphon.Mode.STREAM))
        made = b"".join([piece async for piece in stream.encoded("wav")])
    (tmp_path / "grown.wav").write_bytes(made)
    assert read(tmp_path / "grown.wav").duration_s == pytest.approx((len(made) - 44) / 48_000)
    assert io.BytesIO(made).read(4) == b"RIFF"


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # so newer clients say of translations
def test_what_was_said_is_written_down(client: openai.OpenAI) -> None:
    sound = client.audio.speech.create(
        model="antiphon", voice="af_heart", input=SENTENCE, response_format="opus"
    ).content
    heard = client.audio.transcriptions.create(model="whisper-1", file=("said.opus", sound), language="en")
    said = set(SENTENCE.lower().rstrip(".").split())
    assert len(said & set(heard.text.lower().rstrip(".").split())) >= len(said) - 2
    meant = client.audio.translations.create(
        model="whisper-1", file=("said.opus", sound), extra_body={"language": "en"}
    )
    assert len(said & set(meant.text.lower().rstrip(".").split())) >= len(said) - 3
