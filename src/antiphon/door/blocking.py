"""The same network for programs without asyncio: its event loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from antiphon.audio import Waveform
from antiphon.door.cloning import CloneFields, VoiceFields
from antiphon.door.composing import ComposeFields
from antiphon.door.network import AsyncNetwork, Stream, Wanted
from antiphon.door.place import Place
from antiphon.door.progress import Watch
from antiphon.door.sound import Outcome, Sound
from antiphon.door.speaking import SayFields
from antiphon.errors import StateError

T = TypeVar("T")

CLEAN_UP_S = 60.0
"""How long the end of a network may take: its nodes finish what they are at."""
LEAVE_S = 1.0


class Network(Place):
    """A client of a network: `with antiphon.Network() as network: network.say("Hello.").save("hello.wav")`.

    The arguments, the verbs and their errors are those of `AsyncNetwork`. May be used by several threads at a time.
    """

    _loop: _Loop | None = None
    _network: AsyncNetwork

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """What `with` does at its beginning; `close` it again. A program that ends without ends as if it were killed:
        money that is held comes back once its deadlines have passed."""
        if self._loop is not None:
            raise StateError("The network is open already", "Open another Network.")
        self._network = AsyncNetwork.of(self._settings)
        loop = _Loop()
        try:
            loop.call(self._network.open)
        except BaseException:
            loop.close()
            raise
        self._loop = loop
        return self

    def close(self) -> None:
        """Leave the network: what is still running ends, and its money comes back."""
        loop, self._loop = self._loop, None
        if loop is not None:
            try:
                loop.call(self._network.close)
            finally:
                loop.close()

    def say(self, text: str, **fields: Unpack[SayFields]) -> Sound:
        """Speech; `fields` are the fields of `Say`. Raises `AntiphonError`: nothing is paid for what is not heard."""
        return self._running.call(lambda: self._network.say(text, **fields))

    def clone(self, text: str = "", **fields: Unpack[CloneFields]) -> Sound:
        """A text, or the words of a recording, in a cloned voice; `fields` are the fields of `Clone`."""
        return self._running.call(lambda: self._network.clone(text, **fields))

    def compose(self, prompt: str, **fields: Unpack[ComposeFields]) -> Sound:
        """Music; `fields` are the fields of `Compose`."""
        return self._running.call(lambda: self._network.compose(prompt, **fields))

    def make(self, wanted: Wanted) -> Sound:
        """The whole of what `stream` would bring."""
        return self._running.call(lambda: self._network.make(wanted))

    def stream(self, wanted: Wanted, *, watch: Watch | None = None) -> BlockingStream:
        """Sound as it comes: iterate over it. Nothing is ordered before the first piece is asked for. `watch` is told
        in another thread how its parts stand; it must not wait."""
        return BlockingStream(self._running, self._network.stream(wanted, watch=watch))

    def add_voice(self, name: str, reference: str | Path, **fields: Unpack[VoiceFields]) -> Outcome:
        """Have a voice learnt from a recording, judged, and kept under `name`: then say it with `voice=name`."""
        return self._running.call(lambda: self._network.add_voice(name, reference, **fields))

    def price_nano(self, wanted: Wanted) -> int:
        """As `AsyncNetwork.price_nano`."""
        return self._running.call(lambda: self._network.price_nano(wanted))

    def kind(self, wanted: Wanted) -> str:
        """As `AsyncNetwork.kind`."""
        return self._network.kind(wanted)

    def cost_nano(self, tasks: Iterable[str]) -> tuple[int, bool]:
        """As `AsyncNetwork.cost_nano`."""
        return self._running.call(lambda: self._network.cost_nano(tasks))

    def receipt(self, task: str) -> Path | None:
        """As `AsyncNetwork.receipt`."""
        return self._running.call(lambda: self._network.receipt(task))

    def balance_nano(self) -> int:
        """What this client could spend now."""
        return self._running.call(self._network.balance_nano)

    @property
    def _running(self) -> _Loop:
        if self._loop is None:
            raise StateError("The network is not open", "Write: with antiphon.Network() as network:")
        return self._loop


class _Loop:
    """An event loop in a thread that ends with the program."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="antiphon network", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Ended in its own thread: whoever closes it may have a running loop of their own, as a notebook has."""
        with contextlib.closing(self._loop) as loop:
            loop.run_forever()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(loop.shutdown_asyncgens())

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it there. Whatever ends the waiting, as Ctrl-C does, cancels the work and lets it clean up first. Raises
        `StateError` where the network has been left, or is left meanwhile."""
        if self._loop.is_closed():
            raise StateError("The network is not open any more", "Open it again, and order anew.")
        task = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return task.result()
        except CancelledError:
            raise StateError("The network or the stream was closed meanwhile", "Order again.") from None
        except BaseException:
            if not task.done():
                ended = asyncio.run_coroutine_threadsafe(_cancelled(task), self._loop)
                with contextlib.suppress(Exception):
                    ended.result(CLEAN_UP_S)
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLEAN_UP_S)


async def _cancelled(task: Future[Any]) -> None:
    """Cancel it, and give its cleaning up a moment: the others of this loop are not touched."""
    before = asyncio.all_tasks()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.wait(before - {asyncio.current_task()}, timeout=LEAVE_S) if before else None


class BlockingStream:
    """`Stream` for programs without asyncio. Leaving a loop over it ends it, as `close` does."""

    def __init__(self, loop: _Loop, stream: Stream) -> None:
        self._loop, self._stream = loop, stream
        self.rate_hz, self.channels = stream.rate_hz, stream.channels

    def __iter__(self) -> Generator[Waveform, None, None]:
        try:
            while True:
                try:
                    piece = next(self)
                except StopIteration:
                    return
                yield piece
        finally:
            self.close()

    def __next__(self) -> Waveform:
        try:
            return self._loop.call(self._stream.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End it here: what was not made is not paid for."""
        self._loop.call(self._stream.aclose)

    @property
    def outcome(self) -> Outcome:
        """What became of it so far; of all of it, once it has ended. Raises `StateError` before it has begun."""
        return self._stream.outcome
