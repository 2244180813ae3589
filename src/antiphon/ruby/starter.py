"""The Ruby that ships: its weights by hash, ready to fill grids."""

from __future__ import annotations

from pathlib import Path

from antiphon import models
from antiphon.errors import ModelError
from antiphon.ruby.conditions import DIM, POSITIONS
from antiphon.ruby.steps import NAME, VOCABULARY
from antiphon.soundstorm import serving
from antiphon.soundstorm.serving import GRAPHS, Generator, Precision

MODEL = "ruby-1"
"""Its name in the catalogue, and the beginning of its files' names."""


def load(folder: Path | None = None, *, threads: int | None = None, precision: Precision = "float32") -> Generator:
    """The generator that ships, or an export of your own. Raises `ModelError` where it is missing, or no Ruby."""
    if folder is None:
        made = serving.load(models.path(MODEL), precision=precision, threads=threads, prefix=f"{MODEL}-")
    else:
        graphs = sorted(folder.glob(f"*{GRAPHS[precision]}"))
        prefix = graphs[0].name.removesuffix(GRAPHS[precision]) if graphs else ""
        made = serving.load(folder, precision=precision, threads=threads, prefix=prefix)
    layout, text = made.layout, made.config.text_dim
    if (layout.codec, layout.vocabulary, layout.semantic_vocabulary, text) != (NAME, VOCABULARY, POSITIONS, DIM):
        raise ModelError(
            f"{made.name} is no Ruby of this version: it makes {layout.codec}", "Reinstall antiphon, or train it anew."
        )
    return made
