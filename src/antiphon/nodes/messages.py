"""What nodes say to each other. Bodies of signed envelopes and frames of response streams.

kind     from -> to                body             answer
order    client -> (kept)          Order            none: a signed statement that travels inside Work and Judge
work     client -> producer        Work             frames: ACCEPTED, CHUNK*, DONE
judge    producer -> validator     Judge            frames: ACCEPTED
fetch    client -> validator       Fetch            frames: CHUNK*, DONE (when a producer withholds judged audio)

The order is what makes cheating visible: the client signs one order per part, it commits to the part's key, and both
producer and validators work from that same order. So a client cannot give validators another text than the producer,
and a producer cannot show validators an easier one.
"""

from __future__ import annotations

import hashlib

import msgspec

from antiphon.errors import ProtocolError
from antiphon.ledger.limits import MAX_RATE_HZ, MIN_RATE_HZ
from antiphon.services import Request

ORDER = "order"
WORK = "work"
JUDGE = "judge"
FETCH = "fetch"
DONE = "done"

FRAME_ACCEPTED = b"A"
FRAME_CHUNK = b"C"
FRAME_DONE = b"D"

MAX_PCM_BYTES = 7 * 1024 * 1024
"""Most audio of one part: what fits into one Judge message, 2.5 minutes at 24 kHz."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Brief(_Body, frozen=True):
    """The secret content of an order: the request itself and the seed it is to be made with."""

    request: Request
    seed: int


class Order(_Body, frozen=True):
    """Signed by the client to itself (its receiver is the client): a statement that others carry, for one part only."""

    task: str
    index: int
    key_commitment: bytes  # SHA-256 over a label and the part's key: nobody can show another key for this order
    sealed_brief: bytes  # canonical(Brief), sealed with the part's key


class Work(_Body, frozen=True):
    """The order, and its key wrapped for the producer."""

    index: int
    attempt: int
    order: bytes  # envelope
    wrapped_key: bytes


class Judge(_Body, frozen=True):
    """The same order, its key wrapped for the validator by the producer, and the sealed result."""

    index: int
    attempt: int
    round: int
    order: bytes  # envelope
    wrapped_key: bytes
    sealed_audio: bytes


class Fetch(_Body, frozen=True):
    """The client asks a validator for the audio it judged."""

    index: int
    attempt: int


class Done(_Body, frozen=True):
    """The producer's signed statement of what it streamed."""

    index: int
    attempt: int
    result_hash: bytes
    samples: int
    rate_hz: int


def rate_frame(rate_hz: int) -> bytes:
    """A producer's first frame: it has taken the work, and will answer at this rate."""
    return FRAME_ACCEPTED + rate_hz.to_bytes(4, "big")


def rate_of(payload: bytes) -> int:
    """The rate in a producer's first frame, in Hz. Raises `ProtocolError` for one that no audio has."""
    rate_hz = int.from_bytes(payload, "big") if len(payload) == 4 else 0
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise ProtocolError(f"The producer announces audio at {rate_hz} Hz", "Ask another node.")
    return rate_hz


def order_context(task: str, index: int) -> bytes:
    """Binds a sealed brief to its part."""
    return f"antiphon/1 order {task} {index}".encode()


def audio_context(task: str, index: int, attempt: int, receiver: str) -> bytes:
    """Binds a sealed stream to its part, attempt and receiver."""
    return f"antiphon/1 audio {task} {index} {attempt} {receiver}".encode()


def key_context(task: str, index: int, receiver: str) -> bytes:
    """Binds a wrapped key to its part and receiver."""
    return f"antiphon/1 key {task} {index} {receiver}".encode()


def key_commitment(key: bytes, task: str, index: int) -> bytes:
    """SHA-256 commitment to a part's key."""
    return hashlib.sha256(b"antiphon/1 key-commitment\0" + key + f"{task} {index}".encode()).digest()


class ResultHash:
    """SHA-256 over (part key, rate, PCM16 stream): binds client, producer and validators to the very same samples.

    The key salts it, so that the public hash tells nothing about the audio to anybody without the key.
    """

    def __init__(self, key: bytes, rate_hz: int) -> None:
        self._hash = hashlib.sha256(b"antiphon/1 result\0" + key + rate_hz.to_bytes(4, "big"))
        self.pcm_bytes = 0

    def update(self, pcm: bytes) -> None:
        self._hash.update(pcm)
        self.pcm_bytes += len(pcm)

    @property
    def samples(self) -> int:
        return self.pcm_bytes // 2

    def digest(self) -> bytes:
        return self._hash.digest()
