"""What a generator and a codec must agree on, and the sizes a generator comes in."""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from antiphon.codecs.base import Codec, depth_of
from antiphon.errors import InputError, ModelError

MAX_FRAMES = 8_192
"""Most frames a generator is shown at once (164 s at 50 Hz): attention needs memory by the square of them."""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tokens of a generator: `vocabulary[k]` of acoustic level k, `semantic_vocabulary` of its condition.

    In a grid that is still being made the token `vocabulary[k]` stands for "not yet known", and in the condition
    `semantic_vocabulary` stands for "none".

    Grids keep the codec's order everywhere. `depth` says in which order their levels are made: the coarse ones of all
    groups first, then what refines them (docs/decisions/0023).
    """

    codec: str
    vocabulary: tuple[int, ...]
    frame_rate_hz: float
    semantic: str = ""  # the tokenizer's name, which carries its hash; empty: of a generator older than this field
    semantic_vocabulary: int = 1024
    depth: tuple[int, ...] = ()  # of each level in its stack, 0 the coarsest; empty: 0, 1, 2, ...

    def __post_init__(self) -> None:
        if not self.vocabulary or not all(2 <= size <= 65_535 for size in (*self.vocabulary, self.semantic_vocabulary)):
            raise ValueError("a layout needs levels, and vocabularies of 2 to 65535 tokens")
        if self.depth and (len(self.depth) != self.levels or not all(0 <= one < self.levels for one in self.depth)):
            raise ValueError(f"depth {self.depth} must be one of 0..{self.levels - 1} for each of {self.levels} levels")
        if not self.frame_rate_hz > 0:
            raise ValueError(f"frame_rate_hz must be positive, got {self.frame_rate_hz}")

    @property
    def levels(self) -> int:
        return len(self.vocabulary)

    @property
    def order(self) -> tuple[int, ...]:
        """Levels of the grid in the order in which they are made: by depth, equal ones as the grid has them."""
        depth = self.depth or tuple(range(self.levels))
        return tuple(sorted(range(self.levels), key=depth.__getitem__))

    @property
    def place(self) -> tuple[int, ...]:
        """`place[k]`: how many levels are made before level k."""
        return tuple(self.order.index(level) for level in range(self.levels))

    @property
    def coarse(self) -> int:
        """How many levels are the coarsest of their stacks: they are made first, and given many passes."""
        return max(1, self.depth.count(0))

    @property
    def null(self) -> int:
        """The semantic token for "no condition"."""
        return self.semantic_vocabulary

    @classmethod
    def of(cls, codec: Codec, semantic_vocabulary: int = 1024, *, semantic: str = "") -> Layout:
        return cls(
            codec=codec.name,
            vocabulary=tuple(codec.vocabulary),
            frame_rate_hz=codec.frame_rate_hz,
            semantic=semantic,
            semantic_vocabulary=semantic_vocabulary,
            depth=depth_of(codec),
        )

    def hears(self, semantic: str, vocabulary: int) -> None:
        """Raise `InputError` unless the generator's condition is of the tokenizer named `semantic`."""
        if self.semantic_vocabulary != vocabulary or (self.semantic and self.semantic != semantic):
            raise InputError(
                f"This generator is told semantic tokens of {self.semantic or 'another tokenizer'} "
                f"({self.semantic_vocabulary} of them), not of {semantic} ({vocabulary})",
                "Use the tokenizer its data was prepared with.",
            )

    def fits(self, codec: Codec) -> None:
        """Raise `InputError` unless the generator's tokens are the codec's."""
        if (self.codec, self.vocabulary) != (codec.name, tuple(codec.vocabulary)):
            raise InputError(
                f"This generator makes tokens of the codec {self.codec}, not {codec.name}",
                "Use the codec it was trained on, or train a generator for this one.",
            )


class NetworkSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dial of a network of attention blocks, and the proportions that follow from it."""

    layers: int = 6
    dim: int = 256
    dropout: float = 0.1  # in training; the papers name none

    @property
    def heads(self) -> int:
        return max(2, self.dim // 64)

    @property
    def ff(self) -> int:
        return 4 * self.dim


class GeneratorConfig(NetworkSize, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bidirectional Conformer. `dim` and `layers` are the dial; everything else follows the paper's proportions.

    Paper (arXiv:2305.09636, section 4.1): 12 layers, 16 heads, dimension 1024, feed-forward 4096, kernel 5, rotary.
    """

    layout: Layout
    name: str = "generator"
    kernel: int = 5
    expansion: int = 1  # width of the convolution module over `dim`; paper: 2, by its number of parameters
    segments: bool = True  # an embedding tells what was given from what is made; paper: none
    input_norm: bool = True  # LayerNorm of the summed embeddings; paper: none
    fusion: Literal["sum", "unet"] = "sum"  # how the levels of a frame become one vector
    objective: Literal["maskgit", "diffusion"] = "maskgit"
    diffusion_steps: int = 100
    text_dim: int = 0  # of a text embedding as condition (music); 0: none
    window: int = 1_500  # most frames made at once, about what it was trained on; more are made in such windows

    def __post_init__(self) -> None:
        if self.layers < 1 or self.dim < 32 or self.dim % (2 * self.heads):
            raise ValueError(
                f"dim {self.dim} must be at least 32 and a multiple of {2 * self.heads}; layers at least 1"
            )
        if not 1 <= self.expansion <= 8:
            raise ValueError("expansion must be within 1..8")
        if not 8 <= self.window <= MAX_FRAMES:
            raise ValueError(f"window must be within 8..{MAX_FRAMES}")
        if self.kernel % 2 == 0 or not 0 <= self.dropout < 1 or self.text_dim < 0 or self.diffusion_steps < 1:
            raise ValueError("kernel must be odd, dropout in [0, 1), text_dim not negative, diffusion_steps positive")

    def to_json(self) -> str:
        return json.dumps(msgspec.to_builtins(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GeneratorConfig:
        """Raises `ModelError` for anything but a configuration of this version."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ModelError(f"This is no generator of ours: {error}", "Export it again.") from error


SIZES = {"tiny": (2, 64), "small": (6, 256), "base": (12, 512), "paper": (12, 1024)}
"""Layers and dimension by profile: `tiny` proves the recipe, `small` trains on two cores, `paper` wants a GPU."""


def profile(name: str, layout: Layout) -> GeneratorConfig:
    """Raises `InputError` with the names when there is none of that name."""
    if name not in SIZES:
        raise InputError(f"There is no generator profile {name}", f"Choose one of {', '.join(SIZES)}.")
    layers, dim = SIZES[name]
    made = GeneratorConfig(layout=layout, name=f"generator-{name}", layers=layers, dim=dim)
    if name == "paper":
        return msgspec.structs.replace(made, expansion=2, segments=False, input_norm=False, dropout=0.0)
    return made
