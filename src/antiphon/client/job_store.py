"""What a job has paid for, at rest: one sealed file for each finished part, one for each task it opened.

Each job has a folder of its own under `jobs/`, named by the file that it makes, readable only with the client's own
key. A part's file appears whole or not at all, and its slot is a keyed hash of the request, so that a job goes on with
what is the same after a sentence was changed, and names of files tell nothing of the text. The folder goes when the
job is complete, or stays to make some of it anew; one that nobody touched for `KEPT_DAYS` goes as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import io
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from antiphon.client.job_policy import Ordered, Result
from antiphon.errors import AntiphonError, InputError, OutputError, ProtocolError, StateError, is_full
from antiphon.parties.messages import MAX_RESULT_BYTES, Form
from antiphon.protocol import TaskKey, canonical, load_or_create
from antiphon.protocol.identity import derive
from antiphon.protocol.sealing import seal, unseal
from antiphon.services import CloneRequest, EnrolRequest, Origin, Request

FOLDER = "jobs"
KEPT_DAYS = 14
MAX_INODES = 20
MAX_FILE_BYTES = MAX_RESULT_BYTES + 64 * 1024
PART_SUFFIX, TASK_SUFFIX = ".part", ".task"
_HEADER, _LOCK = "job", "lock"
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a job is: the ledger its tasks are in, the files it grew (by inode: whether one is still the same)."""

    ledger: str = ""
    asked: str = ""  # a hash of what was asked for: whether it is the same job
    inodes: tuple[int, ...] = ()
    seed: int = -1  # of the piece, where it was drawn for it
    limit_nano: int = 0  # the most that was told to its owner; 0: nothing was
    complete: bool = False  # nothing is missing: kept so that some of it can be made anew
    remade: tuple[str, ...] = ()  # slots, each as often as it was made anew: so many seeds are used up


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_hz: int
    channels: int
    data: bytes  # FLAC for audio: every sample, half the size
    origin: Origin | None = None


class NotedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a noted task. `lost`: it was paid for, and nobody keeps it any more."""

    slot: str
    index: int
    key: bytes
    secret: bytes  # of the chain whose links draw its seats
    lost: bool = False


class TaskNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task that the job opened, or was about to."""

    task: str
    parts: tuple[NotedPart, ...]


