"""What a Wyoming client says into the microphone of its house, collected and written down."""

from __future__ import annotations

import asyncio
import io
import threading
import wave
from dataclasses import dataclass

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart

from antiphon.door.transcribing import Transcriber
from antiphon.errors import InputError

MAX_BYTES = 10 << 20
"""Five minutes of what satellites send (16 kHz, 16 bit, mono)."""


class Ears:
    """The server's: one recording is heard at a time, and the others wait without a thread of their own."""

    def __init__(self) -> None:
        self._transcriber = Transcriber()
        self._one_at_a_time = asyncio.Lock()

    def languages(self) -> tuple[str, ...]:
        """Codes of what can be heard here."""
        return self._transcriber.languages()

    async def hear(self, recording: Recording, left: threading.Event) -> Transcript:
        """Its words. Ends with the piece that is being heard once `left` is set. Raises `InputError`, `ModelError`."""
        async with self._one_at_a_time:
            heard = await asyncio.to_thread(
                self._transcriber.hear, recording.sound, recording.language, going_on=lambda: not left.is_set()
            )
        return Transcript(text=heard.text, language=heard.language)

    async def close(self) -> None:
        await asyncio.to_thread(self._transcriber.close)


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file in memory that has ended, and the language that was told for it."""

    sound: io.BytesIO
    language: str


class Hearing:
    """One client's recording on its way in."""

    def __init__(self) -> None:
        self._language = ""
        self._sound: wave.Wave_write | None = None
        self._bytes = io.BytesIO()

    def expect(self, asked: Transcribe) -> None:
        """The language of what comes next; none: as it is heard."""
        self._language = (asked.language or "").strip()

    def begin(self, start: AudioStart) -> None:
        """A recording begins; one that was not ended is dropped. Raises `InputError` for what no microphone sends."""
        if not (start.width in {1, 2, 3, 4} and 1 <= start.channels <= 8 and 4_000 <= start.rate <= 384_000):
            raise InputError(
                f"Sound of {start.rate} Hz, {start.width} bytes and {start.channels} channels cannot be heard",
                "Send 16-bit PCM, as AudioStart says it.",
            )
        self._bytes = io.BytesIO()
        self._sound = wave.open(self._bytes, "wb")  # noqa: SIM115 - it is closed when the recording ends
        self._sound.setnchannels(start.channels)
        self._sound.setsampwidth(start.width)
        self._sound.setframerate(start.rate)

    def add(self, chunk: AudioChunk) -> None:
        """More of it. Raises `InputError`, and drops it, when it is too long."""
        if self._sound is None:
            return
        if self._bytes.tell() + len(chunk.audio) > MAX_BYTES:
            self._sound = None
            raise InputError(f"The recording is larger than {MAX_BYTES >> 20} MiB", "Send a shorter one.")
        self._sound.writeframesraw(chunk.audio)

    def ended(self) -> Recording | None:
        """What has come; None where none was begun. The next recording may begin at once."""
        if self._sound is None:
            return None
        self._sound.close()
        self._sound = None
        return Recording(io.BytesIO(self._bytes.getvalue()), self._language)
