"""The Wyoming protocol, by which Home Assistant and its satellites speak and listen: describe, synthesize, transcribe.

Events are read and written by the project's own package, `wyoming` (`pip install 'antiphon[home]'`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from antiphon import AsyncNetwork, Mode, Say, __version__
from antiphon.door.dictation import dictate
from antiphon.errors import AntiphonError, InputError, ModelError, UnavailableError

try:
    from wyoming.asr import Transcribe
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.error import Error
    from wyoming.event import Event, Eventable, async_write_event
    from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
    from wyoming.server import AsyncEventHandler
    from wyoming.tts import (
        Synthesize,
        SynthesizeChunk,
        SynthesizeStart,
        SynthesizeStop,
        SynthesizeStopped,
        SynthesizeVoice,
    )

    from antiphon.integrations.hearing import Ears, Hearing, Recording
except ImportError as error:
    raise ModelError("Wyoming's package is not installed", "Run: pip install 'antiphon[home]'") from error

log = logging.getLogger(__name__)

RATE_HZ, WIDTH_BYTES, CHANNELS = 24_000, 2, 1
MAX_CHARS = 200_000
MAX_CONNECTIONS = 32
MAX_EVENT_BYTES = 1 << 20
MAX_WAITING = 8
"""Texts of one client that wait while another is spoken; one more is refused."""
_HEARD = frozenset({"transcribe", "audio-start", "audio-chunk", "audio-stop"})
SEND_S = 60.0
"""Longest that a client may read nothing while there is sound for it."""


@contextlib.asynccontextmanager
async def serving(network: AsyncNetwork, host: str, port: int) -> AsyncIterator[str]:
    """Serve; the address, as tcp://HOST:PORT. `port` 0 takes a free one. Raises `UnavailableError`."""
    connections: set[asyncio.Task[None]] = set()
    ears = Ears()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(connections) >= MAX_CONNECTIONS:
            await async_write_event(Error("All places are taken. Ask again later.", "busy").event(), writer)
            writer.close()
            return
        connections.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # when the server ends: asyncio would log it
                await _Connection(network, ears, reader, writer).run()
        finally:
            connections.discard(task)

    try:
        server = await asyncio.start_server(connected, host, port)
    except OSError as e:
        raise UnavailableError(f"Cannot listen on {host}:{port}: {e.strerror}", "Choose another --port.") from e
    try:
        bound = server.sockets[0].getsockname()[1]
        yield f"tcp://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await ears.close()


class _Bounded(asyncio.StreamReader):
    """What a client sends, of which no event is larger than `MAX_EVENT_BYTES`: the package itself has no limit."""

    def __init__(self, inner: asyncio.StreamReader) -> None:
        super().__init__()
        self._inner = inner

    async def readline(self) -> bytes:
        return await self._inner.readline()

    async def readexactly(self, n: int) -> bytes:
        if n > MAX_EVENT_BYTES:
            raise ValueError(f"an event of {n} bytes, of at most {MAX_EVENT_BYTES}")
        return await self._inner.readexactly(n)


