"""What a folder of recordings holds: files, speakers, texts, licences. Nothing is decoded here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from antiphon.errors import InputError

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
MAX_TEXT_BYTES = 10_000
MAX_LIST_BYTES = 256_000_000
MAX_FILES = 5_000_000
MANIFEST = "manifest.jsonl"

COPY = "-at-"
"""`SPEAKER-at-CHANGE` is the speaker that a changed copy of SPEAKER's recordings makes."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One recording of a token set: a line of `manifest.jsonl`, and its place in a shard.

    `acoustic [K, frames]` begins at `offset` of the shard's numbers, `semantic [semantic]` follows it.
    """

    path: str  # relative to its folder
    sha256: str
    speaker: str
    licence: str
    seconds: float
    text: str = ""
    phonemes: str = ""
    offset: int = 0
    frames: int = 0
    semantic: int = 0

    @property
    def original(self) -> str:
        """The speaker, or whose recordings were changed to make this one: a copy's speaker is `SPEAKER-at-CHANGE`."""
        return self.speaker.partition(COPY)[0]

    @property
    def saying(self) -> str:
        """What copies of one recording share: `SPEAKER/NAME`."""
        return f"{self.original}/{Path(self.path).stem}"


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not in the set, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be prepared. `file` is absolute, `name` relative to its folder."""

    file: Path
    name: str
    speaker: str
    licence: str
    text: str


class _Line(msgspec.Struct):
    """What we use of a folder's own manifest."""

    path: str
    speaker: str = ""
    text: str = ""
    licence: str = ""


def find(folders: Sequence[Path], *, licence: str = "") -> tuple[list[Source], list[Rejected]]:
    """Audio files of folders (and of TSV lists), sorted, and what lies there but cannot be used.

    The speaker is the name of the folder a file lies in, the text what `NAME.txt` beside it says; a `manifest.jsonl`
    at the top of a folder knows better. `licence` is that of files no manifest tells one of. Raises `InputError` when
    a folder does not exist or nothing at all is found.
    """
    sources: list[Source] = []
    rejected: list[Rejected] = []
    for folder in folders:
        root, names = _names(folder)
        known = _known(root)
        for name in names:
            found = _source(root, name, known.get(name), licence)
            (sources if isinstance(found, Source) else rejected).append(found)  # type: ignore[arg-type]
            if len(sources) > MAX_FILES:
                raise InputError(f"There are more than {MAX_FILES:,} files", "Prepare them in several sets.")
    if not sources and not rejected:
        raise InputError(
            f"{', '.join(map(str, folders))} holds no audio", f"Give folders with {', '.join(sorted(SUFFIXES))} files."
        )
    return sources, rejected


def _names(folder: Path) -> tuple[Path, Iterator[str] | list[str]]:
    if folder.suffix == ".tsv" and folder.is_file():
        return read_list(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "Give folders of audio, or a TSV list of files.")
    root = folder.resolve()
    return root, sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)


def read_list(path: Path) -> tuple[Path, list[str]]:
    """A list as wav2vec and HuBERT read it: the root in the first line, then `NAME<tab>SAMPLES`."""
    if path.stat().st_size > MAX_LIST_BYTES:
        raise InputError(f"{path} is larger than {MAX_LIST_BYTES:,} bytes", "Split it.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "It must be UTF-8 text.") from error
    root = (path.parent / lines[0]).resolve() if lines else path.parent
    if not root.is_dir():
        raise InputError(f"The root {root} of {path} is no folder", "Its first line names the folder of all files.")
    return root, sorted({line.split("\t")[0] for line in lines[1:] if line.strip()})


def write_list(path: Path, root: Path, samples: dict[str, int]) -> None:
    """The same, for tools that read such lists. `samples` by name."""
    rows = [str(root), *(f"{name}\t{count}" for name, count in samples.items())]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def inside(root: Path, name: str) -> Path | None:
    """The file `name` below `root`, or None if it lies anywhere else, be it by `..` or by a link."""
    try:
        file = (root / name).resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return file if file.is_relative_to(root.resolve()) else None


def _source(root: Path, name: str, known: _Line | None, licence: str) -> Source | Rejected:
    file = inside(root, name)
    if file is None:
        return Rejected(path=name, reason="it lies outside its folder")
    if not file.is_file():
        return Rejected(path=name, reason="there is no such file")
    beside = root / Path(name).with_suffix(".txt")
    text = known.text if known is not None else ""
    if not text and beside.is_file():
        try:
            if beside.stat().st_size > MAX_TEXT_BYTES:
                return Rejected(path=name, reason=f"its text is longer than {MAX_TEXT_BYTES:,} bytes")
            text = beside.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            return Rejected(path=name, reason=f"its text cannot be read: {error}")
    parent = Path(name).parent.name
    return Source(
        file=file,
        name=name,
        speaker=(known.speaker if known is not None else "") or parent or root.name,
        licence=(known.licence if known is not None else "") or licence or "unknown",
        text=" ".join(text.split()),
    )


def _known(root: Path) -> dict[str, _Line]:
    """Lines of the folder's manifest, or of the one above it, by path; lines that cannot be read tell nothing."""
    for base in (root, root.parent):
        path = base / MANIFEST
        if not path.is_file() or path.stat().st_size > MAX_LIST_BYTES:
            continue
        lines: dict[str, _Line] = {}
        prefix = "" if base == root else f"{root.name}/"
        for raw in path.read_bytes().splitlines():
            try:
                line = msgspec.json.decode(raw, type=_Line)
            except msgspec.MsgspecError:
                continue
            if line.path.startswith(prefix):
                lines[line.path.removeprefix(prefix)] = line
        return lines
    return {}


def dump_lines(entries: Sequence[Entry]) -> str:
    """`manifest.jsonl`: everything but the place in a shard."""
    hidden = ("offset", "frames", "semantic")
    rows = ({k: v for k, v in msgspec.to_builtins(entry).items() if k not in hidden} for entry in entries)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
