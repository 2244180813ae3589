"""espeak-ng in a process of its own: `python -m antiphon.engines.espeak_worker`.

Kept apart for three reasons: the C library holds global state that two threads would spoil, a crash in it must not
take a node down, and the library (GPL-3) stays a separate program that is spoken to through pipes.

Protocol, all integers little-endian. Request on stdin: `u32 length`, JSON. Answer on stdout: frames of `kind (1 byte)`,
`u32 length`, payload; kinds: `r` ready (JSON `{rate_hz}`, once, at the start), `a` audio (mono PCM 16; where the
request has `ipa`, its phonemes in UTF-8, a clause a line), `w` words (JSON `[[place in the text from 1, ms], ...]`,
before the end, where the request has `words`), `e` end, `x` error (text). One request at a time. The process leaves at
the end of stdin, so it never outlives its parent.

The library's synthesiser carries noise and vibrato phases from one utterance into the next. So every request runs in
a fork of the untouched process: same request and seed, same samples. Where there is no fork the process serves one
request and leaves; its parent starts another.

Only the standard library is imported here: the process starts in about 30 ms and takes 12 MB.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

MAX_REQUEST_BYTES = 65_536
"""2,000 characters of four bytes, escaped, and the parameters."""

MAX_CPU_S = 60
"""CPU time of one request; 2,000 characters take 0.3 s. A fork that loops for ever ends here."""

BUFFER_MS = 100
"""Audio of one frame: how early the first one leaves."""

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns when the callback has got everything
_UTF8 = 1  # espeakCHARS_UTF8, and no espeakSSML or espeakPHONEMES: text is only ever text
_IPA = 2  # espeakPHONEMES_IPA
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4

# At full volume some languages drive the library's own limiter; 80 leaves it little to do.
_VOLUME_PERCENT = 80

_WORD = 1  # espeakEVENT_WORD


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """The library, initialised. `frames` gets kind and payload."""

    def __init__(self, library: str, data: str, out: BinaryIO) -> None:
        self._out = out
        self._words: list[tuple[int, int]] = []
        self._lib = ctypes.CDLL(library)
        self._callback = _CALLBACK(self._audio)  # kept: the library holds only the pointer
        self.rate_hz = self._lib.espeak_Initialize(_SYNCHRONOUS, BUFFER_MS, data.encode(), 0)
        if self.rate_hz <= 0:
            raise RuntimeError(f"espeak_Initialize failed ({self.rate_hz}) with {data}")
        self._lib.espeak_SetSynthCallback(self._callback)

    def frame(self, kind: bytes, payload: bytes = b"") -> None:
        self._out.write(kind + struct.pack("<I", len(payload)) + payload)
        self._out.flush()

    def serve(self, request: dict[str, Any]) -> None:
        """Frames for one request; raises `RuntimeError` when the library refuses."""
        if self._lib.espeak_SetVoiceByName(request["voice"].encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {request['voice']}")
        if request.get("ipa"):
            self.frame(b"a", "\n".join(self._phonemes(request["text"])).encode())
            self.frame(b"e")
            return
        self._lib.espeak_ng_SetRandSeed(ctypes.c_long(request["seed"] % 2**31))
        for parameter, value in (
            (_RATE, request["rate_wpm"]),
            (_VOLUME, _VOLUME_PERCENT),
            (_PITCH, request["pitch"]),
            (_RANGE, request["intonation"]),
        ):
            self._lib.espeak_SetParameter(parameter, int(value), 0)
        text = request["text"].encode().replace(b"\0", b" ") + b"\0"
        status = self._lib.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise RuntimeError(f"espeak_Synth failed ({status})")
        if request.get("words"):
            self.frame(b"w", json.dumps(self._words).encode())
        self._words.clear()
        self.frame(b"e")

    def _phonemes(self, text: str) -> Iterator[str]:
        """Of each clause, in IPA. The library moves the pointer on, to null at the end."""
        kept = ctypes.create_string_buffer(text.replace("\0", " ").encode())
        place = ctypes.c_void_p(ctypes.addressof(kept))
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        while place.value:
            found = self._lib.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA)
            yield (found or b"").decode("utf-8", "replace")

    def _audio(self, samples: Any, count: int, events: Any) -> int:
        self._note(events)
        if samples and count > 0:
            try:
                self.frame(b"a", ctypes.string_at(samples, count * 2))
            except OSError:  # nobody listens any more
                return 1
        return 0

    def _note(self, events: Any) -> None:
        event = ctypes.cast(events, ctypes.POINTER(_Event))
        place = 0
        while event[place].type != 0:  # the last one
            if event[place].type == _WORD:
                self._words.append((event[place].text_position, event[place].audio_position))
            place += 1


def _answer(synthesiser: Synthesiser, request: dict[str, Any]) -> None:
    try:
        synthesiser.serve(request)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        synthesiser.frame(b"x", str(error).encode())


def _answer_in_fork(synthesiser: Synthesiser, request: dict[str, Any]) -> None:
    import resource

    child = os.fork()
    if child == 0:
        failed = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
            _answer(synthesiser, request)
            failed = 0
        finally:
            os._exit(failed)  # never past this line: the rest of the process is the parent's
    _, status = os.waitpid(child, 0)
    if status != 0:
        # It may have died inside a frame: what follows could not be told from audio.
        raise BrokenPipeError(f"espeak-ng crashed (status {status})")


def main() -> int:
    """Serve stdin until it ends."""
    import espeakng_loader

    # Whatever the library prints goes to stderr: stdout belongs to the protocol.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    synthesiser = Synthesiser(espeakng_loader.get_library_path(), espeakng_loader.get_data_path(), out)
    once = "--once" in sys.argv or not hasattr(os, "fork")
    try:
        synthesiser.frame(b"r", json.dumps({"rate_hz": synthesiser.rate_hz, "once": once}).encode())
        while len(head := sys.stdin.buffer.read(4)) == 4:
            (length,) = struct.unpack("<I", head)
            if length > MAX_REQUEST_BYTES:
                return 1
            request = json.loads(sys.stdin.buffer.read(length))
            if once:
                _answer(synthesiser, request)
                return 0
            _answer_in_fork(synthesiser, request)
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