class _Connection(AsyncEventHandler):
    """One client. What it asks for is spoken one after the other; whoever hangs up ends it."""

    def __init__(
        self,
        network: AsyncNetwork,
        ears: Ears,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        super().__init__(_Bounded(reader), writer)
        self._network, self._ears = network, ears
        self._hearing, self._left = Hearing(), threading.Event()
        self._writing: asyncio.Task[None] | None = None
        self._writes = asyncio.Lock()
        self._waiting = 0
        self._speaking: asyncio.Task[None] | None = None
        self._text: _Arriving | None = None  # a text that is streaming in

    async def run(self) -> None:
        try:
            await super().run()
        except (OSError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("a client was left: %s: %s", type(error).__name__, error)

    async def handle_event(self, event: Event) -> bool:
        """False ends the connection."""
        if Describe.is_type(event.type):
            await self._tell(_info(self._network, self._ears.languages()))
        elif event.type in _HEARD:
            await self._hear(event)
        elif SynthesizeStart.is_type(event.type):
            start = SynthesizeStart.from_event(event)
            if self._text is not None:
                self._text.end()
            self._text = _Arriving()
            await self._speak(self._dictation(start, self._text), streamed=True)
        elif SynthesizeChunk.is_type(event.type) and self._text is not None:
            self._text.add(SynthesizeChunk.from_event(event).text)
        elif SynthesizeStop.is_type(event.type) and self._text is not None:
            self._text.end()
            self._text = None
        elif Synthesize.is_type(event.type) and self._text is None:  # a stream ends with its whole text once more
            asked = Synthesize.from_event(event)
            await self._speak(self._whole(asked), streamed=False)
        return True

    async def _hear(self, event: Event) -> None:
        """A recording comes in, piece by piece; its words go out when it has ended and those before it are written."""
        try:
            if Transcribe.is_type(event.type):
                self._hearing.expect(Transcribe.from_event(event))
            elif AudioStart.is_type(event.type):
                self._hearing.begin(AudioStart.from_event(event))
            elif AudioChunk.is_type(event.type):
                self._hearing.add(AudioChunk.from_event(event))
            elif (recording := self._hearing.ended()) is not None:
                if self._writing is not None:  # what is sent meanwhile stays with the client
                    await asyncio.gather(self._writing, return_exceptions=True)
                self._writing = asyncio.create_task(self._write(recording), name="wyoming hearing")
        except AntiphonError as error:
            await self._tell(Error(str(error), type(error).__name__))

    async def _write(self, recording: Recording) -> None:
        try:
            await self._tell(await self._ears.hear(recording, self._left))
        except AntiphonError as error:
            log.warning("hearing failed: %s", error)
            await self._tell(Error(str(error), type(error).__name__))
        except TimeoutError:
            log.warning("a client read nothing for %g s", SEND_S)
            self.writer.transport.abort()

    async def disconnect(self) -> None:
        self._left.set()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        speaking, self._speaking = self._speaking, None
        if speaking is not None:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self, pieces: AsyncGenerator[bytes, None], *, streamed: bool) -> None:
        if self._waiting > MAX_WAITING:
            await self._tell(Error("Too many texts wait already. Send it after the next has been spoken.", "busy"))
            return
        self._waiting += 1
        before = self._speaking
        self._speaking = asyncio.create_task(self._spoken(before, pieces, streamed=streamed), name="wyoming speech")

    async def _spoken(
        self, before: asyncio.Task[None] | None, pieces: AsyncGenerator[bytes, None], *, streamed: bool
    ) -> None:
        """Whatever fails is told; it never ends the connection."""
        try:
            if before is not None:
                await asyncio.gather(before, return_exceptions=True)
            began = False
            async with aclosing(pieces):
                async for piece in pieces:
                    if not began:
                        await self._tell(AudioStart(RATE_HZ, WIDTH_BYTES, CHANNELS))
                        began = True
                    await self._tell(AudioChunk(RATE_HZ, WIDTH_BYTES, CHANNELS, piece))
            await self._tell(AudioStop())
        except AntiphonError as error:
            log.warning("speech failed: %s", error)
            await self._tell(Error(str(error), type(error).__name__))
        except TimeoutError:
            log.warning("a client read nothing for %g s", SEND_S)
            self.writer.transport.abort()
            return
        finally:
            self._waiting -= 1
        if streamed:
            await self._tell(SynthesizeStopped())

    async def _whole(self, asked: Synthesize) -> AsyncGenerator[bytes, None]:
        _check_form(asked.text_format)
        _check_length(len(asked.text))
        name, language = _voice(asked.voice)
        async with self._network.stream(
            Say(text=asked.text, voice=name, language=language, mode=Mode.STREAM)
        ) as stream:
            async for piece in stream:
                yield piece.to_pcm16()

    async def _dictation(self, start: SynthesizeStart, text: _Arriving) -> AsyncGenerator[bytes, None]:
        _check_form(start.text_format)
        name, language = _voice(start.voice)
        pieces = dictate(self._network, Say(text="", voice=name, language=language, mode=Mode.STREAM), text.chunks())
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece.to_pcm16()

    async def _tell(self, what: Eventable) -> None:
        async with self._writes, asyncio.timeout(SEND_S):
            await self.write_event(what.event())


class _Arriving:
    """Text on its way in. All that came waits here, up to `MAX_CHARS`, so that a client's end is noticed at once."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[str | None] = asyncio.Queue()
        self._chars = 0

    def add(self, chunk: str) -> None:
        self._chars += len(chunk)
        if self._chars <= MAX_CHARS:
            self._chunks.put_nowait(chunk)

    def end(self) -> None:
        self._chunks.put_nowait(None)

    async def chunks(self) -> AsyncIterator[str]:
        """As they come. Raises `InputError` once there are too many."""
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        _check_length(self._chars)


def _check_form(form: object) -> None:
    if form not in {None, "text"}:
        raise InputError(f"Text of the format {form!r} cannot be read here", "Send plain text.")


def _check_length(chars: int) -> None:
    if chars > MAX_CHARS:
        raise InputError(f"The text has more than {MAX_CHARS} characters", "Send it in several requests.")


def _voice(asked: SynthesizeVoice | None) -> tuple[str, str]:
    """Name and language, empty where nothing was asked for."""
    return ("", "") if asked is None else (asked.name or "", asked.language or "")


def _info(network: AsyncNetwork, languages: tuple[str, ...]) -> Info:
    voices = [
        TtsVoice(
            name=voice.name,
            attribution=Attribution(name=voice.engine, url=""),
            installed=True,
            description=voice.description or voice.name,
            version=__version__,
            languages=[voice.language],
        )
        for voice in network.voices()
    ]
    own = [
        TtsVoice(
            name=name,
            attribution=Attribution(name="you", url=""),
            installed=True,
            description="one of your own",
            version=__version__,
            languages=["en-us"],
        )
        for name in network.own_voices()
    ]
    program = TtsProgram(
        name="antiphon",
        attribution=Attribution(name="Antiphon", url=""),
        installed=True,
        description="Speech by a network of nodes that validators check",
        version=__version__,
        voices=voices + own,
        supports_synthesize_streaming=True,
    )
    whisper = AsrModel(
        name="whisper",
        attribution=Attribution(name="OpenAI", url="https://github.com/openai/whisper"),
        installed=True,
        description="The recogniser of the judges, on this machine",
        version=__version__,
        languages=list(languages),
    )
    recogniser = AsrProgram(
        name="antiphon",
        attribution=Attribution(name="Antiphon", url=""),
        installed=True,
        description="Words of what was said, heard here",
        version=__version__,
        models=[whisper],
    )
    return Info(tts=[program], asr=[recogniser])
