"""Models of other people's classes on torch, from a folder on this machine: their JSON files and safetensors.

Nothing is fetched, no pickle is read, and a file that lacks weights is no model: Transformers would fill the gap with
random numbers. One generation runs at a time: torch draws from one source of random numbers in a process.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from antiphon.errors import BusyError, InputError, ModelError, UnavailableError

MAX_JSON_BYTES = 16 << 20
_RUNNING = threading.Lock()


def require_extra(extra: str, *modules: str) -> None:
    """Raise `ModelError` with the command that installs them unless all `modules` are there."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ModelError(f"This engine needs {' and '.join(missing)}", f"Run `pip install 'antiphon[{extra}]'`.")


def folder_of(argument: str, repository: str) -> Path:
    """The folder, with config.json and safetensors in it. Raises `InputError`; `repository` is an example for it."""
    folder = Path(argument).expanduser()
    hint = (
        f"Fetch one: hf download {repository} --local-dir {repository.rpartition('/')[2]} "
        "--include '*.json' '*.safetensors' '*.model'"
    )
    if not folder.is_dir():
        raise InputError(f"There is no folder {argument}", hint)
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} has no config.json", hint)
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{folder} has no weights as safetensors; no others are read", hint)
    return folder


def json_of(folder: Path, name: str) -> dict[str, Any]:
    """An object in one of the folder's files; empty where there is none. Raises `ModelError`."""
    file = folder / name
    try:
        with file.open("rb") as opened:
            found = msgspec.json.decode(opened.read(MAX_JSON_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"Cannot read {file}: {error}", "Fetch it again.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{file} is no object", "Fetch it again.")
    return found


def require_kind(folder: Path, config: dict[str, Any], kind: str) -> None:
    """Raise `InputError` unless the model says that it is of this `model_type`."""
    found = config.get("model_type")
    if found != kind:
        raise InputError(f"{folder} holds a model of the type {found!r}, not {kind!r}", "Name another folder.")


def plain_name(text: str) -> str:
    """A name that can be written in a mix, a path and an offer."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")


def model_of(kind: str, folder: Path, device: str) -> Any:
    """The model of Transformers' class `kind`, ready to run. Raises `ModelError`, `InputError` for a device."""
    found = _device(device)
    library = importlib.import_module("transformers")
    importlib.import_module("transformers.utils.logging").disable_progress_bar()
    try:
        model, told = getattr(library, kind).from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        lacks = sorted(told["missing_keys"])
        if lacks:
            raise ModelError(f"{folder} lacks {len(lacks)} weights, such as {lacks[0]}", "Fetch it again.")
        return model.to(found).eval()
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, safetensors_error()) as error:
        raise ModelError(f"{folder} cannot be loaded: {line_of(error)}", "Fetch it again.") from error


def tokenizer_of(folder: Path) -> Any:
    """Raises `ModelError`."""
    library = importlib.import_module("transformers")
    try:
        return library.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, ImportError, AttributeError) as error:
        raise ModelError(f"{folder} has no tokenizer: {line_of(error)}", "Fetch its JSON files too.") from error


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Torch's random numbers begin at `seed` inside, and are for nobody else. Raises `BusyError` where memory is short,
    `UnavailableError` for all else that the model raises."""
    import torch

    with _RUNNING, torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed % 2**63)
        try:
            yield
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
            if short:
                raise BusyError("The model finds no memory now", "Try another node.", retry_after_s=10.0) from error
            raise UnavailableError(f"The model failed: {line_of(error)}", "Ask another node.") from error


def _device(name: str) -> Any:
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        hint = "Write device=cpu or device=cuda."
        raise InputError(f"There is no device {name!r} here: {line_of(error)}", hint) from error
    return torch.device(name)


def safetensors_error() -> type[Exception]:
    """What the library raises for a file that is none."""
    found: type[Exception] = importlib.import_module("safetensors").SafetensorError
    return found


def line_of(error: BaseException) -> str:
    """The first line of what somebody else's error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
