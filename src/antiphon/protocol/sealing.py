"""Task keys and what is sealed with them: only nodes that the client chose can read text, samples and audio.

A task key is wrapped for each node by HPKE (RFC 9180). Data is sealed by ChaCha20-Poly1305 (RFC 8439) in the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizar 2015): a sub-key per stream, a counter and a final flag in each nonce.
"""

from __future__ import annotations

import secrets
import struct
from types import TracebackType
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from antiphon.errors import ProtocolError
from antiphon.protocol.identity import HPKE_SUITE, Identity, derive
from antiphon.protocol.secret import Secret

KEY_BYTES = 32
SALT_BYTES = 32
TAG_BYTES = 16
WRAPPED_BYTES = 32 + KEY_BYTES + TAG_BYTES
"""Length of a wrapped task key: X25519 encapsulation, key, tag."""
MAX_CHUNK_BYTES = 8 * 1024 * 1024
"""Longest plaintext of one chunk."""
MAX_CHUNKS = 2**32

_WRAP_LABEL = b"antiphon/1 task key\0"
_STREAM_LABEL = b"antiphon/1 stream\0"
_MORE, _FINAL = b"\0", b"\1"


class TaskKey:
    """32 random bytes that live as long as their task. Usable as a context manager that destroys them."""

    __slots__ = ("_secret",)

    def __init__(self, key: bytes | Secret) -> None:
        self._secret = key if isinstance(key, Secret) else Secret(key)
        if len(self._secret.reveal()) != KEY_BYTES:
            raise ProtocolError(f"A task key has {KEY_BYTES} bytes", "Use TaskKey.generate().")

    @classmethod
    def generate(cls) -> TaskKey:
        """A new key from the system's randomness."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def reveal(self) -> bytes:
        """The 32 bytes, for hashes that commit to sealed data. Raises ProtocolError once destroyed."""
        return self._secret.reveal()

    def destroy(self) -> None:
        """Overwrite the key. Every later use raises ProtocolError."""
        self._secret.destroy()

    @property
    def destroyed(self) -> bool:
        return self._secret.destroyed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskKey) and self._secret == other._secret

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TaskKey({'destroyed' if self.destroyed else 'hidden'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("TaskKey cannot be pickled or copied")


def wrap(key: TaskKey, recipient_seal_public: bytes, info: bytes) -> bytes:
    """Seal a task key for one node: 80 bytes. `info` binds it to its use (task, receiver, role).

    Raises ProtocolError if the public key is unusable.
    """
    try:
        public = X25519PublicKey.from_public_bytes(recipient_seal_public)
        return HPKE_SUITE.encrypt(key.reveal(), public, _WRAP_LABEL + info)
    except ValueError as e:
        raise ProtocolError("The node's sealing key is not a usable X25519 key", "Choose another node.") from e


def unwrap(identity: Identity, wrapped: bytes, info: bytes) -> TaskKey:
    """Open a wrapped task key. Raises ProtocolError if it is for another node or another `info`."""
    if len(wrapped) != WRAPPED_BYTES:
        raise ProtocolError(f"A wrapped key has {WRAPPED_BYTES} bytes, not {len(wrapped)}", "Ask the client again.")
    return TaskKey(identity.unwrap(wrapped, _WRAP_LABEL + info))


def seal(key: TaskKey, plaintext: bytes, context: bytes) -> bytes:
    """Seal at once: a stream of one final chunk, 49 bytes longer than `plaintext`."""
    return StreamSealer(key, context).chunk(plaintext, final=True)


def unseal(key: TaskKey, sealed: bytes, context: bytes) -> bytes:
    """Open what `seal` made with the same key and context. Raises ProtocolError otherwise."""
    plaintext, final = StreamOpener(key, context).open(sealed)
    if not final:
        raise ProtocolError("The sealed data is truncated: its final chunk is missing", "Fetch it again.")
    return plaintext


class _Stream:
    """What both directions share: the stream's cipher and the nonce of the next chunk."""

    def __init__(self, key: TaskKey, context: bytes) -> None:
        self._key = key
        self._context = context
        self._cipher: ChaCha20Poly1305 | None = None
        self._count = 0
        self.finished = False

    def _start(self, salt: bytes) -> ChaCha20Poly1305:
        subkey = derive(self._key.reveal(), salt=salt, info=_STREAM_LABEL + self._context)
        self._cipher = ChaCha20Poly1305(subkey)
        return self._cipher

    def _nonce(self, flag: bytes) -> bytes:
        if self.finished:
            raise ProtocolError("The stream is finished: nothing may follow its final chunk", "Start a new stream.")
        if self._key.destroyed:
            raise ProtocolError("The task's key was destroyed", "Its task is over; open a new task.")
        if self._count >= MAX_CHUNKS:
            raise ProtocolError("The stream has too many chunks", "Start a new stream.")
        nonce = bytes(7) + struct.pack(">I", self._count) + flag
        self._count += 1
        return nonce


class StreamSealer(_Stream):
    """Seals a stream chunk by chunk. Layout: the first chunk is salt[32] || flag[1] || ciphertext || tag[16]; later
    ones have no salt. The flag is 1 on the final chunk."""

    def chunk(self, data: bytes, final: bool = False, before: bytes = b"") -> bytes:
        """Seal the next chunk; the last one must be `final`. Raises ProtocolError after it, or with a dead key.
        `before` is put before what is sealed, in the open."""
        if len(data) > MAX_CHUNK_BYTES:
            raise ProtocolError(
                f"The chunk is too large: {len(data)} bytes, the limit is {MAX_CHUNK_BYTES}", "Split it."
            )
        flag = _FINAL if final else _MORE
        nonce = self._nonce(flag)
        salt, cipher = b"", self._cipher
        if cipher is None:
            salt = secrets.token_bytes(SALT_BYTES)
            cipher = self._start(salt)
        self.finished = final
        return b"".join((before, salt, flag, cipher.encrypt(nonce, data, None)))


class StreamOpener(_Stream):
    """Opens what a StreamSealer made, in its order. At the end `finished` must be true, or the stream was cut off."""

    _broken = False

    def open(self, sealed: bytes | memoryview) -> tuple[bytes, bool]:
        """(plaintext, whether it was the final chunk).

        Raises ProtocolError if the chunk was changed, reordered, repeated, or is of another stream, key or context;
        the stream is then dead.
        """
        if self._broken:
            raise ProtocolError("The stream is broken: an earlier chunk did not open", "Fetch it again from the start.")
        start = SALT_BYTES if self._cipher is None else 0
        if not start + 1 + TAG_BYTES <= len(sealed) <= start + 1 + MAX_CHUNK_BYTES + TAG_BYTES:
            self._broken = True
            raise ProtocolError(f"A sealed chunk cannot have {len(sealed)} bytes", "Fetch it again.")
        view = memoryview(sealed)
        flag = bytes(view[start : start + 1])
        nonce = self._nonce(flag)
        cipher = self._cipher or self._start(bytes(view[:SALT_BYTES]))
        try:
            plaintext = cipher.decrypt(nonce, view[start + 1 :], None)
        except InvalidTag as e:
            self._broken = True
            raise ProtocolError(
                "A sealed chunk does not open: it was changed or reordered, or belongs to another task or key",
                "Fetch it again from the start.",
            ) from e
        self.finished = flag == _FINAL
        return plaintext, self.finished
