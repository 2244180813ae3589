"""HuBERT (arXiv:2106.07447) and WavLM (arXiv:2110.13900) up to one layer, by the names and shapes of their published
weights, and as a graph that tells semantic features. Needs torch; what it makes does not.

A folder as the hub has it: `config.json`, `model.safetensors` or `pytorch_model.bin`, and `preprocessor_config.json`
where there is one. Positions are those of a convolution; WavLM adds a bias by relative place, gated by what is heard.
"""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.checkpoints.reading import filled, read_weights
from antiphon.codecs.training.export import OPSET
from antiphon.errors import ModelError, OutputError

KINDS = ("hubert", "wavlm")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
DISTANCE_BUCKETS, FARTHEST = 320, 800


class EncoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What of `config.json` the layers depend on. Defaults are the library's that writes it."""

    model_type: str
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    conv_dim: tuple[int, ...] = (512,) * 7
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    feat_extract_norm: str = "group"
    feat_proj_layer_norm: bool = True
    do_stable_layer_norm: bool = False
    layer_norm_eps: float = 1e-5
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    num_buckets: int = DISTANCE_BUCKETS
    max_bucket_distance: int = FARTHEST

    def __post_init__(self) -> None:
        if self.model_type not in KINDS:
            raise ValueError(f"model_type is {self.model_type!r}, not one of {', '.join(KINDS)}")
        if self.feat_extract_norm not in ("group", "layer") or not len(self.conv_dim) == len(self.conv_kernel) == len(
            self.conv_stride
        ):
            raise ValueError("the convolutions are not described as HuBERT's are")
        if math.prod(self.conv_stride) != 320 or self.hidden_size % self.num_attention_heads:
            raise ValueError("a layer must give 50 rows a second, and share its width evenly among heads")


class _Convolution(nn.Module):
    def __init__(self, config: EncoderConfig, number: int) -> None:
        super().__init__()
        before = config.conv_dim[number - 1] if number else 1
        dim = config.conv_dim[number]
        self.conv = nn.Conv1d(
            before, dim, config.conv_kernel[number], config.conv_stride[number], bias=config.conv_bias
        )
        self.by_frame = config.feat_extract_norm == "layer"
        self.layer_norm: nn.Module = nn.Identity()
        if self.by_frame:
            self.layer_norm = nn.LayerNorm(dim)
        elif number == 0:
            self.layer_norm = nn.GroupNorm(dim, dim)

    def forward(self, x: Tensor) -> Tensor:  # [B, C, N]
        x = self.conv(x)
        x = self.layer_norm(x.transpose(1, 2)).transpose(1, 2) if self.by_frame else self.layer_norm(x)
        return functional.gelu(x)


