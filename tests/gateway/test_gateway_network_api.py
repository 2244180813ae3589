"""The network API over a whole network: tasks, what follows them, and what anybody may know."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from up_server import Up, ended, up

from antiphon.bench.cloning import REFERENCES
from antiphon.door.receipts import verify_receipt

pytestmark = pytest.mark.slow

SPEECH = {
    "service": "speech",
    "text": "Somebody orders a sentence or two. They are followed to their end by whoever likes.",
    "voice": "hibari",
    "seed": 1,
}
LONG = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 25))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("network-api") / "home"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Up]:
    with up(home) as found:
        yield found
        found.end()


@pytest.fixture
def client(server: Up) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as made:
        yield made


def events(client: httpx.Client, task: str) -> list[tuple[str, dict[str, Any]]]:
    """All of them, to the last."""
    found, name = [], ""
    with client.stream("GET", f"/api/v1/tasks/{task}/events") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for line in answer.iter_lines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                found.append((name, json.loads(value)))
    return found


def test_a_task_is_quoted_followed_heard_and_accounted_for(client: httpx.Client, home: Path, tmp_path: Path) -> None:
    quote = client.post("/api/v1/quotes", json=SPEECH).json()
    assert quote["parts"] == 2
    assert 0 < quote["max_nano"] < quote["balance_nano"]
    made = client.post("/api/v1/tasks", json=SPEECH)
    assert made.status_code == 201
    task = made.json()["id"]
    assert made.headers["location"] == f"/api/v1/tasks/{task}"
    heard: list[bytes] = []
    hearing = threading.Thread(target=lambda: heard.append(_sound(client, task, "pcm")))
    hearing.start()
    told = events(client, task)
    hearing.join(60)
    names = [name for name, _ in told]
    assert names[0] == "task"
    assert names[-1] == "end"
    assert {"part", "sound"} <= set(names)
    end = told[-1][1]
    assert end == client.get(f"/api/v1/tasks/{task}").json()
    assert end["state"] == "completed"
    assert end["paid_final"]
    assert 0 < end["paid_nano"] <= quote["max_nano"] == end["max_nano"]
    assert quote["balance_nano"] - client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"] == end["paid_nano"]
    assert (end["parts"], end["parts_ended"]) == (2, 2)
    assert len(heard[0]) / 48_000 == pytest.approx(end["seconds"])
    assert heard[0] == _sound(client, task, "pcm"), "the same afterwards as while it was made"
    assert _sound(client, task, "mp3")[:1] == b"\xff"
    parts = client.get(f"/api/v1/tasks/{task}/parts").json()["parts"]
    assert [one["begins"] for one in parts] == [
        "Somebody orders a sentence or two.",
        "They are followed to their end by whoever likes.",
    ]
    assert all(one["state"] == "valid" and len(one["seats"]) == 3 for one in parts)
    last = {one["number"]: one for name, one in told if name == "part"}
    assert parts == [last[0], last[1]]
    (receipt,) = client.get(f"/api/v1/tasks/{task}/receipt").json()["receipts"]
    assert receipt["valid"]
    assert receipt["paid_nano"] == end["paid_nano"]
    spent = sum(one["amount_nano"] for one in receipt["lines"] if one["source"] == "escrow")
    returned = sum(one["amount_nano"] for one in receipt["lines"] if one["target"] == "client")
    assert spent - returned == end["paid_nano"]
    proof = client.get(f"/api/v1/tasks/{task}/receipts/{receipt['task']}")
    file = tmp_path / "receipt.json"
    file.write_bytes(proof.content)
    assert verify_receipt(file).task == receipt["task"]
    assert client.get(f"/api/v1/tasks/{task}/receipts/{'0' * 32}").status_code == 404
    assert not list((home / "api-uploads").glob("*"))


def _sound(client: httpx.Client, task: str, form: str) -> bytes:
    answer = client.get(f"/api/v1/tasks/{task}/sound", params={"format": form})
    assert answer.status_code == 200
    return answer.content


def test_music_is_a_task_too(client: httpx.Client) -> None:
    asked = {"service": "music", "prompt": "calm shop theme, F major", "seconds": 3, "seed": 5}
    task = ended(client, client.post("/api/v1/tasks", json=asked).json()["id"])
    assert task["state"] == "completed", task
    assert task["seed"] == 5
    assert len(_sound(client, task["id"], "pcm")) == round(task["seconds"] * task["rate_hz"]) * 2 * task["channels"]


def test_a_cancelled_task_ends_soon_and_costs_what_was_made(client: httpx.Client) -> None:
    task = client.post("/api/v1/tasks", json=SPEECH | {"text": LONG}).json()
    with client.stream("GET", f"/api/v1/tasks/{task['id']}/sound", params={"format": "pcm"}) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        early = client.delete(f"/api/v1/tasks/{task['id']}")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "task_under_way")
        begun_s = time.monotonic()
        ending = client.post(f"/api/v1/tasks/{task['id']}/cancel").json()
        took_s = time.monotonic() - begun_s
        with pytest.raises(httpx.RemoteProtocolError):  # cut: nobody takes it for the whole
            list(pieces)
    assert ending["state"] == "cancelled"
    assert took_s < 10
    done = ended(client, task["id"])
    assert done["state"] == "cancelled"
    assert done["paid_nano"] < done["max_nano"] / 2
    again = client.post(f"/api/v1/tasks/{task['id']}/cancel")
    assert (again.status_code, again.json()) == (200, done)
    part = client.get(f"/api/v1/tasks/{task['id']}/sound", params={"format": "pcm"})
    assert part.headers["antiphon-incomplete"] == "1"
    assert len(part.content) / 48_000 == pytest.approx(done["seconds"])


def test_the_same_key_and_body_are_one_task_that_is_paid_once(client: httpx.Client) -> None:
    before = client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"]
    answers: list[httpx.Response] = []

    def ask() -> None:
        headers = {"idempotency-key": "two-at-once"}
        answers.append(client.post("/api/v1/tasks", json=SPEECH, headers=headers))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 200, 201]
    assert sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers) == 5
    (task,) = {answer.json()["id"] for answer in answers}
    done = ended(client, task)
    other = client.post("/api/v1/tasks", json=SPEECH | {"seed": 2}, headers={"idempotency-key": "two-at-once"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert before - client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"] == done["paid_nano"]


def test_a_deleted_task_is_gone_but_for_its_idempotency_key(client: httpx.Client, home: Path) -> None:
    asked, headers = SPEECH | {"text": "Nobody shall remember this bit of text."}, {"idempotency-key": "to-be-deleted"}
    task = client.post("/api/v1/tasks", json=asked, headers=headers).json()["id"]
    done = ended(client, task)
    assert events(client, task)[-1][0] == "end"  # all is over
    assert any(b"Nobody shall remember" in file.read_bytes() for file in home.glob("api-tasks.db*"))
    before = client.get("/api/v1/revenue").json()
    assert client.delete(f"/api/v1/tasks/{task}").json() == {"id": task, "deleted": True}
    for path in ("", "/sound", "/parts", "/events", "/receipt"):
        gone = client.get(f"/api/v1/tasks/{task}{path}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "task_not_found")
    assert task not in {one["id"] for one in client.get("/api/v1/tasks").json()["tasks"]}
    again = client.post("/api/v1/tasks", json=asked, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "task_deleted")
    assert not any(b"Nobody shall remember" in file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert not (home / "api-sound" / f"{task}.pcm").exists()
    assert client.get("/api/v1/revenue").json() == before
    assert (home / "receipts" / f"{done['ledger_tasks'][0]}.json").exists(), "money's records stay"
    assert client.delete(f"/api/v1/tasks/{task}").status_code == 404


def test_a_voice_is_learnt_as_a_task_and_spoken_with(client: httpx.Client, home: Path) -> None:
    recording = REFERENCES / "librivox.opus"
    form = {"name": "reader", "own_voice": "true", "engine": "mimic"}
    refused = client.post("/api/v1/voices", data={"name": "reader"}, files={"file": recording.read_bytes()})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")
    assert "consent" in refused.json()["error"]["message"]
    made = client.post("/api/v1/voices", data=form, files={"file": recording.read_bytes()})
    assert made.status_code == 201, made.text
    task = ended(client, made.json()["id"], 600)
    assert (task["state"], task["service"]) == ("completed", "voice"), task
    assert task["paid_nano"] > 0
    assert client.get(f"/api/v1/tasks/{task['id']}/sound").status_code == 410
    voices = client.get("/api/v1/voices").json()["voices"]
    assert (voices[0]["name"], voices[0]["own"]) == ("reader", True)
    assert not list((home / "api-uploads").glob("*"))
    said = client.post("/api/v1/tasks", json={"service": "speech", "text": "I am spoken.", "voice": "reader"})
    assert ended(client, said.json()["id"])["state"] == "completed"
    assert client.delete("/api/v1/voices/reader").json() == {"id": "reader", "deleted": True}
    assert not any(one["own"] for one in client.get("/api/v1/voices").json()["voices"])
    gone = client.delete("/api/v1/voices/reader")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "voice_not_found")


def test_what_anybody_may_know_is_what_the_ledger_has(client: httpx.Client) -> None:
    nodes = client.get("/api/v1/nodes").json()["nodes"]
    assert {"processor", "validator", "trainer"} == {one["role"] for one in nodes}
    models = client.get("/api/v1/models").json()["models"]
    assert {"hibari", "kokoro", "chiptune", "mimic"} <= {one["engine"] for one in models}
    scores = client.get("/api/v1/scores").json()["scores"]
    assert any(one["engine"] == "hibari" and one["settled"] > 0 for one in scores)
    (epoch,) = client.get("/api/v1/epochs").json()["epochs"]
    assert client.get("/api/v1/epochs/1").json() == {"epoch": epoch, "payments": []}
    revenue = client.get("/api/v1/revenue").json()
    assert revenue["issued_nano"] > 0
    held = sum(one["balance_nano"] + one["stake_nano"] + one["escrow_nano"] for one in revenue["accounts"])
    assert held + revenue["burnt_nano"] == revenue["issued_nano"], "all of an embedded network's money is here"


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), [
    ("POST", "/quotes", {"service": "speech", "text": " "}, 400, "empty_input"),
    ("POST", "/tasks", {"service": "speech", "text": "Hello.", "voice": "../../etc/passwd"}, 400, "unknown_voice"),
    ("POST", "/tasks", {"service": "speech", "text": "Hello.", "engine": "gpt-9"}, 404, "model_not_found"),
    ("POST", "/tasks", {"service": "speech", "text": "Hello.", "max_cost_nano": 1}, 402, "insufficient_funds"),
    ("POST", "/tasks", {"service": "dance", "text": "Hello."}, 400, "invalid_value"),
    ("POST", "/tasks", {"service": "speech", "text": "Hello.", "sed": 1}, 400, "invalid_value"),
    ("POST", "/tasks", {"service": "music", "prompt": "calm", "seconds": 601}, 400, "invalid_value"),
    ("GET", "/tasks/../../etc/passwd", None, 404, "unknown_url"),
    ("GET", "/tasks/%2e%2e%2fkeys", None, 404, "unknown_url"),
    ("GET", f"/tasks/{'0' * 32}", None, 404, "task_not_found"),
    ("GET", f"/tasks/{'0' * 32}/events", None, 404, "task_not_found"),
    ("GET", "/tasks?limit=many", None, 400, "invalid_value"),
    ("GET", "/epochs/0", None, 404, "epoch_not_found"),
    ("DELETE", "/tasks", None, 405, "method_not_allowed"),
])  # fmt: skip
def test_what_cannot_be_answered_says_why(
    method: str, path: str, body: Any, status: int, code: str, client: httpx.Client
) -> None:
    answer = client.request(method, f"/api/v1{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_what_is_one_of_a_few_words_says_which(client: httpx.Client) -> None:
    for body, words in (
        ({"service": "dance", "text": "Hello."}, "Values: speech, music."),
        (SPEECH | {"mode": "loud"}, "Values: stream, verified."),
    ):
        assert words in client.post("/api/v1/tasks", json=body).json()["error"]["message"]
    task = client.post("/api/v1/tasks", json=SPEECH).json()["id"]
    error = client.get(f"/api/v1/tasks/{task}/sound?format=midi").json()["error"]
    assert (error["param"], "Values: aac, flac, mp3, opus, pcm, wav." in error["message"]) == ("format", True)
    client.post(f"/api/v1/tasks/{task}/cancel")


def test_a_killed_server_orders_nothing_twice(tmp_path: Path) -> None:
    """kill -9 in the middle of a task: the same key and body are the same task, which has failed, and its money is
    where the ledger says."""
    home, headers = tmp_path / "home", {"idempotency-key": "once"}
    with up(home) as first, httpx.Client(base_url=first.url, timeout=60) as client:
        before = client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"]
        task = client.post("/api/v1/tasks", json=SPEECH | {"text": LONG}, headers=headers).json()["id"]
        while client.get(f"/api/v1/tasks/{task}").json()["seconds"] < 1:
            time.sleep(0.05)
        first.process.kill()
        first.process.wait()
    with up(home) as second, httpx.Client(base_url=second.url, timeout=60) as client:
        again = client.post("/api/v1/tasks", json=SPEECH | {"text": LONG}, headers=headers)
        assert (again.status_code, again.json()["id"]) == (200, task)
        assert again.json()["state"] == "failed"
        assert again.json()["error"]["code"] == "server_stopped"
        other = client.post("/api/v1/tasks", json=SPEECH, headers=headers)
        assert other.status_code == 409
        assert [one["id"] for one in client.get("/api/v1/tasks").json()["tasks"]] == [task]
        ledger = client.get(f"/api/v1/tasks/{task}").json()["ledger_tasks"]
        assert 1 <= len(ledger) <= 2  # the next one is opened ahead
        assert client.get(f"/api/v1/tasks/{task}/sound").headers["antiphon-incomplete"] == "1"
        assert before - client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"] >= 0
        second.end()
