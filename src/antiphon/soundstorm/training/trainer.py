"""One training step of a generator, and everything that changes in it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from antiphon.soundstorm.diffusion import Noising
from antiphon.soundstorm.training.export import continued
from antiphon.soundstorm.training.model import Codebook, Generator, begin
from antiphon.soundstorm.training.objectives import Batch, diffusion_loss, maskgit_loss
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.training.hardware import ProcessGroup
from antiphon.training.trainer import Inputs, Objective, parts_of
from antiphon.training.trainer import Trainer as StepTrainer


class GeneratorObjective(Objective[Generator]):
    """MaskGIT's loss, or the diffusion's, as the configuration says."""

    def __init__(self, model: Generator, config: TrainConfig) -> None:
        super().__init__(model)
        self._upper = config.upper_weight
        self._noising = Noising(config.generator.diffusion_steps)

    def forward(self, inputs: Inputs, counts: Sequence[float]) -> tuple[Tensor, dict[str, Tensor]]:
        batch = Batch.of(inputs)
        if self.model.config.objective == "maskgit":
            return maskgit_loss(self.model, batch, counts[0], upper=self._upper)
        return diffusion_loss(self.model, batch, self._noising, counts[0])


class Trainer(StepTrainer[Generator]):
    """State of a training: the model, its average, the optimiser, and the step to make next."""

    config: TrainConfig

    def __init__(
        self,
        config: TrainConfig,
        processes: ProcessGroup | None = None,
        *,
        codebooks: Sequence[Codebook] | None = None,
        weights: bytes | None = None,
    ) -> None:
        """`codebooks` of the codec, `[V, D]` of each level: tokens that sound alike begin alike (`model.begin`).

        `weights`, of an export, are learnt on with instead. Raises `ModelError` where they are of another generator.
        """
        processes = processes or ProcessGroup(config.hardware, config.precision)
        model = Generator(config.generator, config.seed, recompute=config.hardware.recompute)
        if weights is not None:
            model.load_state_dict(continued(weights, config.generator))
        elif codebooks is not None:
            begin(model, codebooks, config.seed)
        super().__init__(
            config, GeneratorObjective(model, config), parameter_groups(model, config.weight_decay), processes
        )

    def train(self, batch: Batch) -> dict[str, float]:
        """One step on this process's rows of a batch."""
        parts = [batch.rows(part) for part in parts_of(len(batch.level), self.config.hardware)]
        return self.learn([part.tensors() for part in parts], [batch.total / self.processes.size])


def parameter_groups(model: nn.Module, decay: float) -> list[tuple[list[str], float]]:
    """Names of parameters and their decay: for matrices of layers only, not for embeddings, norms and biases."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed = [name for name, p in model.named_parameters() if p.ndim > 1 and id(p) not in tables]
    others = [name for name, p in model.named_parameters() if p.ndim <= 1 or id(p) in tables]
    return [(decayed, decay), (others, 0.0)]