class _Attention(nn.Module):
    def __init__(self, config: EncoderConfig, *, first: bool) -> None:
        super().__init__()
        dim, self.heads = config.hidden_size, config.num_attention_heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(dim, dim) for _ in range(4))
        self.buckets, self.farthest = config.num_buckets // 2, config.max_bucket_distance
        if config.model_type == "wavlm":
            self.gru_rel_pos_const = nn.Parameter(torch.ones(1, self.heads, 1, 1))
            self.gru_rel_pos_linear = nn.Linear(dim // self.heads, 8)
            if first:
                self.rel_attn_embed = nn.Embedding(config.num_buckets, self.heads)

    def places(self, frames: int, device: torch.device) -> Tensor:
        """The bias by relative place `[H, T, T]`: near ones each, far ones by the logarithm."""
        order = torch.arange(frames, device=device)
        away = order[None] - order[:, None]
        near, distance = self.buckets // 2, away.abs()
        far = torch.log(distance.clamp(min=1).float() / near) / math.log(self.farthest / near) * (self.buckets - near)
        far = (near + far.to(torch.int64)).clamp(max=self.buckets - 1)
        bucket = (away > 0) * self.buckets + torch.where(distance < near, distance, far)
        return self.rel_attn_embed(bucket).permute(2, 0, 1)  # type: ignore[no-any-return]

    def forward(self, x: Tensor, places: Tensor | None) -> Tensor:
        rows, frames, dim = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(rows, frames, self.heads, dim // self.heads).transpose(1, 2)  # [B, H, T, d / H]

        weights = split(self.q_proj(x)) @ split(self.k_proj(x)).transpose(-1, -2) * (dim // self.heads) ** -0.5
        if places is not None:
            gates = self.gru_rel_pos_linear(split(x)).unflatten(-1, (2, 4)).sum(-1).sigmoid()
            one, other = gates.chunk(2, dim=-1)
            weights = weights + (one * (other * self.gru_rel_pos_const - 1.0) + 2.0) * places
        seen = weights.softmax(-1) @ split(self.v_proj(x))
        return self.out_proj(seen.transpose(1, 2).reshape(rows, frames, dim))  # type: ignore[no-any-return]


class _FeedForward(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.output_dense = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(functional.gelu(self.intermediate_dense(x)))  # type: ignore[no-any-return]


class _Layer(nn.Module):
    def __init__(self, config: EncoderConfig, *, first: bool) -> None:
        super().__init__()
        self.before = config.do_stable_layer_norm
        self.attention, self.feed_forward = _Attention(config, first=first), _FeedForward(config)
        self.layer_norm, self.final_layer_norm = (
            nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps) for _ in range(2)
        )

    def forward(self, x: Tensor, places: Tensor | None) -> Tensor:
        if self.before:
            x = x + self.attention(self.layer_norm(x), places)
            return x + self.feed_forward(self.final_layer_norm(x))  # type: ignore[no-any-return]
        x = self.layer_norm(x + self.attention(x, places))
        return self.final_layer_norm(x + self.feed_forward(x))  # type: ignore[no-any-return]


class _Parts(nn.Module):
    """Modules under the names of the checkpoint."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class SpeechEncoder(nn.Module):
    """`[1, samples]` at 16 kHz to the output of layer `layer`, `[1, S, D]`: 0 is what the first layer is given."""

    def __init__(self, config: EncoderConfig, layer: int, *, normalised: bool) -> None:
        super().__init__()
        self.config, self.layer, self.normalised = config, layer, normalised
        dim, eps = config.hidden_size, config.layer_norm_eps
        wide = config.conv_dim[-1]
        self.feature_extractor: Any = _Parts(
            conv_layers=nn.ModuleList(_Convolution(config, n) for n in range(len(config.conv_dim)))
        )
        self.feature_projection: Any = _Parts(
            layer_norm=nn.LayerNorm(wide, eps=eps) if config.feat_proj_layer_norm else nn.Identity(),
            projection=nn.Linear(wide, dim),
        )
        kernel = config.num_conv_pos_embeddings
        place = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=config.num_conv_pos_embedding_groups)
        self.encoder: Any = _Parts(
            pos_conv_embed=_Parts(conv=place),
            layer_norm=nn.LayerNorm(dim, eps=eps),
            layers=nn.ModuleList(_Layer(config, first=n == 0) for n in range(layer)),
        )

    def forward(self, audio: Tensor) -> Tensor:
        if self.normalised:
            spread = audio.var(-1, keepdim=True, correction=0)
            audio = (audio - audio.mean(-1, keepdim=True)) / torch.sqrt(spread + 1e-7)
        x = audio[:, None]
        for convolution in self.feature_extractor.conv_layers:
            x = convolution(x)
        x = self.feature_projection.projection(self.feature_projection.layer_norm(x.transpose(1, 2)))
        placed = self.encoder.pos_conv_embed.conv(x.transpose(1, 2))
        placed = placed[..., : x.shape[1]]  # an even kernel gives one more
        x = x + functional.gelu(placed).transpose(1, 2)
        stable = self.config.do_stable_layer_norm
        x = x if stable else self.encoder.layer_norm(x)
        places = None
        if self.config.model_type == "wavlm" and self.layer:
            places = self.encoder.layers[0].attention.places(x.shape[1], x.device)
        for block in self.encoder.layers:
            x = block(x, places)
        last = stable and self.layer == self.config.num_hidden_layers
        return self.encoder.layer_norm(x) if last else x  # type: ignore[no-any-return]


def load(folder: Path, layer: int) -> SpeechEncoder:
    """The encoder of a folder up to `layer`. Raises `ModelError`, and `InputError` for weights of other shapes."""
    config = _config(folder)
    if not 0 <= layer <= config.num_hidden_layers:
        raise ModelError(f"There is no layer {layer} of {config.num_hidden_layers} in {folder}", "Choose another.")
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(f"There are no weights in {folder}", f"It must hold {' or '.join(WEIGHTS)}.")
    model = SpeechEncoder(config, layer, normalised=_normalised(folder))
    # A model with a head has a prefix.
    named = {name.removeprefix(f"{config.model_type}."): value for name, value in read_weights(weights).items()}
    filled(model, named, config.model_type)
    return model


def export(folder: Path, layer: int, file: Path) -> SpeechEncoder:
    """Write `load(folder, layer)` as ONNX. Raises what `load` raises, and `OutputError`."""
    model = load(folder, layer)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as made:
        warnings.simplefilter("ignore")  # see `training.export`
        graph = Path(made) / "encoder.onnx"
        torch.onnx.export(
            model, (torch.zeros(1, 16_400),), graph, input_names=["audio"], output_names=["features"],
            dynamic_axes={"audio": {1: "N"}, "features": {1: "S"}}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(graph.read_bytes())
        except OSError as error:
            raise OutputError(f"{file} cannot be written: {error.strerror}", "Choose another place.") from error
    return model


def _config(folder: Path) -> EncoderConfig:
    try:
        return msgspec.json.decode((folder / "config.json").read_bytes(), type=EncoderConfig)
    except OSError as error:
        raise ModelError(
            f"{folder / 'config.json'} cannot be read: {error.strerror}", "Give the folder of a published model."
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} is not of HuBERT or WavLM: {error}", "Give one that is.") from error


def _normalised(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "preprocessor_config.json").read_text()).get("do_normalize", True))
    except (OSError, ValueError, AttributeError):
        return True
