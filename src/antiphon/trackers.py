"""Where a run's figures and sounds are shown, behind one Protocol. Both libraries are optional and loaded when used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from antiphon.audio.waveform import Waveform
from antiphon.errors import ModelError


class Tracker(Protocol):
    def log(self, step: int, figures: dict[str, float]) -> None: ...

    def audio(self, step: int, name: str, wave: Waveform) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files in `folder`. Raises `ModelError` when the library is missing."""

    def __init__(self, folder: Path) -> None:
        try:
            library = import_module("tensorboardX")
        except ImportError as error:
            raise ModelError("TensorBoard's writer is not installed", "Run `pip install tensorboardX`.") from error
        self._writer: Any = library.SummaryWriter(str(folder))

    def log(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def audio(self, step: int, name: str, wave: Waveform) -> None:
        # The first channel: the format has no stereo.
        self._writer.add_audio(name, wave.samples[:1].T, step, sample_rate=wave.rate_hz)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run in `folder`; offline unless `online`: nothing leaves the machine unasked. Raises `ModelError`."""

    def __init__(self, folder: Path, project: str, config: dict[str, Any], *, online: bool = False) -> None:
        try:
            self._wandb: Any = import_module("wandb")
        except ImportError as error:
            raise ModelError("Weights & Biases is not installed", "Run `pip install wandb`.") from error
        folder.mkdir(parents=True, exist_ok=True)
        self._run: Any = self._wandb.init(
            project=project, config=config, dir=str(folder), mode="online" if online else "offline"
        )

    def log(self, step: int, figures: dict[str, float]) -> None:
        self._run.log(figures, step=step)

    def audio(self, step: int, name: str, wave: Waveform) -> None:
        self._run.log({name: self._wandb.Audio(wave.samples.T, sample_rate=wave.rate_hz)}, step=step)

    def close(self) -> None:
        self._run.finish()
