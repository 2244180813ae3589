"""The configuration that a run keeps beside its checkpoints, and what of it may change when the run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from antiphon.errors import InputError, OutputError, StateError

S = TypeVar("S", bound=msgspec.Struct)

FREE = ("steps", "encoder_steps", "minutes", "precision", "hardware", "packed", "log_every", "save_every",
        "save_minutes")  # fmt: skip
"""What may change when a run goes on."""

TOLD = 4
"""Most differences that an error tells."""


def read_config(out: Path, kind: type[S]) -> S:
    """The configuration a run began with. Raises `InputError` when `out` holds no run."""
    try:
        return msgspec.convert(_renamed(json.loads((out / "config.json").read_bytes()), kind), kind)
    except (OSError, ValueError) as error:
        raise InputError(f"{out} holds no training run: {error}", "Give the folder of a run.") from error


def encoded(config: Any) -> dict[str, Any]:
    """As it will be read: tuples are lists there."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(config))
    return found


def same_run(where: Path, text: str, config: Any, other: Sequence[str]) -> None:
    """Raise `StateError` unless the configuration `text`, kept at `where`, is of the run that `config` goes on with.

    `other` names what may differ beside `FREE`.
    """
    if not (before := _known(text, type(config))):
        return
    differences = _differences(
        {k: v for k, v in before.items() if k not in (*FREE, *other)},
        {k: v for k, v in encoded(config).items() if k not in (*FREE, *other)},
    )
    if differences:
        more = " (or go on with --other-data)" if [d.partition(" ")[0] for d in differences] == ["data"] else ""
        told = ", ".join(differences[:TOLD]) + (", and more" if len(differences) > TOLD else "")
        raise StateError(f"{where} is of a run with another {told}", f"Train into another folder{more}.")


def remember(config: Any, out: Path, other: Sequence[str] = ()) -> None:
    """Keep the configuration in `out`. Raises `StateError` where another run's is, `OutputError`."""
    path = out / "config.json"
    try:
        if path.is_file():
            same_run(out, path.read_text(), config, other)
        out.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(encoded(config), indent=1))
        part.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror}", "Choose another folder.") from error
    except ValueError as error:
        raise StateError(f"{path} is damaged: {error}", "Train into another folder.") from error


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """`NAME (VALUE before, not VALUE now)`; a setting that only one of both knows is told by its name alone."""
    found: list[str] = []
    for name in [*now, *(name for name in before if name not in now)]:
        path = prefix + name
        if name not in before or name not in now:
            found.append(path)
        elif isinstance(before[name], dict) and isinstance(now[name], dict):
            found.extend(_differences(before[name], now[name], f"{path}."))
        elif before[name] != now[name]:
            values = [json.dumps(one) for one in (before[name], now[name])]
            short = all(len(value) <= 60 for value in values)
            found.append(f"{path} ({values[0]}, not {values[1]})" if short else path)
    return found


def _known(text: str, kind: type[Any]) -> dict[str, Any]:
    """A configuration as this version writes it: settings that came later have their defaults."""
    found: dict[str, Any] = _renamed(json.loads(text), kind)
    with suppress(msgspec.MsgspecError):  # of another kind of training, or a newer version: names tell the difference
        found = encoded(msgspec.convert(found, kind))
    return found


def _renamed(found: Any, kind: type[Any]) -> Any:
    """A stored configuration by the names of this version (`kind.RENAMED`: old to new)."""
    names: Mapping[str, str] = getattr(kind, "RENAMED", {})
    return {names.get(name, name): value for name, value in found.items()} if isinstance(found, dict) else found
