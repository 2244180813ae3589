"""What `antiphon soundstorm export` puts together: a run's export, what it learnt from and what was measured."""

from __future__ import annotations

from pathlib import Path

from antiphon.errors import InputError
from antiphon.soundstorm.card import DataFacts, Evaluation, card
from antiphon.soundstorm.data import Shards
from antiphon.soundstorm.folder import FolderConfig

MAX_EVALUATION_BYTES = 1 << 20


def exported_folder(
    run: Path, out: Path, licence: str, data: Path | str | None, without: tuple[str, ...], evaluation: Path | None
) -> FolderConfig:
    """Write the folder. Raises `InputError` for data or an evaluation of another model, or a run without an export."""
    from antiphon.soundstorm.folder import FILES, Training, identity, write
    from antiphon.soundstorm.serving import load
    from antiphon.soundstorm.training.profiles import TrainConfig
    from antiphon.training import checkpoint, read_config

    trained, made = read_config(run, TrainConfig), run / "exported"
    checkpoints = checkpoint.found(run)
    if not made.is_dir() or not checkpoints:
        raise InputError(
            f"{run} has no finished model", "Let `antiphon soundstorm train generator --resume` finish it."
        )
    step = checkpoint.step_of(checkpoints[-1])
    if step < trained.steps and not trained.minutes:  # what was exported, if anything, is of an earlier end
        raise InputError(
            f"{run} is at step {step} of {trained.steps}", "Finish it with --resume, or with fewer --steps."
        )
    generator = load(made)
    training = Training(
        data=trained.data,
        steps=step,
        seed=trained.seed,
        begun_with=trained.begun_with,
    )
    config = FolderConfig(
        antiphon_version=_version(),
        name=generator.name,
        generator=generator.config,
        training=training,
        files={name: identity(made / name) for name in FILES},
    )
    facts = None if data is None else _facts(Shards(data, without), config)
    measured = None if evaluation is None else _evaluation(evaluation, config)
    write(made, out, config, card(config, licence, facts, measured))
    return config


def _version() -> str:
    from antiphon import __version__

    return __version__


def _facts(tokens: Shards, config: FolderConfig) -> DataFacts:
    if tokens.fingerprint != config.training.data:
        raise InputError(
            f"The model learnt from the token set {config.training.data}, {tokens.folder} is {tokens.fingerprint}",
            "Give the one it was trained on, and --without as in training.",
        )
    licences: dict[str, float] = {}
    for index in range(len(tokens)):
        entry = tokens.entry(index)
        licences[entry.licence] = licences.get(entry.licence, 0.0) + entry.seconds
    return DataFacts(recordings=len(tokens), speakers=len(set(tokens.speakers().tolist())), licences=licences)


def _evaluation(path: Path, config: FolderConfig) -> Evaluation:
    import msgspec

    try:
        if path.stat().st_size > MAX_EVALUATION_BYTES:
            raise InputError(f"{path} is larger than {MAX_EVALUATION_BYTES} bytes", "Give what `evaluate` wrote.")
        found = msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "Give what `evaluate --json` wrote.") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"{path} is no evaluation: {error}", "Make it by `evaluate --json`.") from error
    layout = config.generator.layout
    for what, was, now in (
        ("generator", found.generator, config.name),
        ("codec", found.codec, layout.codec),
        ("tokenizer", found.tokenizer, layout.semantic or found.tokenizer),
    ):
        if was != now:
            raise InputError(f"{path} is of the {what} {was}, not {now}", "Evaluate this model, and give that file.")
    return found
