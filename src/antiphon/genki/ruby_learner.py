"""Ruby as a learner of rounds: the shipped architecture, the objective and the step of its own training.

Needs torch (antiphon[train]). Pieces are arranged from MIDI files, or from the clips of a private collection that have
a licence and a consent. Every local training begins with a fresh optimiser, so that nothing but parameters passes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from antiphon import models
from antiphon.errors import InputError
from antiphon.genki.data import Collection
from antiphon.genki.learning import Parameters, Piece, fits
from antiphon.music.meter import METERS
from antiphon.protocol import canonical
from antiphon.ruby import starter
from antiphon.ruby.arranging import Piece as Arranged
from antiphon.ruby.arranging import measured
from antiphon.ruby.conditions import TEXT_DIM, Attributes
from antiphon.ruby.reading import MIDI, piece_of_file
from antiphon.ruby.steps import VOCABULARY
from antiphon.ruby.training.batches import Example, batch_of, fixed, weights_of
from antiphon.ruby.training.trainer import Trainer, config, masked_loss
from antiphon.soundstorm.serving import GRAPHS, WEIGHTS
from antiphon.soundstorm.training.export import export, restored
from antiphon.soundstorm.training.model import Generator
from antiphon.training.hardware import Hardware

SHIPPED = f"{starter.MODEL}-{WEIGHTS}"
MASKS = 3
"""Masks by which a piece's loss is measured."""


class _Packed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece without its name. `tokens [10, T]`, a byte each."""

    tokens: bytes
    tonic: int
    mode: str
    meter: str
    quarter_bpm: float
    attributes: Attributes


class RubyLearner:
    """`begun_with`: the bytes of an export's safetensors file to go on from; None begins with none. `made_from`: what
    they are called in the catalogue of models."""

    engine = "ruby"

    def __init__(
        self, size: str = "base", *, begun_with: bytes | None = None, made_from: str = "", device: str = "cpu"
    ) -> None:
        made = config(size, batch=4, warm_up=5, final_rate=1.0, learning_rate=5e-4, ema=0.9, shortest=0)
        generator = msgspec.structs.replace(made.generator, dropout=0.0)
        self._config = msgspec.structs.replace(
            made, generator=generator, precision="float32", hardware=Hardware(device=device)
        )
        self._begun_with, self.made_from = begun_with, made_from
        self.name = generator.name

    def initial(self) -> Parameters:
        if self._begun_with is not None:
            return _taken(restored(self._begun_with, self._config.generator))
        return _taken(self._model())

    def read(self, folder: Path) -> list[Piece]:
        """Pieces of the MIDI files below `folder`, or of a collection. Raises `InputError` where there are none.

        A file that is no music on a grid is left out.
        """
        found, why = [], "none of it is MIDI"
        for path, told in _clips(folder) if (folder / "clips").is_dir() else _midi(folder):
            try:
                piece = piece_of_file(path)
            except InputError as error:
                why = f"{path.name}: {error.what}"
                continue
            heard = msgspec.structs.replace(measured(piece), origin="people", **told)
            found.append(Example(piece, heard, np.zeros((0, TEXT_DIM), np.float32), path.name))
        if not found:
            raise InputError(
                f"{folder} holds no music to learn from; {why}",
                "Name a folder of MIDI files, or a collection whose clips have a licence and a consent.",
            )
        return found

    def learn(self, parameters: Parameters, pieces: Sequence[Piece], *, steps: int, seed: int) -> Parameters:
        trainer = Trainer(msgspec.structs.replace(self._config, steps=max(steps, 1), seed=seed))
        _give(trainer.model, parameters)
        weights = weights_of(pieces)
        for step in range(steps):
            trainer.train(batch_of(pieces, weights, step, trainer.config))
        return _taken(trainer.model)

    @torch.no_grad()
    def losses(self, parameters: Parameters, pieces: Sequence[Piece]) -> npt.NDArray[np.float64]:
        """Mean cross-entropy, in nats, of hidden tokens of each piece, by masks that stay."""
        model = _give(self._model(), parameters).eval()
        return np.array([self._loss(model, piece) for piece in pieces], np.float64)

    def pack(self, piece: Example) -> bytes:
        held = piece.piece
        return canonical.encode(
            _Packed(
                tokens=held.tokens.astype(np.uint8).tobytes(),
                tonic=held.tonic,
                mode=held.mode,
                meter=held.meter,
                quarter_bpm=held.quarter_bpm,
                attributes=piece.attributes,
            )
        )

    def unpack(self, raw: bytes) -> Example:
        told = canonical.decode(_Packed, raw)
        levels = len(VOCABULARY)
        if not told.tokens or len(told.tokens) % levels or told.meter not in METERS:
            raise InputError("A piece is no whole grid in a metre that there is", "Pack it with the same model.")
        tokens = np.frombuffer(told.tokens, np.uint8).reshape(levels, -1).astype(np.uint16)
        if (tokens >= np.array(VOCABULARY)[:, None]).any():
            raise InputError("A piece holds tokens that Ruby does not have", "Pack it with the same model.")
        held = Arranged(tokens=tokens, tonic=told.tonic, mode=told.mode, meter=told.meter, quarter_bpm=told.quarter_bpm)
        return Example(held, told.attributes, np.zeros((0, TEXT_DIM), np.float32))

    def export(self, parameters: Parameters, folder: Path) -> None:
        """The graph and its weights, in half precision, as the engine `ruby` loads them."""
        written = export(_give(self._model(), parameters), folder)
        written[GRAPHS["int8"]].unlink()  # it saves no time at this size

    def _loss(self, model: Generator, piece: Example) -> float:
        batch, hidden = fixed([piece] * MASKS, self._config, seed=1)
        return float(masked_loss(model, batch, torch.from_numpy(hidden), batch.total, 0.0)[1])

    def _model(self) -> Generator:
        return Generator(self._config.generator, self._config.seed)


def by_plan(model: str, rank: int) -> RubyLearner:
    """The learner of a plan's `model`: `ruby-base` goes on from the weights that ship, `ruby-tiny` begins with none.

    Raises `InputError` for adapters, `ModelError` where the weights are missing.
    """
    if rank:
        raise InputError(f"{model} has no adapters", "Leave rank out of the plan: all weights are learnt.")
    size = model.removeprefix("ruby-")
    if size != "base":
        return RubyLearner(size)
    return RubyLearner(size, begun_with=models.read(starter.MODEL, SHIPPED), made_from=starter.MODEL)


def _taken(model: Generator) -> Parameters:
    return {name: value.detach().cpu().to(torch.float32).numpy().copy() for name, value in model.named_parameters()}


def _give(model: Generator, parameters: Parameters) -> Generator:
    fits(parameters, _taken(model), "The model")
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in parameters.items()}, strict=False)
    return model


def _midi(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in MIDI and path.is_file():
            yield path, {}


def _clips(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Of clips that may be trained on: where each lies, and what its sidecar says of style and mood."""
    collection = Collection(folder.parent.parent, folder.name)
    for sidecar in (collection.load(clip) for clip in collection.ids()):
        if sidecar.licence and sidecar.consent and sidecar.measured.kind == "music":
            told = {"style": sidecar.genre or "", "mood": sidecar.moods[0] if sidecar.moods else ""}
            yield Path(sidecar.source.path), told
