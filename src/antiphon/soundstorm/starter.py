"""The starter models that ship with us: codec, semantic clusters, text stage and generator, trained for each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from antiphon import models
from antiphon.codecs import neural
from antiphon.codecs.base import Codec
from antiphon.errors import ModelError
from antiphon.soundstorm import semantic, serving, text
from antiphon.soundstorm.decoding import DecodingOptions
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.serving import Generator, Precision
from antiphon.soundstorm.text import TextStage

MODEL = "soundstorm-16k"
"""Its name in the catalogue, and the beginning of its files' names. The codec is `codecs.neural.codec.MODEL`."""


DECODING = DecodingOptions(first=4, temperature=0.6, guidance=2.0, guided_levels=1)
"""How the starter models decode, by measurement on voices that were not trained on (docs/log.md): guidance by the
words halved their errors, on the first level already; what else differed was within chance, and the faster was
taken."""


@dataclass(frozen=True, slots=True)
class Starter:
    """All that it takes from a text, or from speech, to speech in the voice of a prompt."""

    codec: Codec
    tokenizer: SemanticTokenizer
    generator: Generator
    text: TextStage


def load(
    folder: Path | None = None, *, threads: int | None = None, precision: Precision = "int8", prefix: str = ""
) -> Starter:
    """The models that ship with us, or those of your own that `folder` holds side by side.

    The generator is int8 by default: two thirds of the time of float32, no worse on 12 clips.

    Raises `ModelError` when one is missing, damaged, or was trained for another.
    """
    codec = neural.load(folder, threads=threads or 1)
    if folder is None:
        folder, prefix = models.path(MODEL), f"{MODEL}-"
    tokenizer = semantic.load(folder / f"{prefix}semantic.safetensors")
    generator = serving.load(folder, precision=precision, threads=threads, prefix=prefix)
    stage = text.load(folder, threads=threads, prefix=prefix)
    layout = generator.layout
    if layout.codec != codec.name or stage.config.semantic != tokenizer.name:
        raise ModelError(
            f"The generator is for the codec {layout.codec} and the text stage for {stage.config.semantic}, "
            f"not for {codec.name} and {tokenizer.name}",
            "Reinstall antiphon, or train them on one set of tokens.",
        )
    layout.hears(tokenizer.name, tokenizer.vocabulary)
    return Starter(codec, tokenizer, generator, stage)
