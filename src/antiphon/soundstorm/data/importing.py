"""Tokens that other code made, as a token set of ours, and back: neither codec nor recordings are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from antiphon.errors import InputError, OutputError
from antiphon.soundstorm.data.layouts import SeedItem, write_items
from antiphon.soundstorm.data.manifest import Entry
from antiphon.soundstorm.data.preparing import PER_SHARD, Kind, Report, finish, write_shard
from antiphon.soundstorm.data.shards import Shards


def import_items(
    items: Mapping[str, SeedItem],
    kinds: tuple[Kind, Kind],
    out: Path,
    *,
    speaker_ends: str = "",
    licence: str = "",
    per_shard: int = 0,
) -> Report:
    """Write the token set of `items`, made by the codec and tokenizer that `kinds` names; returns its report.

    A speaker is the name's beginning, up to the first `speaker_ends`. Raises `InputError` for tokens that codec or
    tokenizer do not have, `OutputError` when `out` cannot be written.
    """
    codec, semantic = kinds
    for name, item in items.items():
        _fits(name, item, codec, semantic)
    size = per_shard or PER_SHARD
    names = sorted(items)
    shards = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, start in enumerate(range(0, len(names), size)):
            entries, parts, offset = [], [], 0
            for name in names[start : start + size]:
                item = items[name]
                numbers = np.concatenate([item.acoustic.ravel(), item.semantic]).astype(np.uint16)
                speaker = name.partition(speaker_ends)[0] if speaker_ends else ""
                entries.append(_entry(name, item, speaker, licence, codec.frame_rate_hz, offset, numbers.tobytes()))
                parts.append(numbers)
                offset += numbers.shape[0]
            shards[f"{number:05d}"] = write_shard(out, f"{number:05d}", "imported", entries, parts)
        return finish(out, shards, [], kinds)
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror or error}", "Free some space.") from error


def export_items(tokens: Shards, out: Path, *, torch_file: bool = False) -> int:
    """Write a token set as `dump/train` of the public code: `semantic_token.tsv` and `acoustic_token/CODEC/NAME.npy`,
    or `CODEC.pth`. NAME is the recording's path with `_` for folders. Returns the number of recordings.

    Raises `InputError` for two recordings of one name, `OutputError` when `out` cannot be written.
    """
    items: dict[str, SeedItem] = {}
    for index in range(len(tokens)):
        entry = tokens.entry(index)
        acoustic, semantic = tokens.native(index)
        name = str(Path(entry.path).with_suffix("")).replace("/", "_")
        if name in items:
            raise InputError(f"Two recordings would be named {name}", "Rename one, and prepare the set again.")
        items[name] = SeedItem(semantic, acoustic, entry.phonemes, entry.text)
    try:
        (out / "acoustic_token").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror}", "Choose another place.") from error
    ending = ".pth" if torch_file else ""
    write_items(items, out / "semantic_token.tsv", out / "acoustic_token" / f"{tokens.codec.name}{ending}")
    return len(items)


def _entry(name: str, item: SeedItem, speaker: str, licence: str, rate_hz: float, offset: int, numbers: bytes) -> Entry:
    return Entry(
        path=name,
        sha256=hashlib.sha256(numbers).hexdigest(),
        speaker=speaker,
        licence=licence,
        seconds=round(item.acoustic.shape[1] / rate_hz, 3),
        text=item.text,
        phonemes=item.phonemes,
        offset=offset,
        frames=item.acoustic.shape[1],
        semantic=item.semantic.shape[0],
    )


def _fits(name: str, item: SeedItem, codec: Kind, semantic: Kind) -> None:
    if item.acoustic.shape[0] != len(codec.vocabulary):
        raise InputError(
            f"{name} has {item.acoustic.shape[0]} levels, {codec.name} has {len(codec.vocabulary)}",
            "Name the codec that made these tokens.",
        )
    for level, size in enumerate(codec.vocabulary):
        if int(item.acoustic[level].max()) >= size:
            raise InputError(
                f"{name} has a token {int(item.acoustic[level].max())} at level {level}; {codec.name} has {size}",
                "Name the codec that made these tokens, or its number of codes by --codes.",
            )
    if int(item.semantic.max()) >= semantic.vocabulary[0]:
        raise InputError(
            f"{name} has a semantic token {int(item.semantic.max())}; {semantic.name} has {semantic.vocabulary[0]}",
            "Name the tokenizer that made these tokens, or its number of clusters by --clusters.",
        )
