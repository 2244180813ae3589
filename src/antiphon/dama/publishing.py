"""The leaderboard as files: `index.html`, `leaderboard.json`, and samples beside them, out of a store."""

from __future__ import annotations

from pathlib import Path

import msgspec

from antiphon.dama.depot import Depot
from antiphon.dama.leaderboard import Leaderboard
from antiphon.dama.manifest import Manifest
from antiphon.dama.page import SAMPLES, render
from antiphon.errors import AntiphonError, OutputError
from antiphon.ledger.assets import AssetRecord

PLAYED = (".wav", ".flac", ".opus", ".ogg")
MAX_SAMPLES = 3
"""Of one asset."""
MAX_SAMPLE_BYTES = 4 << 20


class Samples:
    """Manifests and sounds out of a store. What it has not, or lies about, is left out: the page is made anyway."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self.played: dict[str, dict[str, bytes]] = {}

    def manifest_of(self, record: AssetRecord) -> Manifest | None:
        """As its owner signed it, and its samples are kept; None: the store has not got it."""
        try:
            signed, _ = self._depot.signed(record.asset, record.owner)
        except AntiphonError:
            return None
        sounds = [file for file in signed.manifest.files if file.name.lower().endswith(PLAYED)]
        found: dict[str, bytes] = {}
        for file in [one for one in sounds if one.size <= MAX_SAMPLE_BYTES][:MAX_SAMPLES]:
            try:
                found[f"{record.asset[:12]}-{file.name}"] = self._depot.read(file)
            except AntiphonError:
                continue
        self.played[record.asset] = found
        return signed.manifest


def write(folder: Path, board: Leaderboard, played: dict[str, dict[str, bytes]]) -> None:
    """Raises `OutputError`."""
    names = {asset: list(sounds) for asset, sounds in played.items()}
    try:
        (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
        for sounds in played.values():
            for name, data in sounds.items():
                (folder / SAMPLES / name).write_bytes(data)
        plain = msgspec.json.format(msgspec.json.encode(board), indent=2)
        (folder / "leaderboard.json").write_bytes(plain + b"\n")
        (folder / "index.html").write_text(render(board, names), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}", "Name another place with -o.") from error
