"""What nodes say to each other. Bodies of signed envelopes and frames of response streams.

kind     from -> to                body             answer
order    client -> (kept)          Order            none: a signed statement that travels inside Work and Judge
work     client -> producer        Work             frames: ACCEPTED, CHUNK*, DONE
heard    client -> producer        Heard            frames: ACCEPTED: it may send on (`ledger.vouchers`)
judge    producer -> validator     Judge            frames: ACCEPTED
fetch    client -> validator       Fetch            frames: CHUNK*, DONE (when a producer withholds judged audio)
heads    anybody -> node           Heads            the newest head of the relay's book that it was given, or nothing

The order is what makes cheating visible: the client signs one order per part, it commits to the part's key, and both
producer and validators work from that same order. So a client cannot give validators another text than the producer,
and a producer cannot show validators an easier one.
"""

from __future__ import annotations

import hashlib

import msgspec

from antiphon.audio import Waveform
from antiphon.errors import InputError, ProtocolError
from antiphon.ledger.limits import check_form
from antiphon.protocol.identity import derive
from antiphon.services import Request

ORDER = "order"
WORK = "work"
JUDGE = "judge"
FETCH = "fetch"
HEADS = "heads"
DONE = "done"

FRAME_ACCEPTED = b"A"
FRAME_CHUNK = b"C"
FRAME_DONE = b"D"

MAX_RESULT_BYTES = 6 * 1024 * 1024
"""Most audio of one part: what fits into one Judge message beside the order, 2 minutes at 24 kHz."""

MAX_OPENING_BYTES = 1024 * 1024
"""Most that is shown of how a part was made: it travels beside the result."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Heads(_Body, frozen=True):
    """Asks which head of the relay's book a node was given last (`parties.gossip`)."""


class PartBrief(_Body, frozen=True):
    """The secret content of an order: the request itself and the seed it is to be made with."""

    request: Request
    seed: int


class Order(_Body, frozen=True):
    """Signed by the client to itself (its receiver is the client): a statement that others carry, for one part only."""

    task: str
    index: int
    key_commitment: bytes  # SHA-256 over a label and the part's key: nobody can show another key for this order
    sealed_brief: bytes  # canonical(PartBrief), sealed with the part's key


class Work(_Body, frozen=True):
    """The order, and its key wrapped for the producer."""

    index: int
    attempt: int
    order: bytes  # envelope
    wrapped_key: bytes


class Judge(_Body, frozen=True):
    """The same order, its key wrapped for the validator by the producer, the sealed result, and its signed hash."""

    index: int
    attempt: int
    round: int
    order: bytes  # envelope
    wrapped_key: bytes
    shown: bytes  # envelope of a `ledger.showings.Shown`: what the producer can be held to
    sealed_result: bytes
    opening: bytes = b""  # canonical(TraceOpening), sealed with the part's key; where the draw audits the delivery


class TraceOpening(_Body, frozen=True):
    """What an engine committed to, and what it shows of it. What either means only engines know."""

    root: bytes  # 32 bytes: unsalted
    shown: bytes


class Fetch(_Body, frozen=True):
    """The client asks a validator for the audio it judged."""

    index: int
    attempt: int


class Done(_Body, frozen=True):
    """The producer's signed statement of what it streamed."""

    index: int
    attempt: int
    result_hash: bytes
    size: int  # bytes


class Form(_Body, frozen=True):
    """What the bytes of a result are: interleaved 16-bit PCM, or (both 0) something that is no audio."""

    rate_hz: int
    channels: int

    @property
    def is_audio(self) -> bool:
        return self.rate_hz > 0

    @property
    def bytes_per_s(self) -> int:
        return 2 * self.channels * self.rate_hz

    def waveform(self, pcm: bytes) -> Waveform:
        """Raises `ProtocolError` for bytes that are no whole samples of this form."""
        if not self.is_audio or len(pcm) % (2 * self.channels):
            raise ProtocolError("The result is no audio of the announced form", "Ask another node.")
        return Waveform.from_pcm16(pcm, self.rate_hz, self.channels)


DATA = Form(rate_hz=0, channels=0)
"""The form of a result that is no audio, such as a voice profile."""


def form_frame(form: Form) -> bytes:
    """A producer's first frame: it has taken the work, and will answer in this form."""
    return FRAME_ACCEPTED + form.rate_hz.to_bytes(4, "big") + form.channels.to_bytes(1, "big")


def form_of(payload: bytes) -> Form:
    """The form in a producer's first frame. Raises `ProtocolError` for one that no result has."""
    form = Form(rate_hz=int.from_bytes(payload[:4], "big"), channels=int.from_bytes(payload[4:], "big"))
    try:
        if len(payload) != 5:
            raise InputError(f"A form has 5 bytes, not {len(payload)}")
        check_form(form.rate_hz, form.channels)
    except InputError as e:
        raise ProtocolError(f"The producer announces no usable form: {e.what}", "Ask another node.") from e
    return form


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


def result_salt(key: bytes) -> bytes:
    """What salts the hash of a part's result: derived from the part's key, and opens nothing of what that sealed."""
    return derive(key, info=b"antiphon/2 result salt")


def trace_context(task: str, index: int, attempt: int, receiver: str) -> bytes:
    """Binds a sealed opening to its part, attempt and receiver."""
    return f"antiphon/1 trace {task} {index} {attempt} {receiver}".encode()


def trace_commitment(key: bytes, root: bytes) -> bytes:
    """`Deliver.trace_root`: the key salts it, so that it tells nothing to whoever guesses the request."""
    return hashlib.sha256(b"antiphon/1 trace root\0" + key + root).digest()


class ResultHash:
    """SHA-256 over (salt, form, result): binds client, producer and validators to the very same samples.

    The salt follows from the part's key, so the public hash tells nothing about the result to anybody else.
    """

    def __init__(self, key: bytes, form: Form, *, salt: bytes = b"") -> None:
        """`salt` alone is enough for whoever is not to have the key."""
        self._hash = hashlib.sha256(b"antiphon/2 result\0" + (salt or result_salt(key)) + form_frame(form)[1:])
        self.size = 0

    def update(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._hash.digest()
