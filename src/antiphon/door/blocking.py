"""The same network for programs without asyncio: its event loop runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from antiphon.audio import Waveform
from antiphon.door.cloning import CloneFields, VoiceFields
from antiphon.door.composing import ComposeFields
from antiphon.door.network import AsyncNetwork, Stream, Wanted
from antiphon.door.place import Place
from antiphon.door.sound import Outcome, Sound
from antiphon.door.speaking import SayFields
from antiphon.errors import StateError


class Network(Place):
    """A client of a network: `with antiphon.Network() as network: network.say("Hello.").save("hello.wav")`.

    The arguments, the verbs and their errors are those of `AsyncNetwork`. May be used by several threads at a time.
    """

    _stack = ExitStack()
    _portal: BlockingPortal | None = None
    _network: AsyncNetwork

    def __enter__(self) -> Self:
        if self._portal is not None:
            raise StateError("The network is open already", "Open another Network.")
        self._network = AsyncNetwork.of(self._settings)
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            opened: AbstractContextManager[AsyncNetwork] = portal.wrap_async_context_manager(self._network)
            stack.enter_context(opened)
            self._stack = stack.pop_all()
        self._portal = portal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal = None
        self._stack.__exit__(kind, error, trace)

    def say(self, text: str, **fields: Unpack[SayFields]) -> Sound:
        """Speech; `fields` are the fields of `Say`. Raises `AntiphonError`: nothing is paid for what is not heard."""
        return self._open.call(lambda: self._network.say(text, **fields))

    def clone(self, text: str = "", **fields: Unpack[CloneFields]) -> Sound:
        """A text, or the words of a recording, in a cloned voice; `fields` are the fields of `Clone`."""
        return self._open.call(lambda: self._network.clone(text, **fields))

    def compose(self, prompt: str, **fields: Unpack[ComposeFields]) -> Sound:
        """Music; `fields` are the fields of `Compose`."""
        return self._open.call(lambda: self._network.compose(prompt, **fields))

    def make(self, wanted: Wanted) -> Sound:
        """The whole of what `stream` would bring."""
        return self._open.call(self._network.make, wanted)

    def stream(self, wanted: Wanted) -> BlockingStream:
        """Sound as it comes: iterate over it. Nothing is ordered before the first piece is asked for."""
        portal = self._open
        return BlockingStream(portal, self._network.stream(wanted))

    def add_voice(self, name: str, reference: str | Path, **fields: Unpack[VoiceFields]) -> Outcome:
        """Have a voice learnt from a recording, judged, and kept under `name`: then say it with `voice=name`."""
        return self._open.call(lambda: self._network.add_voice(name, reference, **fields))

    def balance_nano(self) -> int:
        """What this client could spend now."""
        return self._open.call(self._network.balance_nano)

    @property
    def _open(self) -> BlockingPortal:
        if self._portal is None:
            raise StateError("The network is not open", "Write: with antiphon.Network() as network:")
        return self._portal


class BlockingStream:
    """`Stream` for programs without asyncio."""

    def __init__(self, portal: BlockingPortal, stream: Stream) -> None:
        self._portal, self._stream = portal, stream
        self.rate_hz, self.channels = stream.rate_hz, stream.channels

    def __iter__(self) -> Iterator[Waveform]:
        return self

    def __next__(self) -> Waveform:
        try:
            return self._portal.call(self._stream.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End it here: the rest is not paid for."""
        self._portal.call(self._stream.aclose)

    @property
    def outcome(self) -> Outcome:
        """What became of it so far; of all of it, once it has ended. Raises `StateError` before it has begun."""
        return self._stream.outcome
