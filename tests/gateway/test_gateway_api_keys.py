"""API keys over a whole network: who has none, one revoked, one too poor or too hasty; what is paid is what it cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from websockets.asyncio.client import connect

import antiphon
from antiphon.gateway.app import application
from antiphon.gateway.database import Storage
from antiphon.gateway.guard import Access
from antiphon.gateway.keyring import Keyring
from antiphon.gateway.keys import Key, KeyStore
from antiphon.gateway.network.tasks import MAX_OPEN_OF_KEY
from antiphon.gateway.orders import reservation_nano
from antiphon.gateway.realtime import MAX_RESPONSES
from antiphon.gateway.serving import serving
from antiphon.gateway.turns import Turns

pytestmark = pytest.mark.slow

SENTENCE = {"model": "tts-1", "voice": "hibari", "input": "Who has a key may say so.", "response_format": "pcm"}
LONG = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 13))
ANT = 10**9
STRANGE = {b"authorization": b"Bearer \xe9\xff"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    """The operator's, as `antiphon up key` has it, beside the server."""
    made = KeyStore(Storage(tmp_path / "home"))
    yield made
    made.close()


@contextlib.asynccontextmanager
async def up(home: Path, turns: Turns | None = None) -> AsyncIterator[tuple[str, antiphon.AsyncNetwork]]:
    async with (
        antiphon.AsyncNetwork(home) as network,
        Keyring.opened(Storage(home), clock=lambda: 0.0) as keyring,  # no request grows back
        application(network, Access.of(), turns=turns, keyring=keyring) as app,
        serving(app) as url,
    ):
        yield url, network


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def reconciled(store: KeyStore, key: Key, orders: int) -> int:
    """What a key has paid, once so many orders have ended."""
    async with asyncio.timeout(300):
        while True:
            usage = store.usage(key)
            if not usage.held_nano and sum(count for _, _, count, _ in usage.days) == orders:
                return usage.paid_nano
            await asyncio.sleep(0.05)


async def test_once_there_is_a_key_everybody_needs_one_that_fits(tmp_path: Path, store: KeyStore) -> None:
    async with up(tmp_path / "home") as (url, network), httpx.AsyncClient(base_url=url, timeout=300) as client:
        assert (await client.get("/v1/models")).status_code == 200
        assert (await client.get("/v1/usage")).json()["error"]["code"] == "no_keys"
        speaker, secret = store.create("speaker", ("speech",), budget_nano=ANT)
        _, reader = store.create("reader", ("read",), per_minute=4)
        _, gone = store.create("gone")
        store.revoke("gone")
        for headers in (
            {},
            bearer(gone),
            bearer(secret[:-1]),
            bearer("none"),
            {"authorization": f"Basic {secret}"},
            STRANGE,
        ):
            for answer in (
                await client.get("/v1/models", headers=headers),
                await client.post("/v1/audio/speech", json=SENTENCE, headers=headers),
            ):
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
                assert answer.headers["www-authenticate"] == "Bearer"
        for path, allowed in (("/v1/audio/speech", reader), ("/v1/audio/music", secret)):
            answer = await client.post(path, json=SENTENCE, headers=bearer(allowed))
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_permissions")
        codes = [(await client.get("/v1/voices", headers=bearer(reader))).status_code]  # is not served: not counted
        codes += [(await client.get("/v1/models", headers=bearer(reader))).status_code for _ in range(4)]
        assert codes == [404, 200, 200, 200, 429]
        hasty = await client.get("/v1/usage", headers=bearer(reader))
        assert (hasty.json()["error"]["code"], hasty.headers["retry-after"]) == ("rate_limit_exceeded", "16")
        before = await network.balance_nano()
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as theirs:
            said = await theirs.audio.speech.create(**SENTENCE)
            assert len(said.content) > 48_000
            with pytest.raises(openai.PermissionDeniedError):
                await theirs.models.list()
        assert await reconciled(store, speaker, 1) == before - await network.balance_nano() > 0
    log = "".join(file.read_text(errors="replace") for file in (tmp_path / "home").rglob("*.log"))
    assert secret not in log


async def test_a_budget_is_never_overdrawn_by_orders_at_once(tmp_path: Path, store: KeyStore) -> None:
    async with up(tmp_path / "home", Turns()) as (url, network):  # whatever the machine's pace, all are let in at once
        price = reservation_nano(await network.price_nano(antiphon.Say(text=SENTENCE["input"], voice="hibari")))
        key, secret = store.create("two", budget_nano=2 * price)
        before = await network.balance_nano()
        async with httpx.AsyncClient(base_url=url, timeout=300, headers=bearer(secret)) as client:
            answers = await asyncio.gather(*(client.post("/v1/audio/speech", json=SENTENCE) for _ in range(5)))
            assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
            poor = next(answer for answer in answers if answer.status_code == 429)
            assert poor.json()["error"]["code"] == "insufficient_quota"
            paid = await reconciled(store, key, 2)
            assert paid == before - await network.balance_nano() <= 2 * price
            usage = (await client.get("/v1/usage")).json()
            assert (usage["paid_nano"], usage["reserved_nano"]) == (paid, 0)
            assert usage["left_nano"] + paid == usage["budget_nano"] == 2 * price


