"""An exported generator as the network serves it: ONNX Runtime, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from antiphon import models
from antiphon.codecs.base import TokenGrid
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, Result, generate
from antiphon.soundstorm.diffusion import Noising, denoise
from antiphon.soundstorm.inputs import Floats, Inputs
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.windows import Run, WindowOptions

Precision = Literal["float32", "int8"]

GRAPHS: dict[Precision, str] = {"float32": "generator.onnx", "int8": "generator-int8.onnx"}
WEIGHTS = "generator.safetensors"


class Generator:
    """`Logits` over an exported graph. `name` carries the fingerprint of the weights.

    An int8 graph scales activations by the largest of all that it is shown at once. There each row of a batch runs by
    itself and without padding, or its tokens would depend on what else is in the batch.
    """

    def __init__(self, session: Any, precision: Precision = "float32") -> None:
        """An ONNX Runtime session of what `training.export` made. Raises `ModelError` for any other graph."""
        about = session.get_modelmeta().custom_metadata_map
        if "config" not in about or "fingerprint" not in about:
            raise ModelError("This graph is no generator of ours", "Export it again by `antiphon soundstorm`.")
        self._session, self.precision = session, precision
        self.config = GeneratorConfig.from_json(about["config"])
        self.fingerprint = str(about["fingerprint"])
        self.name = f"{self.config.name}-{self.fingerprint}"
        self.layout = self.config.layout

    def __call__(self, inputs: Inputs, level: int) -> Floats:
        """Logits `[B, T, vocabulary[level]]`."""
        made = self._run(inputs, level=np.array(level, np.int64))[0]
        return np.asarray(made[..., : self.layout.vocabulary[level]], np.float32)

    def joint(self, inputs: Inputs) -> list[Floats]:
        """Logits of all levels at a step of the diffusion."""
        return self._run(inputs)

    def generate(
        self, jobs: Sequence[DecodingInput], options: DecodingOptions | None = None, *, traced: bool = False
    ) -> list[Result]:
        """All jobs in one batch, by the way of decoding the generator was trained for."""
        if self.config.objective == "maskgit":
            return generate(self, jobs, self.layout, options, traced=traced)
        noising = Noising(self.config.diffusion_steps)
        options = options or DecodingOptions()
        steps = min(noising.steps, len(options.plan(self.layout)))
        return denoise(
            self.joint, jobs, self.layout, noising, steps=steps, guidance=options.guidance, traced=traced
        )  # fmt: skip

    def runner(self, options: DecodingOptions | None = None) -> Run:
        """What `windows` runs for each window."""

        def run(job: DecodingInput) -> TokenGrid:
            return self.generate([job], options)[0].grid

        return run

    @property
    def windows(self) -> WindowOptions:
        """Windows as long as what it was trained on; each repeats up to a second of the one before."""
        return WindowOptions(window=self.config.window, overlap=min(50, self.config.window // 8))

    def _feeds(self, inputs: Inputs) -> dict[str, Any]:
        feeds: dict[str, Any] = {
            "semantic": inputs.semantic,
            "tokens": inputs.tokens,
            "valid": inputs.valid,
        }
        if self.config.segments:
            feeds["prompt"] = inputs.prompt
        if self.config.text_dim:
            text = inputs.text
            if text is None:
                text = np.zeros((inputs.semantic.shape[0], self.config.text_dim), np.float32)
            if text.shape[1] != self.config.text_dim:
                raise InputError(f"The text embedding has {text.shape[1]} numbers, not {self.config.text_dim}")
            feeds["text"] = text
        if inputs.noise is not None:
            feeds["noise"] = inputs.noise
        return feeds

    def _run(self, inputs: Inputs, **more: Any) -> list[Floats]:
        if self.precision == "float32":
            return self._call({**self._feeds(inputs), **more})
        rows, frames = inputs.semantic.shape
        made = [self._call({**self._feeds(inputs.alone(row)), **more}) for row in range(rows)]
        padded = [[np.pad(one, ((0, 0), (0, frames - one.shape[1]), (0, 0))) for one in outputs] for outputs in made]
        return [np.concatenate(outputs) for outputs in zip(*padded, strict=True)]

    def _call(self, feeds: dict[str, Any]) -> list[Floats]:
        name = f"The generator {self.name}"
        return models.run_session(self._session, feeds, name=name, hint="Report it with the request.")


def load(folder: Path, *, precision: Precision = "float32", threads: int | None = None, prefix: str = "") -> Generator:
    """The generator exported into `folder`. Raises `ModelError` when it is missing or unreadable."""
    path = folder / f"{prefix}{GRAPHS[precision]}"
    if not path.is_file():
        raise ModelError(f"There is no {path}", "Give the folder of an export.")
    return Generator(models.open_session(path, str(path), threads=threads), precision)
