"""A generator in training, looked at on speakers it does not learn from: loss, accuracy, and a sample to hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.codecs.base import Codec
    from antiphon.soundstorm.tokenset import TokenSet
    from antiphon.soundstorm.training.profiles import TrainConfig
    from antiphon.soundstorm.training.trackers import Tracker
    from antiphon.soundstorm.training.trainer import Trainer

BATCHES = 4
"""Always the same ones, with the same masks, so that one look compares with the next."""

PROMPT_SHARE = 3
"""A sample is given its first third and makes the rest."""


def looking(
    tokens: TokenSet, config: TrainConfig, codec: Codec | None, tracker: Tracker | None
) -> Callable[[Trainer], dict[str, float]]:
    """What the training loop calls every so often. A sample needs a codec to decode it and a tracker to go to."""
    from antiphon.soundstorm.training.data import batch_of, order_of

    order = order_of(tokens, config)
    steps = range(min(BATCHES, order.per_epoch))
    batches = [batch_of(tokens, order.at(step), step, config) for step in steps]

    def look(trainer: Trainer) -> dict[str, float]:
        if codec is not None and tracker is not None:
            _sample(trainer, tokens, config, codec, tracker)
        rows = [_measured(trainer, batch, config) for batch in batches]
        return {f"valid_{name}": sum(row[name] for row in rows) / len(rows) for name in rows[0]}

    return look


def _measured(trainer: Trainer, batch: object, config: TrainConfig) -> dict[str, float]:
    import torch

    from antiphon.soundstorm.diffusion import Noising
    from antiphon.soundstorm.training.objectives import Batch, diffusion_loss, maskgit_loss

    assert isinstance(batch, Batch)
    count = float(batch.chosen.sum())
    with torch.inference_mode():
        if config.generator.objective == "maskgit":
            loss, figures = maskgit_loss(trainer.average, batch, count)
        else:
            loss, figures = diffusion_loss(trainer.average, batch, Noising(config.generator.diffusion_steps), count)
    return {"loss": float(loss), **figures}


def _sample(trainer: Trainer, tokens: TokenSet, config: TrainConfig, codec: Codec, tracker: Tracker) -> None:
    from antiphon.soundstorm.decoding import Job, generate, task_key
    from antiphon.soundstorm.training.export import torch_logits

    if config.generator.objective != "maskgit":
        return
    example = tokens.get(0)
    frames = min(config.frames, tokens.frames(0))
    prompt = example.acoustic[:, : frames // PROMPT_SHARE]
    job = Job(example.semantic[:frames], prompt, task_key("sample", 0))
    made = generate(torch_logits(trainer.average), [job], config.generator.layout)[0].grid
    tracker.audio(trainer.step, "sample", codec.decode(made))