async def test_who_hangs_up_pays_what_was_made_and_has_the_rest_back(tmp_path: Path, store: KeyStore) -> None:
    key, secret = store.create("leaves", budget_nano=ANT)
    asked = {**SENTENCE, "input": LONG}
    async with (
        up(tmp_path / "home") as (url, network),
        httpx.AsyncClient(base_url=url, timeout=300, headers=bearer(secret)) as client,
    ):
        before = await network.balance_nano()
        async with client.stream("POST", "/v1/audio/speech", json=asked) as answer:
            assert answer.status_code == 200
            await anext(answer.aiter_raw())
            assert store.usage(key).held_nano > 0
        left = await reconciled(store, key, 1)
        assert left == before - await network.balance_nano()
        whole = await client.post("/v1/audio/speech", json=asked)
        assert whole.status_code == 200
        assert len(whole.content) > 48_000 * 20
        assert left < (await reconciled(store, key, 2) - left) / 2


async def test_nothing_is_read_of_those_without_a_key(tmp_path: Path, store: KeyStore) -> None:
    store.create("somebody")
    lines = ("POST /v1/audio/speech HTTP/1.1", "host: localhost", "content-type: application/json")
    huge = "\r\n".join((*lines, f"content-length: {10**10}", "", "{")).encode()
    async with up(tmp_path / "home") as (url, _), httpx.AsyncClient(base_url=url, timeout=60) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(huge)
        async with asyncio.timeout(60):
            assert b" 401 " in await reader.readline()
        writer.close()
        strange = await client.get("/v1/models", headers={"origin": "https://evil.example"})
        assert strange.json()["error"]["code"] == "origin_not_allowed"


async def test_each_response_of_a_conversation_asks_for_its_key_anew(tmp_path: Path, store: KeyStore) -> None:
    """A key that was revoked, or has asked too often, has no more of a conversation that it began before."""
    speaker, secret = store.create("speaker", ("speech",), budget_nano=ANT, per_minute=3)
    async with (
        up(tmp_path / "home") as (url, _),
        connect(f"{url.replace('http', 'ws', 1)}/v1/realtime", additional_headers=bearer(secret)) as socket,
    ):
        told: list[dict[str, Any]] = []

        async def said(text: str) -> str:
            """What became of a response."""
            for event in ({"type": "input_text_buffer.append", "delta": text}, {"type": "input_text_buffer.commit"}):
                await socket.send(json.dumps(event))
            while True:
                told.append(json.loads(await socket.recv()))
                if told[-1]["type"] == "response.done":
                    return str(told[-1]["response"]["status"])

        assert await said("Who has a key may say so.") == "completed"
        assert await said("And once more.") == "completed"
        assert await said("But not a third time.") == "failed"
        assert told[-2]["error"]["code"] == "rate_limit_exceeded"
        paid_nano = await reconciled(store, speaker, 2)
        store.revoke("speaker")
        assert await said("Nor when it is gone.") == "failed"
        assert told[-2]["error"]["code"] == "invalid_api_key"
        assert store.usage(speaker).paid_nano == paid_nano > 0


async def test_responses_of_a_conversation_are_spoken_one_by_one_and_end_with_it(
    tmp_path: Path, store: KeyStore
) -> None:
    speaker, secret = store.create("speaker", ("speech",), budget_nano=ANT)
    async with up(tmp_path / "home") as (url, _):
        place = f"{url.replace('http', 'ws', 1)}/v1/realtime"
        async with connect(place, additional_headers=bearer(secret)) as socket:
            await socket.send(json.dumps({"type": "session.update", "session": {"audio": {"output": []}}}))
            for _ in range(MAX_RESPONSES + 1):
                await socket.send(json.dumps({"type": "input_text_buffer.append", "delta": LONG}))
                await socket.send(json.dumps({"type": "input_text_buffer.commit"}))
            told = [json.loads(await socket.recv())]
            while told[-1]["type"] != "response.output_audio.delta":
                told.append(json.loads(await socket.recv()))
        kinds = [event["type"] for event in told]
        assert kinds.count("session.updated") == kinds.count("response.created") == 1
        codes = [event["error"]["code"] for event in told if event["type"] == "error"]
        assert codes == ["rate_limit_exceeded", "empty_input"]
        paid_nano = await reconciled(store, speaker, 1)
        await asyncio.sleep(0.5)
        assert (await reconciled(store, speaker, 1)) == paid_nano, "what was not begun is not made"


async def test_a_key_has_so_many_tasks_and_so_much_sound_at_once_however_it_asks(
    tmp_path: Path, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = store.create("speaker", ("speech", "read"), per_minute=100)
    asked = {"service": "speech", "text": f"Silence. [pause 10s] {LONG}", "voice": "hibari"}
    async with (
        up(tmp_path / "home") as (url, _),
        httpx.AsyncClient(base_url=url, timeout=300, headers=bearer(secret)) as client,
    ):
        made = await asyncio.gather(*(client.post("/api/v1/tasks", json=asked) for _ in range(MAX_OPEN_OF_KEY + 4)))
        assert sorted(answer.status_code for answer in made) == [201] * MAX_OPEN_OF_KEY + [429] * 4
        tasks = [answer.json()["id"] for answer in made if answer.status_code == 201]
        for task in tasks[1:]:
            await client.post(f"/api/v1/tasks/{task}/cancel")
        monkeypatch.setattr("antiphon.gateway.network.tasks.MAX_GROWING_BYTES", 48_000)
        async with asyncio.timeout(300):
            ended = (await client.get(f"/api/v1/tasks/{tasks[0]}")).json()
            while not ended["ended_ms"]:
                await asyncio.sleep(1)
                ended = (await client.get(f"/api/v1/tasks/{tasks[0]}")).json()
        assert ended["error"]["code"] == "sound_not_kept"
