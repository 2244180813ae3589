"""Speech servers as engines: ours as a process, one of another make where it is installed, and some that misbehave."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from antiphon import models
from antiphon.audio import Waveform
from antiphon.client.client import Job
from antiphon.client.events import Closed
from antiphon.engines import conformance, registry
from antiphon.engines.base import Engine
from antiphon.engines.openai import server
from antiphon.errors import AntiphonError, BusyError, InputError, UnavailableError
from antiphon.ledger.operations import Selector
from antiphon.models import tensors
from antiphon.network.embedded import Plan, embedded
from antiphon.nodes.evaluation.evaluator import evaluator_of
from antiphon.services import SpeechRequest

START_S = 240.0
RATE_HZ = 22_050


def opened(url: str, **options: str | float) -> Engine:
    """In a registry of its own, so that the next test may open the same."""
    families = tuple(entry_points(group=registry.FAMILIES))
    return registry.Registry((), families=families).open(f"openai:{url}", options)


@contextmanager
def process(command: list[str], ready: str, log: Path, **options: Any) -> Iterator[re.Match[str]]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, **options) as running:
        try:
            end_s = time.monotonic() + START_S
            while not (found := re.search(ready, log.read_text())):
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < end_s, log.read_text()
                time.sleep(0.05)
            yield found
            running.send_signal(signal.SIGINT)
            running.wait(60)
        finally:
            running.kill()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gateway")
    command = [sys.executable, "-m", "antiphon", "--home", str(folder / "home"), "up", "--port", "0"]
    with process(command, r"API at (http\S+/v1)", folder / "log", stdin=subprocess.DEVNULL) as found:
        yield found[1]


@pytest.mark.slow
def test_our_own_gateway_is_an_engine_that_conforms(gateway: str) -> None:
    engine = opened(gateway, model="hibari")
    assert (engine.name, engine.capabilities.rate_hz, engine.capabilities.seeded) == ("openai-hibari", 24_000, True)
    assert [(voice.name, voice.language) for voice in engine.capabilities.voices] == [("openai-hibari-hibari", "en-us")]
    assert conformance.failures(engine) == []


@pytest.mark.slow
def test_a_servers_voice_is_ordered_judged_and_paid(gateway: str, tmp_path: Path) -> None:
    plan = Plan(processors=(f"openai:{gateway}",), trainers=(), validators=3)

    async def order() -> Closed:
        async with embedded(tmp_path / "home", evaluator_of("antiphon"), plan=plan) as network:
            (engine,) = (name for name in registry.names() if name.startswith("openai-"))
            request = SpeechRequest(text="A server of another house says this.", voice=f"{engine}-hibari")
            job = Job([request], Selector(service="speech", engine=engine, voice=request.voice))
            closed = [event async for event in network.client.run(job) if isinstance(event, Closed)]
            await network.drain()
            return closed[0]

    try:
        (part,) = asyncio.run(order()).parts
    finally:
        registry.installed.cache_clear()  # it has opened an engine
    assert part.state == "valid"
    assert part.rulings[-1].outcome.score_ppm > 700_000


@pytest.mark.slow
@pytest.mark.skipif(find_spec("fastkokoro") is None, reason="pip install 'fastkokoro[cpu]' (not of ours, 1 GB)")
def test_a_server_of_another_make_is_an_engine_that_conforms(tmp_path: Path) -> None:
    """fastkokoro, with the weights that we have."""
    (tmp_path / "model.onnx").write_bytes(models.read("kokoro-82m-int8"))
    styles = tensors.parse(models.read("kokoro-voices"))
    np.savez(tmp_path / "voices.npz", **{name: style.astype(np.float32)[:, None] for name, style in styles.items()})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "FASTKOKORO_HOST": "127.0.0.1",
        "FASTKOKORO_PORT": str(port),
        "FASTKOKORO_MODEL_PATH": str(tmp_path / "model.onnx"),
        "FASTKOKORO_VOICES_PATH": str(tmp_path / "voices.npz"),
    }
    command = [sys.executable, "-c", "from fastkokoro.cli import main; main()"]
    with process(command, r"Uvicorn running", tmp_path / "log", env=environment):
        engine = opened(f"http://127.0.0.1:{port}/v1", voices="af_heart,bm_george")
        assert len(engine.capabilities.voices) == 2
        assert conformance.failures(engine) == []


class Odd:
    """A server that answers as it is told: `say` writes the answer to /audio/speech."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.say: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None] = answer_wav
        self.lists: dict[str, object] = {}
        self.pause_s = 0.0  # between the bytes of a list
        odd = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = odd.lists.get(self.path)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                send(self, 404 if found is None else 200, body, pause_s=odd.pause_s)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                odd.asked.append(body)
                odd.say(self, body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, *, pause_s: float = 0.0, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with suppress(OSError):
        for piece in (bytes([one]) for one in body) if pause_s else (body,):
            handler.wfile.write(piece)
            time.sleep(pause_s)


def tone(text: str, channels: int = 1) -> Waveform:
    time_s = np.arange(int(RATE_HZ * len(text) / 15)) / RATE_HZ
    wave = 0.4 * np.sin(2 * np.pi * 220 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2
    return Waveform(np.tile(wave.astype(np.float32), (channels, 1)), RATE_HZ)


def sound(text: str, form: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(text).samples.T, RATE_HZ, format=form.upper())
    return file.getvalue()


def answer_wav(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    send(handler, 200, sound(asked["input"], "wav"))


def only(form: str) -> Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]:
    """A server that knows one format, and no other field than the first four."""

    def say(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        if asked["response_format"] != form or len(asked) != 4:
            send(handler, 422, b'{"detail": "Unprocessable"}')
        else:
            send(handler, 200, sound(asked["input"], form))

    return say


@pytest.fixture
def odd() -> Iterator[Odd]:
    made = Odd()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def spoken(engine: Engine, text: str = "Say this in a calm voice.", **changes: Any) -> Waveform:
    voice = engine.capabilities.voices[0]
    request = SpeechRequest(text=text, voice=voice.name, language=voice.language, **changes)
    chunks = list(engine.generate(request, 3))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_a_server_that_knows_one_format_is_asked_for_it(form: str, odd: Odd) -> None:
    odd.say = only(form)
    engine = opened(odd.url)
    assert engine.capabilities.seeded  # it always says the same
    assert engine.capabilities.rate_hz == RATE_HZ
    assert spoken(engine).duration_s == pytest.approx(25 / 15, abs=0.1)
    assert odd.asked[-1] == {
        "model": "tts-1", "input": "Say this in a calm voice.", "voice": "alloy", "response_format": form,
    }  # fmt: skip


def test_raw_pcm_is_of_openais_rate(odd: Odd) -> None:
    def say(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        if asked["response_format"] != "pcm":
            send(handler, 400, b'{"error": {"message": "pcm only"}}')
        else:
            send(handler, 200, tone(asked["input"]).to_pcm16())

    odd.say = say
    engine = opened(odd.url)
    assert engine.capabilities.rate_hz == 24_000
    assert spoken(engine).duration_s == pytest.approx(25 / 15 * RATE_HZ / 24_000, abs=0.02)


@pytest.mark.parametrize(("lists", "names"), [
    ({"/v1/audio/voices": {"voices": ["af_heart", "bm_fable"]}}, ["af_heart", "bm_fable"]),
    ({"/v1/audio/voices": {"voices": [{"id": "a b", "name": "A"}]}}, ["a-b"]),
    ({"/v1/voices": [{"name": "Nora", "language": "nb_NO"}]}, ["Nora"]),
    ({"/v1/voices": {"data": [{"voice_id": "x"}, 3, None, {"name": 4}]}}, ["x"]),
    ({"/v1/audio/voices": b"<html>"}, ["alloy", "echo", "fable", "nova", "onyx", "shimmer"]),
    ({"/v1/audio/voices": b"[" * 50_000}, ["alloy", "echo", "fable", "nova", "onyx", "shimmer"]),
])  # fmt: skip
def test_voices_are_listed_in_the_shapes_that_servers_have(
    lists: dict[str, object], names: list[str], odd: Odd
) -> None:
    odd.lists = lists
    engine = opened(odd.url, label="them")
    assert [voice.name for voice in engine.capabilities.voices] == [f"them-{name}" for name in names]
    assert all(voice.engine == "them" for voice in engine.capabilities.voices)


def test_a_model_of_speech_is_chosen_and_its_own_voices_with_it(odd: Odd) -> None:
    told = {"id": "org/Deep-TTS", "task": "text-to-speech", "voices": [{"name": "uno", "language": "it"}]}
    odd.lists = {"/v1/models": {"data": [{"id": "whisper-1", "task": "automatic-speech-recognition"}, told]}}
    engine = opened(odd.url)
    assert engine.name == "openai-Deep-TTS"
    assert engine.capabilities.languages == ("it",)
    spoken(engine, options={"instructions": "whisper"})
    assert odd.asked[-1]["model"] == "org/Deep-TTS"
    assert odd.asked[-1]["instructions"] == "whisper"


def test_a_server_that_never_says_the_same_is_not_seeded(odd: Odd) -> None:
    numbers = iter(range(100))

    def say(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        send(handler, 200, sound(asked["input"] + "." * next(numbers), "wav"))

    odd.say = say
    assert not opened(odd.url).capabilities.seeded


def test_slow_speech_is_made_here_and_no_speed_is_asked_for(odd: Odd) -> None:
    engine = opened(odd.url)
    assert spoken(engine, speed=0.5).duration_s == pytest.approx(2 * spoken(engine).duration_s, rel=0.05)
    assert all("speed" not in asked for asked in odd.asked)


def cut(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    whole = sound(asked["input"], "wav")
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])


def promised(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    whole = sound(asked["input"], "wav")
    handler.send_response(200)
    handler.send_header("content-length", str(len(whole)))
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])


def endless(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    handler.send_response(200)
    handler.end_headers()
    whole = sound(asked["input"], "wav")
    handler.wfile.write(whole[:40] + b"\xff\xff\xff\xff" + whole[44:])
    try:
        while True:
            handler.wfile.write(whole[44:])
    except OSError:
        pass


def numbers(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    layout = np.array([3 | 1 << 16, RATE_HZ, 4 * RATE_HZ, 4 | 32 << 16], "<u4").tobytes()
    nan = np.full(RATE_HZ, np.nan, "<f4").tobytes()
    size = len(nan).to_bytes(4, "little")
    send(handler, 200, b"RIFF" + size + b"WAVEfmt \x10\0\0\0" + layout + b"data" + size + nan)


@pytest.mark.parametrize(("say", "kind", "told"), [
    (lambda h, _: send(h, 429, b"{}", retry_after="7"), BusyError, "429"),
    (lambda h, _: send(h, 503, b"overloaded"), BusyError, "503"),
    (lambda h, _: send(h, 500, b'{"detail": "CUDA out of memory"}'), UnavailableError, "CUDA out of memory"),
    (lambda h, _: send(h, 400, b'{"error": {"message": "too\\nlong"}}'), InputError, "too long"),
    (lambda h, _: send(h, 401, b""), UnavailableError, "key_file"),
    (lambda h, _: send(h, 307, b"", location="http://127.0.0.1:1/"), UnavailableError, "307"),
    (lambda h, _: send(h, 200, b""), UnavailableError, "no sound"),
    (lambda h, _: send(h, 200, b"RIFF\0\0\0\0WAVEfmt "), UnavailableError, "no samples"),
    (lambda h, _: send(h, 200, b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff" + bytes(100)), UnavailableError, "no samples"),
    (lambda h, _: send(h, 200, b"<html>hello</html>" * 40), UnavailableError, "no sound"),
    (lambda h, _: h.wfile.write(b"not http at all\r\n\r\n"), UnavailableError, "does not answer"),
    (lambda h, _: h.connection.shutdown(socket.SHUT_RDWR), UnavailableError, "does not answer"),
    (cut, UnavailableError, "of"),
    (promised, UnavailableError, "broke off"),
    (endless, UnavailableError, "more than"),
    (numbers, UnavailableError, "not numbers"),
])  # fmt: skip
def test_faults_of_a_server_are_busy_or_declined(
    say: Callable[..., None], kind: type[AntiphonError], told: str, odd: Odd
) -> None:
    engine = opened(odd.url)
    odd.say = say
    with pytest.raises(kind, match=re.escape(told)) as caught:
        spoken(engine)
    if told == "429":
        assert isinstance(caught.value, BusyError)
        assert caught.value.retry_after_s == 7
    odd.say = answer_wav
    assert spoken(engine).duration_s > 1


def trickling(head: bytes, length: int | None) -> Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]:
    """A byte ten times a second, without an end: never silent, and never done."""

    def say(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        with suppress(OSError):
            if head:
                handler.send_response(200)
                if length is not None:
                    handler.send_header("content-length", str(length))
                handler.end_headers()
                handler.wfile.write(head)
            while True:
                handler.wfile.write(b"a")
                time.sleep(0.1)

    return say


@pytest.mark.parametrize("say", [
    trickling(b"", None),  # not even the first line ends
    trickling(sound("Begun.", "wav")[:4_000], 1 << 30),
    trickling(sound("Begun.", "wav")[:40] + b"\xff" * 4, None),  # an answer that has no length seems to end
    trickling(sound("Begun.", "flac"), None),
])  # fmt: skip
def test_a_server_that_trickles_holds_nobody_for_ever(
    say: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None], odd: Odd
) -> None:
    engine = opened(odd.url, answer_s=0.2)
    odd.say = say
    with pytest.raises(UnavailableError, match="takes more than 3 s"):
        spoken(engine, "Go.")
    odd.say = answer_wav
    assert spoken(engine).duration_s > 1


def test_a_list_that_trickles_ends_too(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LIST_S", 0.3)
    odd.lists = {"/v1/models": b"[" + b" " * 100}
    odd.pause_s = 0.1
    with pytest.raises(UnavailableError, match="takes more than 0 s"):
        opened(odd.url)


def test_a_server_that_is_gone_is_unavailable_and_told_at_the_start(odd: Odd) -> None:
    engine = opened(odd.url)
    odd.server.server_close()
    for asks in (lambda: spoken(engine), lambda: opened(odd.url)):
        with pytest.raises(UnavailableError, match="does not answer"):
            asks()


@pytest.mark.parametrize("where", ["", "127.0.0.1:8880", "ftp://x/v1", "http://", "http://u:p@x/v1", "http://x:port/"])
def test_what_is_no_server_is_refused(where: str) -> None:
    with pytest.raises(InputError, match="openai:http://"):
        opened(where)


def test_a_key_goes_into_the_header_and_into_no_message(odd: Odd, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-very-secret\n")
    seen: list[str] = []

    def say(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        seen.append(str(handler.headers["authorization"]))
        answer_wav(handler, asked) if len(seen) < 3 else send(handler, 403, b"{}")

    odd.say = say
    engine = opened(odd.url, key_file=str(file))
    with pytest.raises(UnavailableError) as caught:
        spoken(engine)
    assert set(seen) == {"Bearer sk-very-secret"}
    assert "secret" not in str(caught.value)
    for content in ("", "two words"):
        file.write_text(content)
        with pytest.raises(InputError, match="no key"):
            opened(odd.url, key_file=str(file))


def test_an_opened_engine_is_known_by_its_name_once(odd: Odd) -> None:
    reg = registry.Registry((), families=tuple(entry_points(group=registry.FAMILIES)))
    assert "openai" in reg.families()
    engine = reg.open(f"openai:{odd.url}", {"label": "studio"})
    assert reg.load("studio") is engine
    assert reg.engine_for("studio-alloy") == "studio"
    with pytest.raises(InputError, match="label="):
        reg.open(f"openai:{odd.url}", {"label": "studio"})
    with pytest.raises(InputError, match="label"):
        reg.open(f"openai:{odd.url}", {"lable": "other"})
    with pytest.raises(InputError, match="openai"):
        reg.open(f"opnai:{odd.url}")
