"""Text that is still being written, as speech: what is certain is ordered while the rest arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from antiphon.audio import Waveform
from antiphon.client.speech import FIRST_CHARS
from antiphon.door.speaking import Say
from antiphon.errors import InputError
from antiphon.text import DEFAULT_LIMIT, Sentence, SentenceCutter

if TYPE_CHECKING:
    from antiphon.door.network import AsyncNetwork

AHEAD = 2
"""Orders made beyond the one that is heard. Further text waits where it comes from."""


async def dictate(network: AsyncNetwork, say: Say, text: AsyncIterable[str]) -> AsyncGenerator[Waveform, None]:
    """Mono pieces of 24 kHz. `say` is the order of each group of sentences that became certain together, without its
    text. Raises `InputError` for a text with nothing to say, and like `Say`. Who closes it pays for no more."""
    ready: asyncio.Queue[_Begun | None] = asyncio.Queue(AHEAD)
    begun: list[_Begun] = []
    writing = asyncio.create_task(_write(network, say, text, ready, begun), name="dictation")
    try:
        while (order := await ready.get()) is not None:
            async for piece in order.pieces():
                yield piece
            begun.remove(order)
        await writing  # raises what ended it
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await asyncio.gather(*(order.leave() for order in begun), return_exceptions=True)


async def _write(
    network: AsyncNetwork,
    say: Say,
    text: AsyncIterable[str],
    ready: asyncio.Queue[_Begun | None],
    begun: list[_Begun],
) -> None:
    """Put an order for each group of sentences, and None at the end, however it comes."""
    spoke = False
    try:
        async for certain in _certain(text):
            spoke = True
            order = _Begun(network, replace(say, text=certain))
            begun.append(order)
            await ready.put(order)
        if not spoke:
            raise InputError("The text has nothing that can be spoken", "Give at least one word.")
    except Exception:
        await ready.put(None)
        raise
    await ready.put(None)


class Groups:
    """Chunks of a text, broken anywhere, in; whole sentences, as soon as no later chunk can change them, out. The first
    is of at most `first` characters, if need be a clause: so that sound starts early."""

    def __init__(self, first: int = FIRST_CHARS) -> None:
        self._cutter = SentenceCutter(DEFAULT_LIMIT, first)

    def feed(self, chunk: str) -> str:
        """What became certain and has something to say; it may be nothing."""
        return _spoken(self._cutter.feed(chunk))

    def finish(self) -> str:
        """The rest."""
        return _spoken(self._cutter.finish())


def _spoken(sentences: Iterable[Sentence]) -> str:
    text = "".join(sentence.text for sentence in sentences)
    return text if any(char.isalnum() for char in text) else ""


async def _certain(text: AsyncIterable[str]) -> AsyncIterator[str]:
    """The text in groups of whole sentences, as soon as no later chunk can change them."""
    groups = Groups()
    async for chunk in text:
        if group := groups.feed(chunk):
            yield group
    if rest := groups.finish():
        yield rest


class _Begun:
    """An order under way: its first piece is made while those before it are heard."""

    def __init__(self, network: AsyncNetwork, say: Say) -> None:
        self._stream = network.stream(say)
        self._first = asyncio.create_task(self._next(), name="dictated order")

    async def pieces(self) -> AsyncIterator[Waveform]:
        piece = await self._first
        while piece is not None:
            yield piece
            piece = await self._next()

    async def leave(self) -> None:
        self._first.cancel()
        await asyncio.gather(self._first, return_exceptions=True)
        await self._stream.aclose()

    async def _next(self) -> Waveform | None:
        return await anext(self._stream, None)
