"""Random requests by the OpenAPI document find no 5xx, and no answer that the document does not know."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from test_gateway_webhooks import Receiver, receiver
from up_server import ended, up

pytestmark = pytest.mark.slow
__all__ = ["receiver"]

ROOT = Path(__file__).parents[2]


def test_random_requests_find_no_5xx() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "fuzz_network_api", "3"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    assert "passed" in done.stdout


def test_a_task_of_a_server_ends_at_its_webhook(tmp_path: Path, receiver: Receiver) -> None:
    with (
        up(tmp_path / "home", "--private-webhooks") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        made = client.post("/api/v1/webhooks", json={"url": receiver.url})
        assert made.status_code == 201
        asked = {"service": "music", "prompt": "calm shop theme", "seconds": 2}
        task = ended(client, client.post("/api/v1/tasks", json=asked).json()["id"])
        end_s = time.monotonic() + 60
        while not receiver.came and time.monotonic() < end_s:
            time.sleep(0.05)
        assert f'"id":"{task["id"]}"'.encode() in receiver.came[0][1]
        assert client.delete(f"/api/v1/webhooks/{made.json()['id']}").json() == {"webhooks": []}
        server.end()
