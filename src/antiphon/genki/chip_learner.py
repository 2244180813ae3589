"""SoundStorm on the sound chip's tokens, as a learner of rounds: the same generator, objective and trainer.

Needs torch (antiphon[train]). A piece is one tune as registers `[10, T]` at 60 frames a second. Every local training
begins with a fresh optimiser, so that nothing but parameters passes from one round to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from antiphon.codecs.base import TokenGrid, Tokens, check_grid
from antiphon.codecs.chip import ChipCodec, from_midi
from antiphon.errors import InputError
from antiphon.genki.data import Collection
from antiphon.genki.learning import Parameters, Piece, fits
from antiphon.soundstorm import Example, InMemoryTokenSet, Layout
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.model import Generator
from antiphon.soundstorm.training.objectives import maskgit_loss
from antiphon.soundstorm.training.profiles import TrainConfig, profile
from antiphon.soundstorm.training.trainer import GeneratorObjective
from antiphon.training.hardware import Hardware, ProcessGroup
from antiphon.training.trainer import Trainer

MIN_FRAMES = 120
"""Shorter tunes (2 s) are left out."""
DRAWS = 1
"""Masks by which a piece's loss is measured, for each level of the grid."""
_NO_CONDITION = 2  # smallest vocabulary of semantic tokens; none are given


class ChipLearner:
    """`rank` > 0: the generator stays as it began, and adapters of that rank are learnt beside its matrices."""

    def __init__(self, size: str = "tiny", rank: int = 0, *, frames: int = 240, device: str = "cpu") -> None:
        layout = Layout.of(ChipCodec(), _NO_CONDITION)
        made = profile(size, layout)
        generator = msgspec.structs.replace(made.generator, window=frames, dropout=0.0)
        self.name = f"soundstorm-{size}"
        self._rank = rank
        self._config = msgspec.structs.replace(
            made,
            generator=generator,
            frames=frames,
            batch=8,
            warm_up=5,
            final_rate=1.0,
            upper_weight=0.5,
            longest_prompt=0.5,
            drop_conditions=1.0,
            joined=False,
            precision="float32",
            hardware=Hardware(device=device),
        )

    def initial(self) -> Parameters:
        return _taken(self._model())

    def read(self, folder: Path) -> list[Piece]:
        """Tunes of all MIDI files below `folder`, or of a private collection's clips that may be trained on."""
        found = list(_clips(folder) if (folder / "clips").is_dir() else _midi(folder))
        pieces = [tokens for tokens in found if tokens.shape[1] >= MIN_FRAMES]
        if not pieces:
            raise InputError(
                f"{folder} holds no music to learn from",
                "Name a folder of MIDI files, or a collection whose clips have a licence and a consent.",
            )
        return pieces

    def learn(self, parameters: Parameters, pieces: Sequence[Piece], *, steps: int, seed: int) -> Parameters:
        config = msgspec.structs.replace(self._config, steps=steps, seed=seed)
        model = _given(self._model(), parameters)
        names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        processes = ProcessGroup(config.hardware, config.precision)
        trainer = Trainer(config, GeneratorObjective(model, config), [(names, 0.0)], processes)
        tokens = _token_set(pieces)
        plan = batch_plan(tokens, config)
        for step in range(steps):
            batch = batch_of(tokens, plan.at(step), step, config)
            trainer.learn([batch.tensors()], [batch.total])
        return _taken(trainer.model)

    def losses(self, parameters: Parameters, pieces: Sequence[Piece]) -> npt.NDArray[np.float64]:
        """Mean cross-entropy, in nats, of hidden tokens: the same `DRAWS` masks for each level, whoever measures."""
        model = _given(self._model(), parameters).eval()
        return np.array([self._loss(model, piece) for piece in pieces], np.float64)

    @torch.no_grad()
    def _loss(self, model: Generator, piece: Tokens) -> float:
        config: TrainConfig = msgspec.structs.replace(self._config, seed=1)
        draws = DRAWS * config.generator.layout.levels
        batch = batch_of(_token_set([piece]), np.zeros(draws, np.intp), 0, config)
        _, figures = maskgit_loss(model, batch, batch.total)
        return float(figures["tokens"])

    def pack(self, piece: Tokens) -> bytes:
        return piece.astype("<u2").tobytes()

    def unpack(self, raw: bytes) -> Tokens:
        codec = ChipCodec()
        levels = len(codec.vocabulary)
        if not raw or len(raw) % (2 * levels):
            raise InputError(f"{len(raw)} bytes are no tune of {levels} registers", "Pack it with the same model.")
        tokens = np.frombuffer(raw, "<u2").astype(np.uint16).reshape(levels, -1)
        check_grid(codec, TokenGrid(tokens, codec.name, codec.frame_rate_hz))
        return tokens

    def _model(self) -> Generator:
        model = Generator(self._config.generator, self._config.seed)
        if self._rank:
            _adapt(model, self._rank, self._config.seed)
        return model


def by_plan(model: str, rank: int) -> ChipLearner:
    """The learner of a plan's `model`, soundstorm-SIZE."""
    return ChipLearner(model.removeprefix("soundstorm-"), rank)


class Adapter(nn.Module):
    """W + B A (LoRA, arXiv:2106.09685), `A [r, in]` random and `B [out, r]` zero at first."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.a = nn.Parameter(torch.randn(rank, columns, generator=generator) / columns**0.5)
        self.b = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.b @ self.a


def _adapt(model: Generator, rank: int, seed: int) -> None:
    """Freeze all weights, and give every matrix of the blocks an adapter; the heads, which begin at 0, stay free."""
    model.requires_grad_(requires_grad=False)
    generator = torch.Generator().manual_seed(seed)
    for module in [module for module in model.blocks.modules() if isinstance(module, nn.Linear)]:
        parametrize.register_parametrization(module, "weight", Adapter(module.weight, rank, generator))
    for free in (model.heads, model.biases):
        free.requires_grad = True


def _taken(model: nn.Module) -> Parameters:
    learnt = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {
        name: value.detach().cpu().to(torch.float32).numpy().copy()
        for name, value in model.state_dict().items()
        if name in learnt
    }


def _given(model: Generator, parameters: Parameters) -> Generator:
    fits(parameters, _taken(model), "The model")
    held = model.state_dict()
    model.load_state_dict(held | {name: torch.from_numpy(value.copy()) for name, value in parameters.items()})
    return model


def _token_set(pieces: Sequence[Tokens]) -> InMemoryTokenSet:
    return InMemoryTokenSet([Example(np.zeros(piece.shape[1], np.uint16), piece) for piece in pieces])


def _midi(folder: Path) -> list[Tokens]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".mid", ".midi") and file.is_file())
    return [from_midi(file.read_bytes()).tokens for file in files]


def _clips(folder: Path) -> list[Tokens]:
    """Registers heard in each clip that has a licence and a consent; a damaged file ends it with its name."""
    from antiphon.audio import read

    collection = Collection(folder.parent.parent, folder.name)
    sidecars = [collection.load(clip) for clip in collection.ids()]
    allowed = [one for one in sidecars if one.licence and one.consent and one.measured.kind == "music"]
    return [ChipCodec().encode(read(Path(one.source.path))).tokens for one in allowed]
