"""What is to be made, from the files of a folder: recordings, texts, and lists of semantic tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.audio import read
from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.data.layouts import read_semantic
from antiphon.soundstorm.data.manifest import MAX_LIST_BYTES, SUFFIXES, find
from antiphon.soundstorm.pipeline import Pipeline

MAX_CLIP_S = 600.0
MAX_TEXT_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to be made: its name without an ending, where it comes from, and its words or its recording."""

    name: str
    source: str
    text: str = ""
    recording: Path | None = None
    semantic: Tokens | None = None  # at the tokenizer's own rate

    def tokens(self, pipeline: Pipeline, seed: int) -> Tokens:
        """Semantic tokens at the codec's frames. Raises `InputError` for a recording or text that cannot be used."""
        if self.recording is not None:
            return pipeline.heard(read(self.recording, max_s=MAX_CLIP_S))
        if self.semantic is not None:
            return pipeline.at_frames(self.semantic)
        return pipeline.read(self.text, self.name, seed)


def wanted(sources: Sequence[Path], says: Sequence[str] = ()) -> list[Wanted]:
    """Everything in `sources`: audio files, folders of them, `.txt` (a text each line), `.tsv` (semantic tokens as the
    public code keeps them), and each of the texts `says`. Names are told apart by a number.

    Raises `InputError` for a file of another kind, one that cannot be read, and for nothing at all.
    """
    found = [Wanted(f"text-{number}", "--say", text=text) for number, text in enumerate(says, 1)]
    for source in sources:
        found.extend(_of(source))
    for one in found:
        if len(one.text) > MAX_TEXT_CHARS:
            raise InputError(
                f"A text of {one.source} has {len(one.text):,} characters", f"Split it: {MAX_TEXT_CHARS:,}."
            )
    if not found:
        raise InputError("There is nothing to make", "Give recordings, a .txt or a .tsv, or --say TEXT.")
    return list(_told_apart(found))


def _of(source: Path) -> Iterator[Wanted]:
    if source.is_dir():
        for one in find([source])[0]:
            yield Wanted(str(Path(one.name).with_suffix("")), str(one.file), recording=one.file)
    elif not source.is_file():
        raise InputError(f"There is no {source}", "Give a file or a folder that is there.")
    elif source.suffix.lower() in SUFFIXES:
        yield Wanted(source.stem, str(source), recording=source)
    elif source.suffix == ".txt":
        for number, line in enumerate(_lines(source), 1):
            if line.strip():
                yield Wanted(f"{source.stem}-{number}", f"{source}:{number}", text=line.strip())
    elif source.suffix == ".tsv":
        for name, tokens in read_semantic(source):
            yield Wanted(name, str(source), semantic=tokens)
    else:
        raise InputError(
            f"{source} is of no kind that can be made", "Give audio, a .txt with a text each line, or a .tsv of tokens."
        )


def script(file: Path) -> list[tuple[str, str]]:
    """(speaker, text) of each line `NAME: text`; a line without a name goes on with the turn before.

    Raises `InputError` with the line's number.
    """
    turns: list[tuple[str, str]] = []
    for number, line in enumerate(_lines(file), 1):
        name, colon, text = line.partition(":")
        if not line.strip():
            continue
        if colon and name.strip() and len(name.split()) == 1:
            if not text.strip():
                raise InputError(f"Line {number} of {file}: {name.strip()} says nothing", "Write NAME: text.")
            turns.append((name.strip(), text.strip()))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]} {line.strip()}")
        else:
            raise InputError(f"Line {number} of {file} has no speaker", "Begin with NAME: text.")
    if not turns:
        raise InputError(f"There are no turns in {file}", "Write NAME: text, a line for each turn.")
    return turns


def _lines(file: Path) -> list[str]:
    try:
        if file.stat().st_size > MAX_LIST_BYTES:
            raise InputError(f"{file} is larger than {MAX_LIST_BYTES:,} bytes", "Split it.")
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", "It must be UTF-8 text.") from error


def _told_apart(found: Sequence[Wanted]) -> Iterator[Wanted]:
    seen: dict[str, int] = {}
    for one in found:
        seen[one.name] = number = seen.get(one.name, 0) + 1
        name = one.name if number == 1 else f"{one.name}~{number}"
        yield Wanted(name, one.source, one.text, one.recording, one.semantic)
