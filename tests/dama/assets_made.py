"""Small assets for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from antiphon.clock import ManualClock
from antiphon.dama import AssetFile, Card, pack, sign
from antiphon.models import tensors
from antiphon.protocol.identity import Identity

OWNER = Identity.from_seed(hashlib.sha256(b"owner").digest())
THIEF = Identity.from_seed(hashlib.sha256(b"thief").digest())
CARD = Card(name="ruby", version="1", licence="CC-BY-4.0", figures={"perplexity": 3.25})
CLOCK = ManualClock()


def weights(seed: int = 0, size: int = 64) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "embed": generator.standard_normal((size, 32)).astype(np.float32),
        "out": generator.standard_normal((32, size)).astype(np.float16),
    }


def folder_of(place: Path, seed: int = 0, size: int = 64, **more: bytes) -> Path:
    """Weights, configuration and a page."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.safetensors").write_bytes(tensors.dump(weights(seed, size)))
    (place / "config.json").write_text('{"levels": 8}')
    (place / "README.md").write_text("# Ruby\n")
    for name, data in more.items():
        (place / name).write_bytes(data)
    return place


def signed_of(folder: Path, owner: Identity = OWNER) -> bytes:
    return sign(owner, pack(folder, CARD), CLOCK)


def sources(folder: Path):
    def of(file: AssetFile) -> Iterator[bytes]:
        yield (folder / file.name).read_bytes()

    return of
