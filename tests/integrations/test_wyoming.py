"""Home Assistant's protocol, spoken by its own package's client to a whole network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

import antiphon
from antiphon.integrations import hearing, wyoming
from antiphon.integrations.wyoming import serving

pytestmark = pytest.mark.slow

SENTENCE = "The kitchen light has been switched on."


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncTcpClient]:
    async with (
        antiphon.AsyncNetwork(tmp_path / "home") as network,
        serving(network, "127.0.0.1", 0) as address,
        AsyncTcpClient(*_parts(address)) as made,
    ):
        yield made


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


async def said(client: AsyncTcpClient) -> list[Event]:
    """Events until the end of the sound, or an error."""
    events: list[Event] = []
    async with asyncio.timeout(300):
        while not events or not (AudioStop.is_type(events[-1].type) or Error.is_type(events[-1].type)):
            event = await client.read_event()
            assert event is not None, events
            events.append(event)
    return events


def seconds(events: list[Event]) -> float:
    chunks = [AudioChunk.from_event(event) for event in events if AudioChunk.is_type(event.type)]
    assert {(chunk.rate, chunk.width, chunk.channels) for chunk in chunks} == {(24_000, 2, 1)}
    return sum(len(chunk.audio) for chunk in chunks) / 48_000


async def test_it_says_what_it_offers_and_speaks_it(client: AsyncTcpClient) -> None:
    await client.write_event(Describe().event())
    event = await client.read_event()
    assert event is not None
    info = Info.from_event(event)
    assert info.tts[0].supports_synthesize_streaming
    voices = {voice.name: voice.languages for voice in info.tts[0].voices}
    assert voices["hibari"] == ["en-us"]

    await client.write_event(Synthesize(SENTENCE, SynthesizeVoice(name="hibari")).event())
    events = await said(client)
    assert AudioStart.is_type(events[0].type)
    assert 1.5 < seconds(events) < 4.5


async def test_text_that_streams_in_is_heard_before_it_has_ended(client: AsyncTcpClient) -> None:
    await client.write_event(SynthesizeStart().event())
    begun = (
        "The kitchen li",
        "ght has been switched",
        " on, as you asked. And the tem",
        "perature of the living room now",
    )
    for piece in (*begun, " that it is evening"):
        await client.write_event(SynthesizeChunk(piece).event())
    first = []
    async with asyncio.timeout(300):
        while not first or not AudioChunk.is_type(first[-1].type):
            event = await client.read_event()
            assert event is not None
            first.append(event)
    for piece in (" is ", "twenty-one degrees."):
        await client.write_event(SynthesizeChunk(piece).event())
    await client.write_event(Synthesize(SENTENCE).event())  # as Home Assistant does, for older servers
    await client.write_event(SynthesizeStop().event())
    rest = await said(client)
    assert seconds(first + rest) > 3.5
    ended = await client.read_event()
    assert ended is not None
    assert SynthesizeStopped.is_type(ended.type)


@pytest.mark.parametrize("asked", [
    Synthesize("Hello.", SynthesizeVoice(name="nobody")),
    Synthesize("Hello.", SynthesizeVoice(language="xx")),
    Synthesize(" \n"),
    Synthesize("<speak>Hello.</speak>", text_format="ssml"),
    Synthesize("a" * (wyoming.MAX_CHARS + 1)),
])  # fmt: skip
async def test_what_cannot_be_said_is_told_and_the_next_is_spoken(client: AsyncTcpClient, asked: Synthesize) -> None:
    await client.write_event(asked.event())
    events = await said(client)
    assert [Error.is_type(event.type) for event in events] == [True]
    assert Error.from_event(events[0]).text
    await client.write_event(Synthesize("Hello there.").event())
    assert seconds(await said(client)) > 0.3


async def test_a_stream_of_nothing_is_told(client: AsyncTcpClient) -> None:
    for event in (SynthesizeStart(), SynthesizeChunk(" - "), SynthesizeStop()):
        await client.write_event(event.event())
    assert "nothing that can be spoken" in Error.from_event((await said(client))[0]).text


@pytest.mark.parametrize("line", [
    b"no json\n",
    b"[]\n",
    b'{"data": {}}\n',
    b'{"type": "synthesize"}\n',
    b'{"type": "synthesize", "data_length": 99999999}\n',
    b'{"type": "synthesize", "payload_length": 99999999}\n',
    b"x" * 70_000,
])  # fmt: skip
async def test_bytes_that_are_no_event_end_their_connection_and_no_other(tmp_path: Path, line: bytes) -> None:
    async with antiphon.AsyncNetwork(tmp_path / "home") as network, serving(network, "127.0.0.1", 0) as address:
        reader, writer = await asyncio.open_connection(*_parts(address))
        writer.write(line)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
        async with AsyncTcpClient(*_parts(address)) as client:
            await client.write_event(Describe().event())
            assert await client.read_event() is not None


async def test_texts_that_wait_are_few(client: AsyncTcpClient) -> None:
    for _ in range(wyoming.MAX_WAITING + 3):
        await client.write_event(Synthesize(SENTENCE).event())
    events = await said(client)
    while not Error.is_type(events[-1].type):
        events = await said(client)
    assert Error.from_event(events[-1]).code == "busy"


async def test_who_hangs_up_ends_the_work(tmp_path: Path) -> None:
    async with antiphon.AsyncNetwork(tmp_path / "home") as network, serving(network, "127.0.0.1", 0) as address:
        async with AsyncTcpClient(*_parts(address)) as client:
            await client.write_event(Synthesize(" ".join([SENTENCE] * 30)).event())
            event = await client.read_event()
            assert event is not None
            assert AudioStart.is_type(event.type)
            assert network._streams
        async with asyncio.timeout(300):
            while network._streams:  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.02)


async def test_what_it_said_it_writes_down(client: AsyncTcpClient) -> None:
    await client.write_event(Synthesize(SENTENCE, SynthesizeVoice(name="af_heart")).event())
    chunks = [AudioChunk.from_event(event) for event in await said(client) if AudioChunk.is_type(event.type)]
    await client.write_event(Transcribe(language="en").event())
    await client.write_event(AudioStart(24_000, 2, 1).event())
    for chunk in chunks:
        await client.write_event(chunk.event())
    await client.write_event(AudioStop().event())
    async with asyncio.timeout(300):
        event = await client.read_event()
    assert event is not None
    words = set(SENTENCE.lower().rstrip(".").split())
    assert len(words & set(Transcript.from_event(event).text.lower().rstrip(".").split())) >= len(words) - 1


async def test_a_recording_that_is_none_or_too_long_is_told(
    client: AsyncTcpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told() -> str:
        async with asyncio.timeout(300):
            event = await client.read_event()
        assert event is not None
        return Error.from_event(event).text

    await client.write_event(AudioStart(1, 9, 1).event())
    assert "cannot be heard" in await told()
    await client.write_event(AudioStop().event())  # of nothing: no answer
    monkeypatch.setattr(hearing, "MAX_BYTES", 1_000)
    await client.write_event(AudioStart(16_000, 2, 1).event())
    await client.write_event(AudioChunk(16_000, 2, 1, bytes(2_000)).event())
    assert "larger than" in await told()
    await client.write_event(Describe().event())
    event = await client.read_event()
    assert event is not None
    assert Info.from_event(event).asr[0].models[0].languages[0] == "en"


async def test_recordings_that_come_at_once_are_all_written_down(client: AsyncTcpClient) -> None:
    """All of it is there before the first is heard: none takes another's place."""
    await client.write_event(Synthesize(SENTENCE, SynthesizeVoice(name="af_heart")).event())
    chunks = [AudioChunk.from_event(event) for event in await said(client) if AudioChunk.is_type(event.type)]
    for loudness in (1, 0):  # what was said, and silence
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(24_000, 2, 1).event())
        for chunk in chunks:
            sound = chunk.audio if loudness else bytes(len(chunk.audio))
            await client.write_event(AudioChunk(24_000, 2, 1, sound).event())
        await client.write_event(AudioStop().event())
    heard = []
    async with asyncio.timeout(300):
        while len(heard) < 2:
            event = await client.read_event()
            assert event is not None
            heard.append(Transcript.from_event(event).text)
    assert "kitchen" in heard[0].lower()
    assert heard[1] == ""
