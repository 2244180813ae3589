"""A text in the voice of a recording, over HTTP: with its owner's consent, and not without."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import openai
import pytest
from openai import HttpxBinaryResponseContent

import antiphon
from antiphon.bench.clips import REFERENCES
from antiphon.clock import SystemClock
from antiphon.gateway.app import application
from antiphon.gateway.database import Storage
from antiphon.gateway.forms import KEPT_S
from antiphon.gateway.guard import Access
from antiphon.gateway.keyring import Keyring
from antiphon.gateway.keys import KeyStore
from antiphon.gateway.serving import serving
from antiphon.protocol import Identity
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant

pytestmark = pytest.mark.slow

TEXT = "This is a voice, and it never said this."
VOICE = (REFERENCES / "librivox.opus").read_bytes()
FORM = {"input": TEXT, "own_voice": "true", "model": "mimic", "response_format": "pcm"}


def consent_for(reference: bytes, *uses: Use) -> bytes:
    now_ms = SystemClock().now_ms()
    grant = Grant(
        subject="Ann Example",
        references=(reference,),
        uses=uses or tuple(Use),
        grantee=ANYBODY,
        not_before_ms=now_ms - 60_000,
        until_ms=now_ms + 10**8,
    )
    return sign_grant(Identity.generate(), grant, SystemClock())


def balance_nano(url: str) -> int:
    answer = httpx.post(f"{url}/api/v1/quotes", json={"service": "speech", "text": "Hello."}, timeout=60)
    found: int = answer.json()["balance_nano"]
    return found


@pytest.mark.parametrize(("change", "files", "status", "code", "param"), [
    ({"own_voice": "false"}, {"file": VOICE}, 400, "consent_required", "consent"),
    ({}, {"file": VOICE, "consent": b"x"}, 400, "consent_required", "consent"),
    ({"own_voice": ""}, {"file": VOICE, "consent": b"x"}, 400, "invalid_consent", "consent"),
    ({"own_voice": ""}, {"file": VOICE, "consent": consent_for(bytes(32))}, 400, "invalid_request", None),
    ({"own_voice": "perhaps"}, {"file": VOICE}, 400, "invalid_value", "own_voice"),
    ({"input": " "}, {"file": VOICE}, 400, "empty_input", "input"),
    ({"input": "a" * 20_001}, {"file": VOICE}, 400, "input_too_long", "input"),
    ({"input": "a" * 90_000}, {"file": VOICE}, 400, "invalid_form", None),
    ({"response_format": "midi"}, {"file": VOICE}, 400, "unknown_format", "response_format"),
    ({"speed": "9"}, {"file": VOICE}, 400, "invalid_value", "speed"),
    ({"model": "gpt-9"}, {"file": VOICE}, 404, "model_not_found", "model"),
    ({"voice": "nobody"}, {}, 400, "unknown_voice", "voice"),
    ({"voice": "af_heart"}, {}, 400, "unknown_voice", "voice"),
    ({"voice": "af_heart"}, {"file": VOICE}, 400, "invalid_value", "voice"),
    ({}, {"file": b"no sound at all" * 99}, 400, "invalid_request", None),
    ({}, {"file": b""}, 400, "invalid_request", None),
])  # fmt: skip
def test_what_nobody_may_or_can_say_costs_nothing(
    change: dict[str, str], files: dict[str, bytes], status: int, code: str, param: str | None, url: str
) -> None:
    before_nano = balance_nano(url)
    sent = files or {"": b""}  # a form in any case
    answer = httpx.post(f"{url}/v1/audio/clone", data={**FORM, **change}, files=sent, timeout=120)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param), error
    assert balance_nano(url) == before_nano


async def test_with_its_owner_s_consent_and_a_key_that_pays_for_learning_too(tmp_path: Path) -> None:
    """By OpenAI's own client. The consent names the recording as it is prepared, as `antiphon consent grant` does."""
    from antiphon.audio.reference import prepare

    (tmp_path / "reader.opus").write_bytes(VOICE)
    consent = consent_for(prepare(tmp_path / "reader.opus").clip.sha256, Use.ENROL, Use.SPEAK)
    home = tmp_path / "home"
    async with antiphon.AsyncNetwork(home) as network, Keyring.opened(Storage(home)) as keyring:
        store = KeyStore(Storage(home))
        _, secret = store.create("radio", ("clone", "read"), budget_nano=10**12)
        _, poor_secret = store.create("poor", ("clone",), budget_nano=1)
        store.close()
        async with (
            application(network, Access.of(), keyring=keyring) as app,
            serving(app) as url,
            httpx.AsyncClient(base_url=url, timeout=300) as client,
        ):
            form, files = FORM | {"own_voice": ""}, {"file": VOICE, "consent": consent}
            before_nano = await network.balance_nano()
            headers = _bearer(poor_secret)
            refused = await client.post("/v1/audio/clone", data=form, files=files, headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
            assert await network.balance_nano() == before_nano
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as theirs:
                made = await theirs.post(
                    "/audio/clone",
                    cast_to=HttpxBinaryResponseContent,
                    body=form,
                    files=files,
                    options={"headers": {"content-type": "multipart/form-data"}},
                )
            assert 1.5 < len(made.content) / 48_000 < 8
            end_s = time.monotonic() + 120
            while (usage := (await client.get("/v1/usage", headers=_bearer(secret))).json())["reserved_nano"]:
                assert time.monotonic() < end_s, usage
            assert not list((home / "api-uploads").iterdir())
            assert usage["paid_nano"] == before_nano - await network.balance_nano()
            (day,) = usage["days"]
            assert (day["scope"], day["orders"]) == ("clone", 1)


async def test_recordings_that_a_killed_server_left_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "api-uploads"
    folder.mkdir(parents=True)
    old, new = folder / "old", folder / "new"
    old.write_bytes(VOICE)
    new.write_bytes(VOICE)
    os.utime(old, (0, time.time() - KEPT_S - 60))
    async with antiphon.AsyncNetwork(tmp_path / "home") as network, application(network, Access.of()):
        assert [path.name for path in folder.iterdir()] == ["new"]


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
