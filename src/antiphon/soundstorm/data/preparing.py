"""Folders of audio to a sharded token set: in parallel, resumable, and always the same bytes.

A shard is a fixed run of the sorted files. It is complete when its index is there, which is written last and moved
into place; whatever else a killed run left is made again. Nothing in the set tells by how many processes.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from antiphon.audio import read
from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Codec, Tokens, depth_of
from antiphon.errors import AntiphonError, InputError, OutputError, StateError
from antiphon.soundstorm.data import columns
from antiphon.soundstorm.data.manifest import MANIFEST, Entry, Rejected, Source, dump_lines, find

PER_SHARD = 64
MIN_S, MAX_S = 0.4, 600.0
SILENT = 1e-3
VERSION = 1
INDEX = "set.json"
REPORT = "report.json"

Progress = Callable[[int, int], None]
Phonemise = Callable[[str], str]


class Tokenizer(Protocol):
    """What `semantic.SemanticTokenizer` is to data."""

    name: str
    vocabulary: int
    frame_rate_hz: float

    def encode(self, wave: Waveform) -> Tokens: ...


@dataclass(frozen=True, slots=True)
class Makers:
    """How each process gets its own codec, tokenizer and (optionally) reader of texts; sessions cannot be sent."""

    codec: Callable[[], Codec]
    tokenizer: Callable[[], Tokenizer]
    phonemise: Callable[[], Phonemise] | None = None


class Kind(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose tokens a set holds. `depth` as of `Layout`."""

    name: str
    vocabulary: tuple[int, ...]
    frame_rate_hz: float
    depth: tuple[int, ...] = ()


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """`NNNNN.json` beside `NNNNN.npy` (uint16, flat). `key` tells what it was made from."""

    key: str
    sha256: str
    entries: tuple[Entry, ...]
    rejected: tuple[Rejected, ...]


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """`set.json`."""

    version: int
    codec: Kind
    semantic: Kind
    shards: tuple[str, ...]
    dropped: tuple[str, ...] = ()  # names of files that are the same as an earlier one


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`report.json`."""

    recordings: int
    hours: float
    speakers: dict[str, float]  # seconds
    licences: dict[str, float]  # seconds
    with_text: int
    frames: int
    rejected: tuple[Rejected, ...]


def prepare(
    folders: Sequence[Path],
    makers: Makers,
    out: Path,
    *,
    jobs: int = 1,
    licence: str = "",
    per_shard: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Write the token set of all audio in `folders` into `out`; returns its report, which lists files left out.

    `per_shard` recordings make a shard: many, where there are millions of them. The same call again goes on where it
    was stopped, and does nothing where nothing changed. Raises `InputError` when there is nothing to use, `OutputError`
    when `out` cannot be written, `StateError` when a process died.
    """
    sources, rejected = find(folders, licence=licence)
    codec, tokenizer = makers.codec(), makers.tokenizer()
    names = (
        Kind(
            name=codec.name,
            vocabulary=tuple(codec.vocabulary),
            frame_rate_hz=codec.frame_rate_hz,
            depth=depth_of(codec),
        ),
        Kind(name=tokenizer.name, vocabulary=(tokenizer.vocabulary,), frame_rate_hz=tokenizer.frame_rate_hz),
    )
    del codec, tokenizer
    size = per_shard or PER_SHARD
    work = [
        _Work(
            out,
            f"{number:05d}",
            tuple(sources[start : start + size]),
            _key(sources[start : start + size], names, makers),
        )
        for number, start in enumerate(range(0, len(sources), size))
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        shards = _all(work, makers, jobs, progress)
        return finish(out, {one.name: shard for one, shard in zip(work, shards, strict=True)}, rejected, names)
    except OSError as error:
        raise OutputError(
            f"Cannot write to {out}: {error.strerror or error}", "Free some space; what is done is kept."
        ) from error


@dataclass(frozen=True, slots=True)
class _Work:
    out: Path
    name: str
    sources: tuple[Source, ...]
    key: str

    @property
    def index(self) -> Path:
        return self.out / f"{self.name}.json"

    def done(self) -> Shard | None:
        """The shard, if it is there and was made from the same."""
        try:
            shard = msgspec.json.decode(self.index.read_bytes(), type=Shard)
        except (OSError, msgspec.MsgspecError):
            return None
        there = (self.out / f"{self.name}.npy").is_file()
        return shard if there and shard.key == self.key else None


def _key(sources: Sequence[Source], names: tuple[Kind, Kind], makers: Makers) -> str:
    """Of files by name, size and time of change, texts, and whose tokens are made."""
    # Tokens are the same whatever order they are made in: a set of before orders were known is not made again.
    same = [msgspec.structs.replace(one, depth=()) for one in names]
    digest = hashlib.sha256(msgspec.json.encode((VERSION, same, makers.phonemise is not None)))
    for one in sources:
        stat = one.file.stat()
        fields = (one.name, one.speaker, one.licence, one.text, stat.st_size, stat.st_mtime_ns)
        digest.update(msgspec.json.encode(fields))
    return digest.hexdigest()


def _all(work: Sequence[_Work], makers: Makers, jobs: int, progress: Progress | None) -> list[Shard]:
    shards = {one.name: done for one in work if (done := one.done()) is not None}
    missing = [one for one in work if one.name not in shards]

    def report_progress() -> None:
        if progress is not None:
            progress(sum(len(one.sources) for one in work if one.name in shards), sum(len(w.sources) for w in work))

    report_progress()
    for one, shard in _made(missing, makers, jobs):
        shards[one.name] = shard
        report_progress()
    return [shards[one.name] for one in work]


def _made(work: Sequence[_Work], makers: Makers, jobs: int) -> Iterator[tuple[_Work, Shard]]:
    if jobs <= 1 or len(work) <= 1:
        room = _Room(makers)
        yield from ((one, room.make(one)) for one in work)
        return
    # Threads of a runtime that is already loaded do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(work)), context, initializer=_begin, initargs=(makers,)) as pool:
        pending: dict[Future[Shard], _Work] = {pool.submit(_make, one): one for one in work}
        try:
            for future in as_completed(pending):
                yield pending[future], future.result()
        except BrokenProcessPool as error:
            raise StateError(
                "A process that prepared audio died, perhaps for want of memory", "Run it again with fewer jobs."
            ) from error
        finally:
            for future in pending:
                future.cancel()


_ROOM: list[_Room] = []  # of a worker process


def _begin(makers: Makers) -> None:
    _ROOM.append(_Room(makers))


def _make(work: _Work) -> Shard:
    return _ROOM[0].make(work)


class _Room:
    """One process's codec and tokenizer."""

    def __init__(self, makers: Makers) -> None:
        self._codec, self._tokenizer = makers.codec(), makers.tokenizer()
        self._phonemise = makers.phonemise() if makers.phonemise is not None else None

    def make(self, work: _Work) -> Shard:
        entries: list[Entry] = []
        rejected: list[Rejected] = []
        parts: list[Tokens] = []
        offset = 0
        for source in work.sources:
            try:
                entry, numbers = self._one(source, offset)
            except (AntiphonError, OSError, ValueError) as error:
                rejected.append(Rejected(path=source.name, reason=str(error)))
                continue
            entries.append(entry)
            parts.append(numbers)
            offset += numbers.shape[0]
        return write_shard(work.out, work.name, work.key, entries, parts, rejected)

    def _one(self, source: Source, offset: int) -> tuple[Entry, Tokens]:
        wave = read(source.file, max_s=MAX_S)
        if wave.duration_s < MIN_S:
            raise InputError(f"it is {wave.duration_s:.2f} s long, under {MIN_S} s")
        if float(np.abs(wave.samples).max(initial=0.0)) < SILENT:
            raise InputError("it is silent")
        grid = self._codec.encode(wave)
        semantic = self._tokenizer.encode(wave)
        entry = Entry(
            path=source.name,
            sha256=hashlib.sha256(source.file.read_bytes()).hexdigest(),
            speaker=source.speaker,
            licence=source.licence,
            seconds=round(wave.duration_s, 3),
            text=source.text,
            phonemes=self._phonemise(source.text) if self._phonemise is not None and source.text else "",
            offset=offset,
            frames=grid.frames,
            semantic=int(semantic.shape[0]),
        )
        return entry, np.concatenate([grid.tokens.ravel(), semantic.astype(np.uint16)])


def write_shard(
    out: Path, name: str, key: str, entries: Sequence[Entry], parts: Sequence[Tokens], rejected: Sequence[Rejected] = ()
) -> Shard:
    """A shard's numbers, then its index. `parts` are the numbers of each entry, in their order."""
    buffer = io.BytesIO()
    np.save(buffer, np.concatenate(parts) if parts else np.zeros(0, np.uint16))
    blob = buffer.getvalue()
    shard = Shard(key=key, sha256=hashlib.sha256(blob).hexdigest(), entries=tuple(entries), rejected=tuple(rejected))
    _write(out / f"{name}.npy", blob)
    _write(out / f"{name}.json", msgspec.json.encode(shard))
    return shard


def _write(path: Path, blob: bytes) -> None:
    part = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
    try:
        with part.open("wb") as handle:
            handle.write(blob)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def finish(out: Path, shards: Mapping[str, Shard], rejected: Sequence[Rejected], names: tuple[Kind, Kind]) -> Report:
    """Index, manifest and report of a set whose shards are written; whose tokens they are: codec, tokenizer.

    Raises `InputError` when nothing is in it.
    """
    seen: dict[str, str] = {}
    kept: list[Entry] = []
    left_out = [*rejected, *(one for shard in shards.values() for one in shard.rejected)]
    dropped: list[str] = []
    for name, shard in shards.items():
        for place, entry in enumerate(shard.entries):
            if entry.sha256 in seen:
                left_out.append(Rejected(path=entry.path, reason=f"it is the same as {seen[entry.sha256]}"))
                dropped.append(f"{name}/{place}")
                continue
            seen[entry.sha256] = entry.path
            kept.append(entry)
    report = _report(kept, left_out)
    index = Index(
        version=VERSION,
        codec=names[0],
        semantic=names[1],
        shards=tuple(shards),
        dropped=tuple(dropped),
    )
    _write(out / MANIFEST, dump_lines(kept).encode())
    _write(out / REPORT, (json.dumps(msgspec.to_builtins(report), indent=1, ensure_ascii=False) + "\n").encode())
    _write(out / INDEX, msgspec.json.encode(index))
    expected = {f"{name}.{kind}" for name in shards for kind in ("npy", "json")}
    listed = ((name, shard.sha256, list(shard.entries)) for name, shard in shards.items())
    of = hashlib.sha256(msgspec.json.encode(index)).hexdigest()
    made = columns.built(of, listed, frozenset(dropped), len(names[0].vocabulary))
    for file, blob in columns.written(made).items():
        _write(out / file, blob)
    for path in out.iterdir():
        # Shards of a larger set before this one, and what a killed process was writing.
        if path.suffix == ".part" or (path.stem.isdigit() and path.name not in expected):
            path.unlink(missing_ok=True)
    if not kept:
        raise InputError(f"None of {len(left_out)} files can be used", f"{out / REPORT} tells why.")
    return report


def _report(kept: Sequence[Entry], left_out: Sequence[Rejected]) -> Report:
    speakers: dict[str, float] = {}
    licences: dict[str, float] = {}
    for entry in kept:
        speakers[entry.speaker] = speakers.get(entry.speaker, 0.0) + entry.seconds
        licences[entry.licence] = licences.get(entry.licence, 0.0) + entry.seconds
    return Report(
        recordings=len(kept),
        hours=round(sum(entry.seconds for entry in kept) / 3600, 4),
        speakers={name: round(seconds, 2) for name, seconds in sorted(speakers.items())},
        licences={name: round(seconds, 2) for name, seconds in sorted(licences.items())},
        with_text=sum(bool(entry.text) for entry in kept),
        frames=sum(entry.frames for entry in kept),
        rejected=tuple(left_out),
    )
