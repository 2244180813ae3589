"""What a Wyoming client says into the microphone of its house, collected and written down."""

from __future__ import annotations

import asyncio
import io
import threading
import wave

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart

from antiphon.door.transcribing import Transcriber
from antiphon.errors import InputError

MAX_BYTES = 10 << 20
"""Five minutes of what satellites send (16 kHz, 16 bit, mono)."""


class Hearing:
    """One client's recording. `transcriber` is the server's; it hears one recording at a time."""

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._language = ""
        self._sound: wave.Wave_write | None = None
        self._bytes = io.BytesIO()
        self._left = threading.Event()

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

    async def written(self) -> Transcript | None:
        """The words of the recording that has ended; None where none was begun. Raises `InputError`, `ModelError`."""
        if self._sound is None:
            return None
        self._sound.close()
        self._sound = None
        sound, language = io.BytesIO(self._bytes.getvalue()), self._language
        heard = await asyncio.to_thread(
            self._transcriber.hear, sound, language, going_on=lambda: not self._left.is_set()
        )
        return Transcript(text=heard.text, language=heard.language)

    def leave(self) -> None:
        """Nobody waits for the words: what is being heard ends with its piece."""
        self._left.set()