class JobStore:
    """The folder of the job that makes `output`; a `Keeper`. Only one process has it at a time."""

    def __init__(self, home: Path, output: Path, *, purpose: str = "", salt: str = "") -> None:
        """`purpose` tells apart the steps of one command; with another `salt` the same request is another one.

        Raises `InputError` while another process is at the job.
        """
        self._home = home
        name = hashlib.sha256(f"{purpose}\0{os.path.realpath(output)}".encode("utf-8", "surrogateescape")).hexdigest()
        self._folder = home / FOLDER / name[:24]
        self._output = output
        self._secret = b""
        self._salt = salt.encode()
        self._seen: dict[str, int] = {}  # how often each request came so far
        self._tries: dict[str, int] = {}
        self._lock: int | None = None
        self._closed = False
        self._guard = threading.Lock()  # writers work in threads, which a cancel does not stop
        self._header: Header | None = None
        self.asked = ""  # what this run asks for: goes into the header
        if self._folder.is_dir():
            self._take()

    # The job as a whole ------------------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether an earlier run left something."""
        return self._folder.is_dir() and (self._folder / _HEADER).exists()

    @property
    def kept(self) -> int:
        """How many parts are kept."""
        return sum(1 for _ in self._folder.glob(f"*{PART_SUFFIX}"))

    @property
    def header(self) -> Header:
        """Raises `StateError` for one that does not open."""
        if self._header is None:
            raw = self._read(self._folder / _HEADER) if self.begun else b""
            self._header = canonical.decode(Header, raw) if raw else Header()
        return self._header

    def note(self, **changed: object) -> None:
        """Remember facts of `Header`. Raises `OutputError`."""
        header = msgspec.structs.replace(self.header, asked=self.asked or self.header.asked, **changed)
        if header != self._header or not self.begun:
            self._write(self._folder / _HEADER, canonical.encode(header))
        self._header = header

    def owns(self, file: Path) -> bool:
        """Whether that file is what an earlier run of this job left."""
        with contextlib.suppress(OSError):
            return self.begun and file.stat().st_ino in self.header.inodes
        return False

    def owned(self, file: Path | None) -> None:
        """Remember that the job made this file, whatever it will be called."""
        if file is not None:
            with contextlib.suppress(OSError):
                self.note(inodes=(*self.header.inodes[-MAX_INODES:], file.stat().st_ino))

    def discard(self) -> None:
        """The job is complete, or not wanted: nothing of it is kept."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder)
        self._header = None
        self._tries.clear()
        self.close()

    def keep_complete(self) -> None:
        """Nothing is missing, and what was made stays; its tasks are settled. Raises `OutputError`."""
        self.note(complete=True, limit_nano=0)
        self._forget_tasks()
        self.close()

    def remake(self, requests: Iterable[Request], numbers: Iterable[int]) -> None:
        """Forget what was made for those of the job's `requests`, counted from 0, so that they are bought anew with
        other seeds. Raises `OutputError`."""
        seen = dict[str, int]()
        slots = [self._slot(request, seen) for request in requests]
        chosen = tuple(slots[number] for number in numbers)
        self._forget_tasks()  # or what was made would be fetched again
        self.note(complete=False, remade=(*self.header.remade, *chosen))
        for slot in chosen:
            self._part(slot).unlink(missing_ok=True)

    def _forget_tasks(self) -> None:
        for file in self._folder.glob(f"*{TASK_SUFFIX}"):
            with contextlib.suppress(OSError):
                file.unlink()

    def close(self) -> None:
        """Let another process take the job."""
        with self._guard:
            self._closed = True
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    # The Keeper --------------------------------------------------------------------------------------------------

    def slot(self, request: Request) -> str:
        """A keyed hash of the request without its consent (which is signed anew each time), and which of its equals."""
        return self._slot(request, self._seen)

    def _slot(self, request: Request, seen: dict[str, int]) -> str:
        if isinstance(request, CloneRequest | EnrolRequest):
            request = msgspec.structs.replace(request, consent=b"")
        digest = hmac.digest(self._key_bytes(), self._salt + b"\0" + canonical.encode(request), "sha256").hex()[:32]
        number = seen[digest] = seen.get(digest, 0) + 1
        return f"{digest}-{number}"

    def has(self, slot: str) -> bool:
        return self._part(slot).exists()

    def load(self, slot: str) -> Result:
        try:
            kept = canonical.decode(_Kept, self._read(self._part(slot)))
            form = Form(rate_hz=kept.rate_hz, channels=kept.channels)
            return Result(form, _unpacked(kept.data, form) if form.is_audio else kept.data, kept.origin)
        except (ProtocolError, StateError) as e:
            with contextlib.suppress(OSError):
                self._part(slot).unlink()
            raise StateError(
                f"What was kept in {self._part(slot)} is damaged",
                "Run the command again: only that part is bought anew.",
            ) from e

    def rejected(self, slot: str) -> None:
        """An earlier run's result for it was rejected: its seed is not to be tried again."""
        self._tries[slot] = self._tries.get(slot, 0) + 1

    def tries(self, slot: str) -> int:
        return self._tries.get(slot, 0) + self.header.remade.count(slot)

    def opening(self, task: str, parts: Sequence[Ordered]) -> None:
        noted = tuple(NotedPart(slot=part.slot, index=part.index, key=part.key, secret=part.secret) for part in parts)
        self.renote(TaskNote(task=task, parts=noted))

    def renote(self, note: TaskNote) -> None:
        """Write a task's note, in place of an earlier one. Raises `OutputError`."""
        self._write(self._folder / f"{note.task}{TASK_SUFFIX}", canonical.encode(note))

    def finished(self, slot: str, result: Result) -> None:
        form = result.form
        data = _packed(result.data, form) if form.is_audio else result.data
        kept = _Kept(rate_hz=form.rate_hz, channels=form.channels, data=data, origin=result.origin)
        self._write(self._part(slot), canonical.encode(kept))

    def tasks(self) -> tuple[TaskNote, ...]:
        """Every task that the job opened, in no order. One whose note does not open is left out."""
        found = []
        for file in self._folder.glob(f"*{TASK_SUFFIX}"):
            with contextlib.suppress(AntiphonError):
                found.append(canonical.decode(TaskNote, self._read(file)))
        return tuple(found)

    # Files -------------------------------------------------------------------------------------------------------

    def _part(self, slot: str) -> Path:
        return self._folder / f"{slot}{PART_SUFFIX}"

    def _key_bytes(self) -> bytes:
        if not self._secret:
            identity = load_or_create(self._home / "keys" / "client.key")
            self._secret = derive(identity.seed.reveal(), info=b"antiphon/1 job store")
        return self._secret

    def _context(self, file: Path) -> bytes:
        return f"antiphon/1 job {self._folder.name} {file.name}".encode()

    def _take(self) -> None:
        """Lock the folder. Raises `InputError` while another process has it, `OutputError` after `close`."""
        with self._guard:
            if self._closed:
                raise OutputError("The job has ended, and keeps nothing more", "Go on with --resume.")
            if self._lock is None:
                self._lock = self._locked()

    def _locked(self) -> int:
        self._folder.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            os.close(lock)
            raise InputError(
                f"Another command is making {str(self._output)!r} just now", "Wait for it, or choose another file."
            ) from e
        return lock

    def _read(self, file: Path) -> bytes:
        try:
            with file.open("rb") as stream:
                sealed = stream.read(MAX_FILE_BYTES + 1)
            if len(sealed) > MAX_FILE_BYTES:
                raise ProtocolError("too large")
            with TaskKey(self._key_bytes()) as key:
                return unseal(key, sealed, self._context(file))
        except (OSError, ProtocolError) as e:
            raise StateError(f"{file} cannot be read: it is damaged, or was sealed with another key",
                             f"Begin the job anew: --restart, or delete {file.parent}.") from e  # fmt: skip

    def _write(self, file: Path, content: bytes) -> None:
        """Whole or not at all, and there for good: power may fail."""
        with TaskKey(self._key_bytes()) as key:
            sealed = seal(key, content, self._context(file))
        beside = self._folder / f".{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._take()
            with open(os.open(beside, flags, _PRIVATE_FILE), "wb") as stream:  # noqa: PTH123 - a descriptor
                stream.write(sealed)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(file)
        except OSError as e:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise OutputError(
                f"The disk is full while keeping what was made in {self._folder}" if is_full(e)
                else f"What was made cannot be kept in {self._folder}: {e.strerror}",
                "Free some space there, or choose another folder with --home.",
            ) from e  # fmt: skip


def prune(home: Path) -> None:
    """Remove jobs that nobody touched for `KEPT_DAYS`: recordings of what somebody said are not kept for ever."""
    oldest_s = time.time() - KEPT_DAYS * 86_400
    with contextlib.suppress(OSError):
        for folder in (home / FOLDER).iterdir():
            if folder.stat().st_mtime < oldest_s:
                shutil.rmtree(folder, ignore_errors=True)


def _packed(pcm: bytes, form: Form) -> bytes:
    import numpy as np
    import soundfile

    out = io.BytesIO()
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, form.channels)
    soundfile.write(out, samples, form.rate_hz, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def _unpacked(data: bytes, form: Form) -> bytes:
    """Raises `ProtocolError` for what is no such audio."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.samplerate, file.channels) != (form.rate_hz, form.channels):
                raise ProtocolError("The kept audio is of another form")
            return bytes(file.read(MAX_RESULT_BYTES, dtype="int16", always_2d=True).astype("<i2").tobytes())
    except soundfile.SoundFileError as e:
        raise ProtocolError("The kept audio cannot be read") from e
