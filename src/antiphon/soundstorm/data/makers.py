"""Codecs and tokenizers by the names people give them, as functions that can be sent to other processes."""

from __future__ import annotations

import functools
from pathlib import Path

from antiphon.codecs.base import Codec
from antiphon.errors import InputError
from antiphon.soundstorm.data.preparing import Makers, Phonemise, Tokenizer

CODECS = ("speech", "chip")


def open_codec(name: str) -> Codec:
    """`speech` (ours), `chip`, the folder of an exported or imported codec, or `NAME:FOLDER` of a foreign one's graphs.

    Raises `InputError` for anything else, `ModelError` when weights are missing or damaged.
    """
    from antiphon.codecs import neural

    if name == "chip":
        from antiphon.codecs.chip import ChipCodec

        return ChipCodec()
    if name == "speech":
        return neural.load()
    kind, _, folder = name.partition(":")
    if kind in neural.FOREIGN and folder:
        return neural.ForeignCodec(neural.FOREIGN[kind], Path(folder))
    if Path(name).is_dir():
        if (model := neural.told(Path(name))) is not None:
            return neural.ForeignCodec(model, Path(name))
        return neural.load(Path(name))
    known = ", ".join((*CODECS, *(f"{one}:FOLDER" for one in neural.FOREIGN)))
    raise InputError(f"There is no codec {name}", f"Choose one of {known}, or the folder of an exported one.")


def open_tokenizer(path: str) -> Tokenizer:
    """A saved semantic tokenizer, with one thread: processes are many already. Raises `ModelError`."""
    from antiphon.soundstorm.semantic import load

    return load(Path(path))


def makers(codec: str, semantic: Path, phonemise: Phonemise | None = None) -> Makers:
    """What `prepare` needs, by name. `phonemise` must be a function other processes can import."""
    return Makers(
        codec=functools.partial(open_codec, codec),
        tokenizer=functools.partial(open_tokenizer, str(semantic)),
        phonemise=None if phonemise is None else functools.partial(_same, phonemise),
    )


def _same(phonemise: Phonemise) -> Phonemise:
    return phonemise
