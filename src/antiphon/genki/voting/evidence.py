"""All that the shares of one round follow from, as one object of a store, named by its hash.

Updates are as their contributors signed them, over the very parameters that the round began with; so nobody can be made
to have handed in something else. Held-out and pool pieces are the files themselves. What the coordinator alone says is
which pieces were held out, and its appraisals of earlier rounds.
"""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from antiphon.errors import InputError, OutputError, ProtocolError, UnavailableError
from antiphon.genki.contribution import Appraisal, Round, appraise, by_contributor, sketch
from antiphon.genki.learning import Learner, Parameters, Piece, fits
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.screening import EXACTLY, delta_of
from antiphon.genki.rounds.store import Store
from antiphon.objects import MAX_OBJECT_BYTES, ObjectStore
from antiphon.protocol import canonical

MAX_FILES = 4_096
MAX_CONTRIBUTORS = 1_024

_NAME = re.compile(r"[^./\0][^/\0]*")
MAX_NAME_BYTES = 255
_ID = re.compile(r"[0-9a-f]{64}")


class Array(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """float32, little-endian."""

    name: str
    shape: tuple[int, ...]
    data: bytes


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file by its name, or an update by its contributor."""

    name: str
    data: bytes


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round; updates are in the order of their commits."""

    plan: Plan
    round: int
    base_digest: str
    base: tuple[Array, ...]
    updates: tuple[Blob, ...]
    held_out: tuple[Blob, ...]
    pool: tuple[Blob, ...] = ()
    before_digest: str = ""  # what the round before began with
    before: tuple[Blob, ...] = ()  # its updates that counted: nobody is paid for them again
    past: tuple[Appraisal, ...] = ()  # of earlier rounds, in order

    def __post_init__(self) -> None:
        files = (*self.held_out, *self.pool)
        if not self.held_out or len(files) > MAX_FILES:
            raise InputError(f"A round's evidence has 1 to {MAX_FILES} files of pieces")
        for group in (self.held_out, self.pool):
            names = {file.name for file in group if _is_name(file.name)}
            if len(names) < len(group):
                raise InputError("The files of a round's evidence have names, and each its own", "Name them plainly.")
        if not 1 <= len(self.updates) <= MAX_CONTRIBUTORS or len(self.before) > MAX_CONTRIBUTORS:
            raise InputError(f"A round has 1 to {MAX_CONTRIBUTORS} updates")


def _is_name(name: str) -> bool:
    """Of a file in a folder, on every system: not one that means another place."""
    return bool(_NAME.fullmatch(name)) and len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES


def gather(store: Store, round_: int, held_out: Path, pool: Path | None = None) -> Evidence:
    """Of a round that is over. Raises `InputError` where its parameters are kept no more, or no share was measured."""
    if store.appraisal(round_) is None:
        raise InputError(f"Round {round_} was not appraised", "Serve the federation with --held-out FOLDER.")
    report = store.report(round_)
    base = store.parameters_before(round_)
    before = store.report(round_ - 1) if round_ > 1 else None
    counted = store.updates(round_ - 1) if before else {}
    return Evidence(
        plan=store.plan,
        round=round_,
        base_digest=report.base,
        base=tuple(_array(name, value) for name, value in base.items()),
        updates=tuple(Blob(name=who, data=raw) for who, raw in store.updates(round_).items()),
        held_out=_files(held_out),
        pool=_files(pool) if pool else (),
        before_digest=before.base if before else "",
        before=tuple(Blob(name=who, data=raw) for who, raw in counted.items() if before and who in before.accepted),
        past=tuple(one for n in range(1, round_) if (one := store.appraisal(n)) is not None),
    )


def put(objects: ObjectStore, evidence: Evidence) -> str:
    """Keep it in a store; its id. Raises `InputError` for more than an object can hold."""
    raw = canonical.pack(evidence)
    if len(raw) > MAX_OBJECT_BYTES:
        raise InputError(
            f"Round {evidence.round} has {len(raw):,} bytes, more than {MAX_OBJECT_BYTES:,}", "Hold out fewer pieces."
        )
    id_ = hashlib.sha256(raw).hexdigest()
    objects.write(f"rounds/{id_}", raw)
    return id_


def get(objects: ObjectStore, id_: str) -> Evidence:
    """What `put` kept. Raises `InputError` for a bad id, `UnavailableError` where it is not, `ProtocolError`: a lie."""
    if not _ID.fullmatch(id_):
        raise InputError("The order names no round", "Order by: antiphon genki vote")
    try:
        raw = objects.read(f"rounds/{id_}")
    except FileNotFoundError as error:
        raise UnavailableError(f"{objects.url} has no round {id_[:12]}", "Name the coordinator's store.") from error
    if hashlib.sha256(raw).hexdigest() != id_:
        raise ProtocolError(f"{objects.url} gave another round than {id_[:12]}", "Ask another store.")
    return canonical.decode(Evidence, raw, limit=MAX_OBJECT_BYTES)


def appraised(evidence: Evidence, learner: Learner) -> Appraisal:
    """The shares that follow. Raises `InputError` and `ProtocolError` for evidence that does not hold together."""
    base = {one.name: _values(one) for one in evidence.base}
    fits(base, learner.initial(), "The base")

    def deltas(blobs: Iterable[Blob], round_: int, digest: str) -> dict[str, Parameters]:
        return {
            one.name: delta_of(evidence.plan, one.data, one.name, round_=round_, base=digest, like=base)
            for one in blobs
        }

    before = deltas(evidence.before, evidence.round - 1, evidence.before_digest)
    round_ = Round(
        learner,
        base,
        deltas(evidence.updates, evidence.round, evidence.base_digest),
        _pieces(learner, evidence.held_out),
        bytes.fromhex(evidence.base_digest),
        pool=_pieces(learner, evidence.pool) if evidence.pool else (),
        known={f"{who[:12]}'s of round {evidence.round - 1}": sketch(delta) for who, delta in before.items()},
        past=by_contributor(evidence.past),
    )
    return appraise(round_, exactly=EXACTLY)


def _pieces(learner: Learner, files: Iterable[Blob]) -> list[Piece]:
    with tempfile.TemporaryDirectory(prefix="antiphon-round-") as folder:
        try:
            for file in files:
                (Path(folder) / file.name).write_bytes(file.data)
        except (OSError, UnicodeEncodeError) as error:
            raise OutputError(f"The round's music cannot be written: {error}", "Free some disk space.") from error
        return learner.read(Path(folder))


def _files(folder: Path) -> tuple[Blob, ...]:
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder", "Name the music that the rounds were measured on: --held-out FOLDER."
        )
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    if len({file.name for file in files}) != len(files):
        raise InputError(f"Two files in {folder} have one name", "Rename one: order them by number, for instance.")
    return tuple(Blob(name=file.name, data=file.read_bytes()) for file in files)


def _array(name: str, value: np.ndarray) -> Array:
    return Array(name=name, shape=value.shape, data=np.ascontiguousarray(value, "<f4").tobytes())


def _values(one: Array) -> np.ndarray:
    if min(one.shape, default=1) < 0 or 4 * math.prod(one.shape) != len(one.data):
        raise InputError(f"{one.name[:80]} has not the bytes of its shape")
    return np.frombuffer(one.data, "<f4").reshape(one.shape).astype(np.float32)
