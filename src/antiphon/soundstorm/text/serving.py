"""An exported text stage as the network serves it: ONNX Runtime, no torch. One door for both kinds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antiphon import models
from antiphon.codecs.base import Tokens
from antiphon.errors import ModelError
from antiphon.models import tensors
from antiphon.soundstorm.inputs import Floats, Ints
from antiphon.soundstorm.text.alignment import Sounds, Word, from_attention, words
from antiphon.soundstorm.text.layout import TextConfig
from antiphon.soundstorm.text.parallel import predict_tokens
from antiphon.soundstorm.text.sampling import SamplingOptions, generate

GRAPHS = {"step": "text.onnx", "read": "text-read.onnx", "predict_tokens": "text-tell.onnx"}
WEIGHTS = "text.safetensors"
SOUNDS = "sounds.safetensors"


@dataclass(frozen=True, slots=True)
class TextStageResult:
    """`tokens [S]` at `frame_rate_hz`, and the times of words."""

    tokens: Tokens
    words: tuple[Word, ...]
    frame_rate_hz: float
    ended: bool  # False where the length had to be cut


class OnnxDecoder:
    """`Decoder` over an exported graph."""

    def __init__(self, session: Any, config: TextConfig) -> None:
        self._session, self.config = session, config
        width = config.dim // config.heads
        self._empty = np.zeros((config.layers, 2, 1, config.heads, 0, width), np.float32)

    def begin(self, phonemes: Ints) -> tuple[Floats, Floats, Any]:
        return self._run(np.append(phonemes, self.config.start), phonemes.shape[0], self._empty)

    def step(self, token: int, state: Any) -> tuple[Floats, Floats, Any]:
        return self._run(np.array([self.config.start + 1 + token]), *state)

    def _run(self, ids: Ints, prefix: int, cache: Any) -> tuple[Floats, Floats, Any]:
        feeds = {"ids": ids[None].astype(np.int64), "prefix": np.array([prefix], np.int64), "cache": cache}
        logits, attention, cache = _run(self._session, feeds)
        looked = np.exp(attention[0, :prefix] - attention[0, :prefix].max())
        return logits[0], looked / looked.sum(), (prefix, cache)


class OnnxSpeaker:
    """`Speaker` over an exported pair of graphs."""

    def __init__(self, reader: Any, predictor: Any, config: TextConfig) -> None:
        self._reader, self._predictor, self.config = reader, predictor, config

    def read(self, phonemes: Ints) -> tuple[Floats, Floats]:
        hidden, durations = _run(self._reader, {"phonemes": phonemes[None]})
        return hidden[0], durations[0]

    def predict_tokens(self, hidden: Floats, place: Floats) -> Floats:
        made: Floats = _run(self._predictor, {"hidden": hidden[None], "place": place[None]})[0][0]
        return made


class TextStage:
    """Phonemes to semantic tokens and word times, by whichever kind was exported."""

    def __init__(self, model: OnnxDecoder | OnnxSpeaker, fingerprint: str) -> None:
        self.model, self.config = model, model.config
        self.fingerprint = fingerprint
        self.name = f"{self.config.name}-{fingerprint}"

    def say(
        self, phonemes: str, key: bytes, options: SamplingOptions | None = None, *, speed: float = 1.0
    ) -> TextStageResult:
        """Tokens of a sentence. `key` (32 bytes, `decoding.task_key`) is all its randomness; `speed` is for the
        parallel kind.

        Raises `InputError` when there is nothing to speak, `ModelError` when the model fails.
        """
        config = self.config
        ids = config.ids(phonemes)
        if isinstance(self.model, OnnxDecoder):
            spoken = generate(self.model, ids, key, options)
            if not spoken.tokens.size:
                raise ModelError(f"The text stage {self.name} said nothing", "Train it longer.")
            tokens, ended = spoken.tokens, spoken.ended
            frames = from_attention(spoken.attention, config.timeless()[ids])
        else:
            made = predict_tokens(self.model, ids, key, options, speed=speed)
            tokens, frames, ended = made.tokens, made.frames, True
        times = tuple(words(config.spelt(ids), frames, config.frame_rate_hz))
        return TextStageResult(tokens, times, config.frame_rate_hz, ended)


def load(folder: Path, *, threads: int | None = None, prefix: str = "") -> TextStage:
    """The text stage exported into `folder`. Raises `ModelError` when it is missing or unreadable."""
    paths = {name: folder / f"{prefix}{file}" for name, file in GRAPHS.items()}
    if paths["step"].is_file():
        session, config, fingerprint = _session(paths["step"], threads)
        return TextStage(OnnxDecoder(session, config), fingerprint)
    reader, config, fingerprint = _session(paths["read"], threads)
    predictor, other, same = _session(paths["predict_tokens"], threads)
    if (config, fingerprint) != (other, same):
        raise ModelError(f"The graphs in {folder} are not of one text stage", "Export it again.")
    return TextStage(OnnxSpeaker(reader, predictor, config), fingerprint)


def _session(path: Path, threads: int | None) -> tuple[Any, TextConfig, str]:
    if not path.is_file():
        raise ModelError(f"There is no {path}", "Give the folder of an export.")
    session = models.open_session(path, str(path), threads=threads)
    about = session.get_modelmeta().custom_metadata_map
    if "config" not in about or "fingerprint" not in about:
        raise ModelError(f"{path} is no text stage of ours", "Export it again by `antiphon soundstorm`.")
    return session, TextConfig.from_json(about["config"]), str(about["fingerprint"])


def _run(session: Any, feeds: dict[str, Any]) -> list[Any]:
    return models.run_session(session, feeds, name="The text stage", hint="Report it with the text.")


def sounds_blob(sounds: Sounds) -> bytes:
    """The table of sounds as safetensors, in half precision."""
    return tensors.dump(
        {"log_probability": sounds.log_probability.astype(np.float16), "timeless": sounds.timeless.astype(np.uint8)}
    )


def load_sounds(path: Path) -> Sounds:
    """A table for forced alignment. Raises `ModelError` when it is missing or damaged."""
    try:
        found = tensors.parse(path.read_bytes())
        table, timeless = np.array(found["log_probability"], np.float32), np.array(found["timeless"], np.bool_)
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}", "Give the folder of an export.") from error
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} is no table of sounds: {error}", "Export it again.") from error
    if table.ndim != 2 or timeless.shape != table.shape[:1]:
        raise ModelError(f"{path} is no table of sounds", "Export it again.")
    return Sounds(table, timeless)
