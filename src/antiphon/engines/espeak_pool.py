"""Worker processes for espeak-ng: started when needed, reused, replaced when they die, gone when we go."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from antiphon.errors import BusyError, UnavailableError

MAX_WORKERS = 2
"""Requests served at once. One worker speaks 500 times faster than real time."""

WAIT_S = 20.0
"""Longest wait for a free worker."""

FRAME_S = 10.0
"""Longest silence of a worker; the first frame of a text takes milliseconds."""

MAX_FRAME_BYTES = 1_000_000
MAX_ANSWER_BYTES = 64_000_000
"""24 minutes of audio: many times what 2,000 characters can be."""

_WORKER = Path(__file__).with_name("espeak_worker.py")
_DEAD = (b"", b"")


class _WorkerDiedError(UnavailableError):
    """The process ended, stalled, or sent too much."""


class Worker:
    """One process and the thread that reads it. Frames come through a queue, so that waiting has a deadline."""

    def __init__(self, *arguments: str) -> None:
        # Run by its path: as a module it would first import our package and NumPy, five times its own start.
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and file
            [sys.executable, str(_WORKER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Its own group, so that a stuck fork can be killed with it.
            start_new_session=True,
        )
        self._frames: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._pump, name="espeak-reader", daemon=True).start()
        kind, payload = self._next()
        if kind != b"r":
            self.kill()
            raise UnavailableError(
                "espeak-ng did not start", "Run `python -m antiphon.engines.espeak_worker </dev/null` to see why."
            )
        ready = json.loads(payload)
        self.rate_hz = int(ready["rate_hz"])
        self.once = bool(ready["once"])
        self.words: list[tuple[int, int]] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> Iterator[bytes]:
        """PCM 16 pieces of one answer, after which `words` are those it told of.

        Raises `UnavailableError` when the worker dies, stalls or refuses.
        """
        blob = json.dumps(request).encode()
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(struct.pack("<I", len(blob)) + blob)
            stdin.flush()
        except OSError as error:
            raise _WorkerDiedError("The espeak-ng worker has gone", "Try again.") from error
        total, self.words = 0, []
        while True:
            kind, payload = self._next()
            total += len(payload)
            if kind == b"a" and total <= MAX_ANSWER_BYTES:
                yield payload
            elif kind == b"w":
                self.words = [(place, ms) for place, ms in json.loads(payload)]
            elif kind == b"e":
                return
            elif kind == b"x":
                raise UnavailableError(f"espeak-ng refuses: {payload.decode('utf-8', 'replace')}")
            else:
                raise _WorkerDiedError("The espeak-ng worker died or stalled", "Try again, or shorten the text.")

    def kill(self) -> None:
        """End the process and its fork, and reap it."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.wait()

    def _next(self) -> tuple[bytes, bytes]:
        try:
            return self._frames.get(timeout=FRAME_S)
        except queue.Empty:
            return _DEAD

    def _pump(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with stdout:
            while len(head := stdout.read(5)) == 5:
                (length,) = struct.unpack("<I", head[1:])
                if length > MAX_FRAME_BYTES or len(payload := stdout.read(length)) < length:
                    break
                self._frames.put((head[:1], payload))
        self._frames.put(_DEAD)


class Pool:
    """At most `size` workers, shared by threads. A process that was forked from us starts its own."""

    def __init__(self, size: int = MAX_WORKERS, *arguments: str) -> None:
        self._size = size
        self._arguments = arguments
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._size)

    def warm_up(self) -> None:
        """Start one worker, if none is idle."""
        with self._borrowed():
            pass

    def ask(self, request: dict[str, Any]) -> Iterator[tuple[int, bytes]]:
        """(rate_hz, PCM 16) pieces. Stopping early ends the worker, which is cheaper than hearing it out.

        When a worker dies another one takes over once, and goes on where it stopped: same request, same samples.
        """
        heard = 0
        for last_try in (False, True):
            try:
                with self._borrowed() as worker:
                    skip = heard
                    for pcm in worker.ask(request):
                        fresh = pcm[skip:]
                        skip = max(0, skip - len(pcm))
                        heard += len(fresh)
                        if fresh:
                            yield worker.rate_hz, fresh
                return
            except _WorkerDiedError:
                if last_try:
                    raise

    def words_of(self, request: dict[str, Any]) -> tuple[int, bytes, list[tuple[int, int]]]:
        """(rate_hz, PCM 16, [(place in the text from 1, ms of its beginning), ...]) of the whole."""
        with self._borrowed() as worker:
            pcm = b"".join(worker.ask(request | {"words": True}))
            return worker.rate_hz, pcm, worker.words

    def pids(self) -> tuple[int, ...]:
        """Process ids of idle workers."""
        with self._lock:
            return tuple(worker.pid for worker in self._idle)

    def close(self) -> None:
        """End all idle workers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Worker]:
        if os.getpid() != self._owner:
            self._reset()
        slots = self._slots
        if not slots.acquire(timeout=WAIT_S):
            raise BusyError("All espeak-ng workers are busy", "Try again shortly.", retry_after_s=1.0)
        try:
            worker = self._take()
            healthy = False
            try:
                yield worker
                healthy = not worker.once
            finally:
                self._give(worker, healthy)
        finally:
            slots.release()

    def _take(self) -> Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return Worker(*self._arguments)
            if worker.alive():
                return worker
            worker.kill()

    def _give(self, worker: Worker, healthy: bool) -> None:
        if healthy:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.kill()
