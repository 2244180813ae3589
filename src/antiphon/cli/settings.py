"""Settings of a training or of decoding, from a file and from the command line, into a frozen configuration.

A file is TOML, or the JSON that every run keeps beside its checkpoints. Names are those of the configuration, a part's
behind a dot: `generator.dropout`. Nothing is passed over: an unknown name or a wrong value is refused.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from antiphon.errors import InputError

S = TypeVar("S", bound=msgspec.Struct)

MAX_FILE_BYTES = 1 << 20


def applied(
    config: S, file: Path | None, pairs: Sequence[str], *, fixed: Sequence[str] = (), named: str = "setting"
) -> S:
    """`config` with the settings of the file, then with `NAME=VALUE` pairs. `fixed` names follow from something else:
    they may be given as they are, so that a run's own file can be used again.

    Raises `InputError` for a file that cannot be read, an unknown name (with the nearest) and a value that is none.
    """
    if file is not None:
        config = _with(config, _read(file), fixed, str(file), "")
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InputError(f"{pair!r} is no {named}", "Write NAME=VALUE.")
        table: dict[str, Any] = {}
        inner = table
        *parts, last = name.strip().split(".")
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = _value(value.strip())
        config = _with(config, table, fixed, f"{pair!r}", "")
    return config


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{file} is larger than {MAX_FILE_BYTES:,} bytes", "It is no configuration.")
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Give a TOML or JSON file.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is neither TOML nor JSON: {error}", "JSON files end in .json.") from error
    if not isinstance(found, dict):
        raise InputError(f"{file} holds no table of settings", "Write NAME = VALUE, a line each.")
    return found


def _value(text: str) -> Any:
    """As in TOML; a word without quotes is a word, and several numbers with commas are a list of them."""
    for candidate in (text, f"[{text}]"):
        try:
            return tomllib.loads(f"value = {candidate}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text


def _with(config: S, table: Mapping[str, Any], fixed: Sequence[str], where: str, prefix: str) -> S:
    kinds = get_type_hints(type(config))
    known = {field: kinds[field] for field in config.__struct_fields__}
    renamed: Mapping[str, str] = getattr(type(config), "RENAMED", {})  # files of older runs have the old names
    changes: dict[str, Any] = {}
    for given, value in table.items():
        name = renamed.get(given, given)
        path = prefix + name
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise InputError(
                f"{where}: there is no setting {path}",
                f"Did you mean {prefix}{near[0]}?" if near else f"There are {', '.join(known)}.",
            )
        now = getattr(config, name)
        if path in fixed:
            if _converted(value, known[name], f"{where}: {path}") != now:
                raise InputError(f"{where}: {path} follows from the data", "Leave it out.")
        elif isinstance(now, msgspec.Struct):
            if not isinstance(value, dict):
                raise InputError(f"{where}: {path} is a table of settings", f"Write {path}.NAME.")
            changes[name] = _with(now, value, fixed, where, f"{path}.")
        else:
            changes[name] = _converted(value, known[name], f"{where}: {path}")
    try:
        return msgspec.structs.replace(config, **changes)
    except ValueError as error:
        raise InputError(f"{where}: {error}", "Give another value.") from error


def _converted(value: Any, kind: Any, where: str) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and "tuple" in str(kind):
        value = [value]
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}", "Give another value.") from error
