"""A measurement in a process of its own, so that it can be ended at any moment.

Recognisers, synthesisers and servers hold a thread for seconds, and no signal reaches Python meanwhile. Whoever asked
waits in another process, which hears every signal at once, and ends the measurement with all it has started.

The request goes to the child's stdin, which then stays open: when it closes, whoever asked is gone, and the child ends.
Steps, figures and a last fault come back as lines of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

import msgspec

from antiphon import errors
from antiphon.bench.figure import Figure, Step
from antiphon.errors import AntiphonError, UnavailableError

AREAS = ("network", "sound", "music", "soundstorm", "emission", "genki", "chain", "doors")
MAX_LINE_BYTES = 1 << 16


class BenchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure. `tries` for each cheat; `peer_python` runs the peer of another project beside us."""

    area: str
    profile: str
    tries: int
    peer_python: str | None = None
    models: str | None = None


class _Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line from the child: one of its fields is set."""

    step: Step | None = None
    figure: Figure | None = None
    fault: tuple[str, str, str] | None = None  # class, what, hint


def steps(area: str, tries: int) -> tuple[Step, ...]:
    """What will be measured, in its order, and about how long each takes."""
    found: tuple[Step, ...] = importlib.import_module(f"antiphon.bench.{area}").steps(tries)
    return found


def measure(request: BenchRequest) -> Generator[Step | Figure]:
    """Each step before it begins, each figure when it is taken. Closing the iterator ends all that was started.

    Raises the measurement's own error, or `UnavailableError` when its process died.
    """
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-", ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            [sys.executable, "-m", "antiphon.bench"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": folder},
            start_new_session=True,
        )
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(msgspec.json.encode(request) + b"\n")
                child.stdin.flush()
            yield from _events(child.stdout)
            code = child.wait()
            if code:
                raise UnavailableError(
                    f"The measurement of {request.area} ended with {code}", "Its own words stand above, if it had any."
                )
        finally:
            _end(child)


def _events(lines: IO[bytes]) -> Iterator[Step | Figure]:
    while line := lines.readline(MAX_LINE_BYTES):
        said = msgspec.json.decode(line, type=_Said)
        if said.fault is not None:
            name, what, hint = said.fault
            raise _class(name)(what, hint)
        event = said.step or said.figure
        assert event is not None
        yield event


def _class(name: str) -> type[AntiphonError]:
    found = getattr(errors, name, AntiphonError)
    return found if isinstance(found, type) and issubclass(found, AntiphonError) else AntiphonError


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing of it survives: it holds no state worth an orderly end, and its files are in a folder that goes too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def work() -> None:
    """The child: takes a request from stdin, measures, and tells on stdout. What libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    request = msgspec.json.decode(sys.stdin.buffer.readline(MAX_LINE_BYTES), type=BenchRequest)
    threading.Thread(target=_end_with_the_asker, name="asker", daemon=True).start()
    if request.models is not None:
        from antiphon.models import use_folder

        use_folder(Path(request.models))
    fault = None
    try:
        asyncio.run(_tell(request, out))
    except AntiphonError as error:
        fault = (type(error).__name__, error.what, error.hint)
    if fault is not None:
        _write(out, _Said(fault=fault))


async def _tell(request: BenchRequest, out: IO[bytes]) -> None:
    figures = importlib.import_module(f"antiphon.bench.{request.area}").figures
    async for event in figures(request.profile, tries=request.tries, peer_python=request.peer_python):
        _write(out, _Said(step=event) if isinstance(event, Step) else _Said(figure=event))


def _write(out: IO[bytes], said: _Said) -> None:
    out.write(msgspec.json.encode(said) + b"\n")


def _end_with_the_asker() -> None:
    while os.read(0, 1 << 12):  # not through sys.stdin: its lock must be free when the interpreter ends
        pass
    os.killpg(0, signal.SIGKILL)
