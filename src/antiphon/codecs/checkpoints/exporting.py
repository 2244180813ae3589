"""A published checkpoint to a folder that serves without PyTorch: two ONNX graphs, and `codec.json` about them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from antiphon.codecs.checkpoints.dac import Dac, dac
from antiphon.codecs.checkpoints.hificodec import HiFiCodec, hificodec, settings
from antiphon.codecs.checkpoints.reading import Weights, read_weights
from antiphon.codecs.checkpoints.seanet import SeaNet, seanet
from antiphon.codecs.neural.foreign import DECODER, ENCODER, ForeignModel, write_model
from antiphon.errors import InputError, OutputError

OPSET = 17


Network = SeaNet | Dac | HiFiCodec


@dataclass(frozen=True, slots=True)
class _Opened:
    network: Network
    hop: int
    rate_hz: int
    groups: int = 1


def _encodec(weights: Weights, _config: Path | None, rate_hz: int | None) -> _Opened:
    return _Opened(*seanet(weights, causal=True), rate_hz or 24_000)


def _academicodec(weights: Weights, _config: Path | None, rate_hz: int | None) -> _Opened:
    return _Opened(*seanet(weights, causal=False), rate_hz or 16_000)


def _dac(weights: Weights, _config: Path | None, rate_hz: int | None) -> _Opened:
    network, hop = dac(weights)
    if rate_hz is None:
        raise InputError("The weights of a DAC do not tell their sample rate", "Give --rate 16000, 24000 or 44100.")
    return _Opened(network, hop, rate_hz)


def _hificodec(weights: Weights, config: Path | None, rate_hz: int | None) -> _Opened:
    told = settings(config)
    network, hop = hificodec(weights, told)
    return _Opened(network, hop, rate_hz or told.sampling_rate, told.n_code_groups)


KINDS: dict[str, Callable[[Weights, Path | None, int | None], _Opened]] = {
    "encodec": _encodec,
    "academicodec": _academicodec,
    "dac": _dac,
    "hificodec": _hificodec,
}
"""EnCodec at 24 kHz; AcademiCodec's EnCodec, which looks both ways; DAC; HiFi-Codec (needs its configuration)."""


def export_checkpoint(
    kind: str, checkpoint: Path, out: Path, *, config: Path | None = None, rate_hz: int | None = None
) -> ForeignModel:
    """Write graphs of the checkpoint into `out`, and return what they are of.

    Raises `InputError` for another kind or weights that do not fit it, `ModelError` for a file that cannot be read
    safely, `OutputError` when `out` cannot be written.
    """
    if kind not in KINDS:
        raise InputError(f"There is no kind of codec {kind}", f"Choose one of {', '.join(KINDS)}.")
    opened = KINDS[kind](read_weights(checkpoint), config, rate_hz)
    with torch.no_grad():
        levels = opened.network.encode(torch.zeros(1, 1, 32 * opened.hop)).shape[1]
    fingerprint = _fingerprint(opened.network)
    model = ForeignModel(
        name=f"{kind}-{fingerprint}",
        rate_hz=opened.rate_hz,
        hop=opened.hop,
        levels=levels,
        codes=_codes(opened.network),
        codes_ndim=3,
        hub="",
        depth=tuple(level // opened.groups for level in range(levels)) if opened.groups > 1 else (),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        _export(_Way(opened.network, encodes=True), torch.zeros(1, 1, 32 * opened.hop), out / ENCODER,
                "input_values", "audio_codes")  # fmt: skip
        _export(_Way(opened.network, encodes=False), torch.zeros(1, levels, 32, dtype=torch.int64), out / DECODER,
                "audio_codes", "audio_values")  # fmt: skip
        write_model(model, out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}", "Choose another place.") from error
    return model


class _Way(nn.Module):
    def __init__(self, network: Network, *, encodes: bool) -> None:
        super().__init__()
        self.network, self.encodes = network, encodes

    def forward(self, given: Tensor) -> Tensor:
        return self.network.encode(given) if self.encodes else self.network.decode(given)


def _export(module: nn.Module, example: Tensor, path: Path, given: str, made: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is announced to go some day
        torch.onnx.export(
            module.eval(),
            (example,),
            path,
            input_names=[given],
            output_names=[made],
            dynamic_axes={given: {2: "given"}, made: {2: "made"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _fingerprint(network: nn.Module) -> str:
    """Eight digits over all weights."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def _codes(network: Network) -> int:
    """Rows of a codebook: the last two-dimensional weight of the quantiser that is not a projection."""
    books = [value for name, value in network.quantizer.state_dict().items() if "embed" in name or "codebook" in name]
    return int(books[0].shape[0])
