"""A model in training, looked at every so often: a generator on speakers it does not learn from, a codec by ear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from antiphon.codecs.base import Codec
    from antiphon.codecs.training import TrainConfig as CodecTrainConfig
    from antiphon.codecs.training.trainer import Trainer as CodecTrainer
    from antiphon.soundstorm.tokenset import TokenSet
    from antiphon.soundstorm.training.profiles import TrainConfig
    from antiphon.soundstorm.training.trackers import Tracker
    from antiphon.soundstorm.training.trainer import Trainer

BATCHES = 4
"""Always the same ones, with the same masks, so that one look compares with the next."""

PROMPT_SHARE = 3
"""A sample is given its first third and makes the rest."""

SAMPLES, SAMPLE_S = 3, 4.0
"""Clips that a codec is heard on, and how much of each."""


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
    from antiphon.soundstorm.decoding import DecodingOptions, Job, generate, task_key
    from antiphon.soundstorm.diffusion import Noising, denoise
    from antiphon.soundstorm.training.export import torch_joint, torch_logits

    example, layout = tokens.get(0), config.generator.layout
    frames = min(config.frames, tokens.frames(0))
    prompt = example.acoustic[:, : frames // PROMPT_SHARE]
    jobs = [Job(example.semantic[:frames], prompt, task_key("sample", 0))]
    if config.generator.objective == "maskgit":
        made = generate(torch_logits(trainer.average), jobs, layout)
    else:
        noising = Noising(config.generator.diffusion_steps)
        steps = min(noising.steps, len(DecodingOptions().plan(layout)))
        made = denoise(torch_joint(trainer.average), jobs, layout, noising, steps=steps)
    tracker.audio(trainer.step, "sample", codec.decode(made[0].grid))


def hearing(prepared: Path, config: CodecTrainConfig, tracker: Tracker) -> Callable[[CodecTrainer], dict[str, float]]:
    """What a codec's training loop calls every so often: clips of what it learns from, as the export would serve them.

    The originals go to the tracker once, for comparison.
    """
    from antiphon.audio.waveform import Waveform
    from antiphon.codecs.neural.measures import mel_distance
    from antiphon.codecs.training import data

    clips = data.load(prepared, config.codec)
    # Spread over the folder, so that they are of different speakers.
    chosen = [number * (len(clips.starts) - 1) // SAMPLES for number in range(SAMPLES)]
    most = round(SAMPLE_S * config.codec.frame_rate_hz)
    waves = []
    for clip in dict.fromkeys(chosen):
        first, last = int(clips.starts[clip]), int(clips.starts[clip + 1])
        samples = clips.samples[first * clips.hop : min(last, first + most) * clips.hop]
        waves.append(Waveform.from_pcm16(samples.tobytes(), config.codec.rate_hz))
    heard: list[int] = []

    def hear(trainer: CodecTrainer) -> dict[str, float]:
        served = _served(trainer)
        distances = []
        for number, wave in enumerate(waves):
            made = served.decode(served.encode(wave))
            distances.append(mel_distance(wave, made))
            tracker.audio(trainer.step, f"sample-{number}", made)
            if not heard:
                tracker.audio(trainer.step, f"original-{number}", wave)
        heard.append(trainer.step)
        return {"sample_mel": sum(distances) / len(distances)}

    return hear


def _served(trainer: CodecTrainer) -> Codec:
    """The codec as it is now, by way of the export: what is heard is what would be shipped."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from antiphon.codecs.neural import load
    from antiphon.codecs.training.export import export

    with TemporaryDirectory() as folder:
        export(trainer.average, trainer.config.codec, Path(folder))
        return load(Path(folder))
