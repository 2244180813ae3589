"""Sealed jobs and outcomes in a store, which is never believed: `training/jobs/ID`, `training/outcomes/ID`.

An id is the SHA-256 of the sealed bytes. Layout: pieces of `PIECE_BYTES`, one stream of `protocol.sealing`.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

import numpy as np

from antiphon.errors import InputError, ProtocolError, UnavailableError
from antiphon.genki.rounds.compression import Flat
from antiphon.objects import ObjectStore
from antiphon.protocol import TaskKey
from antiphon.protocol.sealing import SALT_BYTES, TAG_BYTES, StreamOpener, StreamSealer

PIECE_BYTES = 4 << 20
Kind = Literal["jobs", "outcomes"]

_ID = re.compile(r"[0-9a-f]{64}")
_MORE_BYTES = 1 + TAG_BYTES


def put(store: ObjectStore, kind: Kind, raw: bytes, key: TaskKey) -> str:
    """Seal and keep it; its id."""
    sealer = StreamSealer(key, _context(kind))
    parts = [raw[start : start + PIECE_BYTES] for start in range(0, max(len(raw), 1), PIECE_BYTES)]
    sealed = b"".join(sealer.chunk(part, final=n == len(parts) - 1) for n, part in enumerate(parts))
    id_ = hashlib.sha256(sealed).hexdigest()
    store.write(_name(kind, id_), sealed)
    return id_


def get(store: ObjectStore, kind: Kind, id_: str, key: TaskKey) -> bytes:
    """What `put` kept. Raises `InputError` for no id, `UnavailableError` where the store has it not, or other bytes
    than the id's, and `ProtocolError` where the right bytes do not open: whoever named them did wrong."""
    if not is_id(id_):
        raise InputError("The order names no job", "Order by: antiphon genki join --rent")
    try:
        sealed = store.read(_name(kind, id_))
    except FileNotFoundError as error:
        raise UnavailableError(f"{store.url} lacks {kind} {id_[:12]}", "Name the contributor's store.") from error
    if hashlib.sha256(sealed).hexdigest() != id_:
        raise UnavailableError(f"{store.url} gave other bytes than {kind} {id_[:12]}", "Ask another store.")
    return _opened(sealed, StreamOpener(key, _context(kind)))


def forget(store: ObjectStore, kind: Kind, id_: str) -> None:
    store.delete(_name(kind, id_))


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def difference_in(raw: bytes) -> Flat:
    """An outcome as numbers. Raises `ProtocolError` for anything but finite float32."""
    if not raw or len(raw) % 4:
        raise ProtocolError("The outcome is no float32 numbers", "Do not pay for it.")
    found = np.frombuffer(raw, "<f4").astype(np.float32)
    if not np.isfinite(found).all():
        raise ProtocolError("The outcome holds numbers that are not finite", "Do not pay for it.")
    return found


def bytes_of(difference: Flat) -> bytes:
    return difference.astype("<f4").tobytes()


def _opened(sealed: bytes, opener: StreamOpener) -> bytes:
    plain, start, end = [], 0, SALT_BYTES + _MORE_BYTES + PIECE_BYTES
    while not opener.finished:
        part, _ = opener.open(sealed[start:end])
        plain.append(part)
        start, end = end, end + _MORE_BYTES + PIECE_BYTES
    if start < len(sealed):
        raise ProtocolError("More follows the end of what was sealed", "Do not pay for it.")
    return b"".join(plain)


def _name(kind: Kind, id_: str) -> str:
    return f"training/{kind}/{id_}"


def _context(kind: Kind) -> bytes:
    return f"antiphon/1 training {kind}".encode()
