"""Whether a collection can be trained on: each thing that is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from antiphon.audio import read_blocks
from antiphon.errors import InputError, StateError
from antiphon.genki.data.collection import Collection
from antiphon.genki.data.files import digest, opened, shown
from antiphon.genki.data.sidecar import Sidecar
from antiphon.genki.data.sketch import near_pairs, slots_of
from antiphon.judges.fingerprints import similarity

MIN_S = 1.0
SILENT_LUFS = -60.0
MAX_CLIPPED = 0.001
"""Share of samples on flat tops: more is distortion that is heard."""

DUPLICATE = 0.3
"""Similarity of fingerprints from which two clips are one recording (docs/data.md has what was measured)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one clip: in one word, in a sentence, and its remedy."""

    clip: str
    problem: str
    what: str
    remedy: str


def check(collection: Collection) -> Iterator[Finding]:
    """Every finding, clip by clip, duplicates last. Reads every audio file once, changes nothing."""
    prints: list[tuple[str, bytes]] = []
    for clip in collection.ids():
        remove = f"antiphon data remove {collection.name} {clip[:12]}"
        try:
            sidecar = collection.load(clip)
        except StateError as error:
            yield Finding(clip, "sidecar", error.what, f"{error.hint} {remove}")
            continue
        yield from _audio(clip, sidecar, remove)
        yield from _fitness(clip, sidecar, f"antiphon data edit {collection.name} {clip[:12]}", remove)
        print_ = collection.fingerprint(clip)
        if print_ is None:
            yield Finding(clip, "fingerprint", "its fingerprint is lost", f"{remove}, then add its folder again")
        elif print_:
            prints.append((clip, print_))
    yield from _duplicates(collection, prints)


def _audio(clip: str, sidecar: Sidecar, remove: str) -> Iterator[Finding]:
    path = shown(sidecar.source.path)
    try:
        with opened(sidecar.source.path) as stream:
            if digest(stream) == clip:
                return
            problem, what = _other_bytes(stream, path)
    except InputError as error:
        problem, what = ("missing" if error.what == "is gone" else "corrupt"), f"{path} {error.what}"
    yield Finding(clip, problem, what, f"put the recording back, or {remove}")


def _other_bytes(stream: BinaryIO, path: str) -> tuple[str, str]:
    try:
        for _ in read_blocks(stream):
            pass
    except InputError as error:
        return "corrupt", f"{path} {error.what.removeprefix('The audio stream ')}"
    return "changed", f"{path} is other audio than was added"


def _fitness(clip: str, sidecar: Sidecar, edit: str, remove: str) -> Iterator[Finding]:
    measured = sidecar.measured
    if sidecar.duration < MIN_S:
        yield Finding(clip, "short", f"{sidecar.duration:.2f} s are less than {MIN_S:g}", remove)
    if measured.loudness_lufs is None or measured.loudness_lufs < SILENT_LUFS:
        yield Finding(clip, "silent", f"nothing in it is louder than {SILENT_LUFS:g} LUFS", remove)
    if measured.clipped > MAX_CLIPPED:
        what = f"{measured.clipped:.1%} of its samples are cut off at full scale"
        yield Finding(clip, "clipped", what, f"export it again with less gain and add it; {remove}")
    if not sidecar.licence:
        yield Finding(clip, "licence", "it has no licence", f"{edit} --licence CC-BY-4.0")
    if not sidecar.consent:
        what = "nobody is named who allowed its use"
        yield Finding(clip, "consent", what, f"{edit} --consent 'my own recording'")


def _duplicates(collection: Collection, prints: list[tuple[str, bytes]]) -> Iterator[Finding]:
    repeated: set[int] = set()
    for first, second in near_pairs([slots_of(print_) for _, print_ in prints]):
        (one, print_), (other, other_print) = prints[first], prints[second]
        if repeated & {first, second}:
            continue
        if (alike := similarity(print_, other_print)) >= DUPLICATE:
            repeated.add(second)
            what = f"it is {one[:12]} again (similarity {alike:.2f})"
            yield Finding(other, "duplicate", what, f"keep one: antiphon data remove {collection.name} {other[:12]}")
