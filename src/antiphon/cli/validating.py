"""A model in training, looked at every so often: a generator on speakers it does not learn from, a codec by ear."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from antiphon.codecs.base import Codec
    from antiphon.codecs.training import TrainConfig as CodecTrainConfig
    from antiphon.codecs.training.trainer import Network
    from antiphon.soundstorm.tokenset import TokenSet
    from antiphon.soundstorm.training.model import Generator
    from antiphon.soundstorm.training.objectives import Batch
    from antiphon.soundstorm.training.profiles import TrainConfig
    from antiphon.trackers import Tracker
    from antiphon.training.loop import Evaluate

BATCHES = 4
"""Always the same ones, with the same masks, so that one look compares with the next."""

PROMPT_SHARE = 3
"""A sample is given its first third and makes the rest."""

SAMPLES, SAMPLE_S = 3, 4.0
"""Clips that a codec is heard on, and how much of each."""


def looking(tokens: TokenSet, config: TrainConfig, codec: Codec | None, tracker: Tracker | None) -> Evaluate:
    """What the training loop calls every so often. A sample needs a codec to decode it and a tracker to go to."""
    from antiphon.soundstorm.training.data import batch_of, batch_plan

    plan = batch_plan(tokens, config)
    steps = range(min(BATCHES, plan.per_epoch))
    batches = [batch_of(tokens, plan.at(step), step, config) for step in steps]

    def look(average: Generator, step: int) -> dict[str, float]:
        if codec is not None and tracker is not None:
            _sample(average, step, tokens, config, codec, tracker)
        rows = [_measured(average, batch, config) for batch in batches]
        return {f"valid_{name}": sum(row[name] for row in rows) / len(rows) for name in rows[0]}

    return look


def _measured(average: Generator, batch: Batch, config: TrainConfig) -> dict[str, float]:
    """In as many parts as a step is made in, so that whatever memory is enough for a step is enough for this."""
    import msgspec
    import torch

    from antiphon.soundstorm.training.trainer import GeneratorObjective
    from antiphon.training.trainer import parts_of

    objective = GeneratorObjective(average, msgspec.structs.replace(config, upper_weight=0.0))
    device, count = average.heads.device, float(batch.chosen.sum())
    total: dict[str, float] = {}
    with torch.inference_mode():
        for part in parts_of(len(batch.level), config.hardware):
            inputs = {k: v if v is None else v.to(device) for k, v in batch.rows(part).tensors().items()}
            loss, figures = objective(inputs, [count])
            for name, value in {"loss": loss, **figures}.items():
                total[name] = total.get(name, 0.0) + float(value)
    return total


def _sample(
    average: Generator, step: int, tokens: TokenSet, config: TrainConfig, codec: Codec, tracker: Tracker
) -> None:
    import copy

    from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, generate, task_key
    from antiphon.soundstorm.diffusion import Noising, denoise
    from antiphon.soundstorm.training.export import torch_joint, torch_logits

    example, layout = tokens.get(0), config.generator.layout
    frames = min(config.frames, tokens.frames(0))
    prompt = example.acoustic[:, : frames // PROMPT_SHARE]
    jobs = [DecodingInput(example.semantic[:frames], prompt, task_key("sample", 0))]
    model = average if average.heads.device.type == "cpu" else copy.deepcopy(average).cpu()
    if config.generator.objective == "maskgit":
        made = generate(torch_logits(model), jobs, layout)
    else:
        noising = Noising(config.generator.diffusion_steps)
        steps = min(noising.steps, len(DecodingOptions().plan(layout)))
        made = denoise(torch_joint(model), jobs, layout, noising, steps=steps)
    tracker.audio(step, "sample", codec.decode(made[0].grid))


def codec_evaluation(prepared: Path, config: CodecTrainConfig, tracker: Tracker) -> Evaluate:
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

    def hear(average: Network, step: int) -> dict[str, float]:
        served = _served(average, config)
        distances = []
        for number, wave in enumerate(waves):
            made = served.decode(served.encode(wave))
            distances.append(mel_distance(wave, made))
            tracker.audio(step, f"sample-{number}", made)
            if not heard:
                tracker.audio(step, f"original-{number}", wave)
        heard.append(step)
        return {"sample_mel": sum(distances) / len(distances)}

    return hear


def _served(average: Network, config: CodecTrainConfig) -> Codec:
    """The codec as it is now, by way of the export: what is heard is what would be shipped."""
    import copy
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from antiphon.codecs.neural import load
    from antiphon.codecs.training.export import export

    with TemporaryDirectory() as folder:
        export(copy.deepcopy(average).cpu(), config.codec, Path(folder))
        return load(Path(folder))
