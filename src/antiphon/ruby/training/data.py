"""A prepared set of pieces (`scripts/ruby_data.py`): a folder with `pieces.jsonl`, `tokens.npz` and `texts.npz`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from antiphon.errors import InputError
from antiphon.ruby.arranging import Piece
from antiphon.ruby.conditions import Attributes
from antiphon.ruby.training.batches import Example


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `pieces.jsonl`: what is known of a piece beside its tokens."""

    name: str
    split: str
    source: str
    composer: str
    licence: str
    attributes: Attributes
    texts: tuple[str, ...]
    tonic: int
    mode: str
    meter: str
    bpm: float


def load(folder: Path, split: str) -> list[Example]:
    """The examples of a split, in the order of the set. Raises `InputError` where there is no set."""
    try:
        lines = (folder / "pieces.jsonl").read_bytes().splitlines()
        with np.load(folder / "texts.npz") as file:
            vectors = dict(zip(file["texts"].tolist(), file["vectors"].astype(np.float32), strict=True))
        sidecars = [msgspec.json.decode(line, type=Sidecar) for line in lines]
        with np.load(folder / "tokens.npz") as file:
            return [
                _example(sidecar, file[str(number)], vectors)
                for number, sidecar in enumerate(sidecars)
                if sidecar.split == split
            ]
    except (OSError, KeyError, ValueError, msgspec.MsgspecError) as error:
        raise InputError(f"{folder} is no set of pieces: {error}", "Make one by scripts/ruby_data.py.") from error


def _example(about: Sidecar, tokens: np.ndarray, vectors: dict[str, np.ndarray]) -> Example:
    piece = Piece(
        tokens=tokens.astype(np.uint16), tonic=about.tonic, mode=about.mode, meter=about.meter, quarter_bpm=about.bpm
    )
    return Example(piece, about.attributes, np.stack([vectors[text] for text in about.texts]), about.name)
